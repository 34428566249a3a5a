import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Problem } from '../api.ts'
import { ago, isoTime, localTime, short } from '../format.ts'
import type { Asked } from '../hooks.ts'

/** How a thing is, in a colour, a sign and a word: never the colour alone. */
export type Tone = 'ok' | 'warn' | 'bad' | 'plain'

const SIGNS: Readonly<Record<Tone, string>> = { ok: '✓', warn: '!', bad: '✕', plain: '·' }

/** A word about a state. */
export function Badge({
  tone,
  children
}: {
  readonly tone: Tone
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]} </span>
      {children}
    </span>
  )
}

/** A box with a heading. */
export function Card({
  title,
  children,
  wide = false
}: {
  readonly title: string
  readonly children: ComponentChildren
  readonly wide?: boolean
}): JSX.Element {
  return (
    <section class={wide ? 'card wide' : 'card'}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

/** A number that matters, with its name. */
export function Tile({
  name,
  children
}: {
  readonly name: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** A row of a {@link Table}: the first cell names it. */
export interface Row {
  readonly key: string | number
  readonly cells: readonly ComponentChildren[]
}

/**
 * A table. It scrolls on its own when the screen is too narrow; on a phone each row stands for itself, with the name of the
 * column before each cell. The roles say again what the elements are, because they are not laid out as a table there.
 */
export function Table({
  caption,
  head,
  rows
}: {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly Row[]
}): JSX.Element {
  return (
    // By keyboard it scrolls only when it has the focus.
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table role="table">
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {head.map(name => (
              <th key={name} scope="col" role="columnheader">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(({ key, cells: [first, ...rest] }) => (
            <tr key={key} role="row">
              <th scope="row" role="rowheader">
                {first}
              </th>
              {rest.map((cell, k) => (
                <td key={head[k + 1]} role="cell" data-label={head[k + 1]}>
                  <span>{cell}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Pairs of a name and what it is. */
export function Pairs({
  of
}: {
  readonly of: readonly (readonly [name: string, value: ComponentChildren])[]
}): JSX.Element {
  return (
    <dl class="pairs">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** A name in hexadecimal by its ends; the whole of it for who asks. */
export function Hash({ hex, href }: { readonly hex: string; readonly href?: string }): JSX.Element {
  const text = <code title={hex}>{short(hex)}</code>
  return href === undefined ? text : <a href={href}>{text}</a>
}

/** A whole name in hexadecimal, to be copied. */
export function FullHash({ hex }: { readonly hex: string }): JSX.Element {
  const [copied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(hex)
    setCopied(true)
  }
  return (
    <span class="full-hash">
      <code>{hex}</code>{' '}
      {'clipboard' in navigator && (
        <button type="button" class="small" onClick={() => void copy()}>
          {copied ? 'copied' : 'copy'}
        </button>
      )}
    </span>
  )
}

/** A time by this computer's clock, with UTC behind it. */
export function Time({
  ms,
  relative = false
}: {
  readonly ms: number
  readonly relative?: boolean
}): JSX.Element {
  return (
    <time dateTime={isoTime(ms)} title={isoTime(ms)}>
      {relative ? ago(ms) : localTime(ms)}
    </time>
  )
}

/** What is said when something is wrong, or is not there. */
export function Notice({
  tone = 'plain',
  children
}: {
  readonly tone?: Tone
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <p class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      {children}
    </p>
  )
}

/** Draws an answer, or says that it is waited for or why there is none. */
export function Answer<T>({
  asked: { data, error },
  children
}: {
  readonly asked: Asked<T>
  readonly children: (data: T) => ComponentChildren
}): JSX.Element {
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      {data === undefined && error === undefined && (
        <p class="muted" role="status">
          Loading…
        </p>
      )}
      {data !== undefined && children(data)}
    </>
  )
}

/** Why something failed. */
export function Failure({ error }: { readonly error: Error }): JSX.Element {
  if (!(error instanceof Problem)) return <Notice tone="bad">{error.message}</Notice>
  if (error.status === 403)
    return (
      <Notice tone="warn">
        Your token does not open this: it needs the role of a reader or an operator.{' '}
        <code>{error.code}</code>
      </Notice>
    )
  return (
    <Notice tone="bad">
      {error.message} <code>{error.code}</code>
    </Notice>
  )
}

/** A text in which commands stand between backticks. */
export function Words({ of }: { readonly of: string }): JSX.Element {
  return <>{of.split('`').map((part, k) => (k % 2 === 1 ? <code key={k}>{part}</code> : part))}</>
}
