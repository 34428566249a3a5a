import type { JSX } from 'preact'
import type { TransactionJson } from '../answers.ts'
import { Hash, Table, Time } from './parts.tsx'
import { to } from '../router.ts'

/** The bit of a statement's flags that says that its device lost what it had not sent. */
const HISTORY_LOST = 1

/** What a transaction is, in a few words. */
export function whatOf(each: Omit<TransactionJson, 'height' | 'index' | 'leaf' | 'time'>): string {
  if (each.type === 'call') return `call ${each.method ?? ''}`
  if (each.type === 'conflict') return 'device contradicts itself'
  if (each.type === 'evidence') return 'evidence against a hospital'
  if (each.statement === 'gap') return `gap: ${each.count ?? 0} readings dropped`
  if (each.statement === 'rotation') return 'new device key'
  if (each.statement === 'stream') return 'stream changed'
  const lost = ((each.flags ?? 0) & HISTORY_LOST) !== 0 ? ', history lost before' : ''
  return `${each.count ?? 0} readings${each.lane === 1 ? ', urgent' : ''}${lost}`
}

/** Transactions in rows. */
export function TransactionsTable({
  caption,
  rows
}: {
  readonly caption: string
  readonly rows: readonly TransactionJson[]
}): JSX.Element {
  return (
    <Table
      caption={caption}
      head={['Transaction', 'What', 'By', 'Place', 'Block', 'Block time']}
      rows={rows.map(each => ({
        key: each.id,
        cells: [
          <Hash hex={each.id} href={to('transactions', each.id)} />,
          whatOf(each),
          <By transaction={each} />,
          each.boot === undefined ? '–' : `${each.boot}.${each.seq ?? 0}`,
          <a href={to('blocks', each.height)}>{each.height}</a>,
          <Time ms={each.time} />
        ]
      }))}
    />
  )
}

function By({
  transaction: { device, author }
}: {
  readonly transaction: TransactionJson
}): JSX.Element {
  if (device !== undefined) return <Hash hex={device} href={to('devices', device)} />
  return author === undefined ? <>–</> : <Hash hex={author} />
}
