import { sha256, toHex } from '@vitalchain/core'
import type { Message } from './replica.ts'

const LINES_KEPT = 80

/** What happened, for people: the last lines, or all of them and every message. */
export class Transcript {
  readonly #all: boolean
  readonly #notes: (readonly unknown[])[] = []

  constructor(all: boolean) {
    this.#all = all
  }

  add(time: number, who: string, what: string, height?: number, view?: number): void {
    if (!this.#all && this.#notes.length >= LINES_KEPT) this.#notes.shift()
    this.#notes.push([
      `${time} ms`,
      who,
      what,
      height === undefined ? '' : `height ${height}`,
      view === undefined ? '' : `view ${view}`
    ])
  }

  /** A message leaves. */
  sent(time: number, who: string, to: 'all' | readonly number[], message: Message): void {
    if (!this.#all) return
    const place =
      message.type === 'decided'
        ? [message.certificate.height, message.certificate.view]
        : 'view' in message
          ? [message.height, message.view]
          : []
    const receivers = to === 'all' ? 'all' : to.map(each => `#${each}`).join(' ')
    this.add(time, who, `says ${message.type} to ${receivers}`, ...place)
  }

  lines(): string[] {
    return this.#notes.map(note => note.filter(each => each !== '').join(' '))
  }
}

/** A machine's name in a transcript: the second of two twins has a stroke. */
export function nameOf(host: { readonly validator: number; readonly instance: number }): string {
  return `#${host.validator}${host.instance === host.validator ? '' : "'"}`
}

/** A digest of a transcript: equal digests mean equal runs. */
export function digestOf(transcript: readonly string[]): string {
  return toHex(sha256(new TextEncoder().encode(transcript.join('\n')))).slice(0, 32)
}
