import type { Place, Proven } from '@vitalchain/core'
import type { OutboxEntry } from './outbox.ts'

/** A receipt that this device verified itself, and what it proves. */
export interface Proof {
  /** The receipt's bytes: keep them, they prove the statement offline and for ever. */
  readonly receipt: Uint8Array
  readonly proven: Proven
}

/**
 * A signed and stored statement on its way to the ledger. Its three promises reject together, with the `VitalchainError`
 * that stopped its lane, or with `ERR_DEVICE_STOPPED`; nobody has to listen.
 */
export interface Submission {
  /** 0 = readings, 1 = urgent. */
  readonly lane: 0 | 1
  readonly place: Place
  /** The statement's identity, 32 bytes. */
  readonly id: Uint8Array
  /** How many readings it holds. */
  readonly count: number
  /** A node took it. That promises nothing. */
  readonly accepted: Promise<void>
  /** A node says that the network committed it. */
  readonly committed: Promise<void>
  /** The network committed it: the receipt is verified and is for this very statement. */
  readonly proved: Promise<Proof>
}

/** A submission from the side that moves it on. A later step includes those before it; a step twice is no fault. */
export class Pending {
  readonly entry: OutboxEntry
  readonly submission: Submission
  /** Bytes that it takes on the way and in the outbox. */
  readonly bytes: number
  readonly #accepted = Promise.withResolvers<void>()
  readonly #committed = Promise.withResolvers<void>()
  readonly #proved = Promise.withResolvers<Proof>()
  #step: 0 | 1 | 2 | 3 = 0

  constructor(entry: OutboxEntry) {
    this.entry = entry
    this.bytes = entry.transaction.length + entry.payload.length
    const { lane, boot, seq, id, count } = entry
    this.submission = {
      lane,
      place: { boot, seq },
      id,
      count,
      accepted: this.#accepted.promise,
      committed: this.#committed.promise,
      proved: this.#proved.promise
    }
    // A program that does not look at one of them must not die of an unhandled rejection.
    for (const { promise } of [this.#accepted, this.#committed, this.#proved])
      promise.catch(() => undefined)
  }

  /** @returns whether this is news */
  accept(): boolean {
    return this.#advance(1)
  }

  /** @returns whether this is news */
  commit(): boolean {
    return this.#advance(2)
  }

  prove(proof: Proof): void {
    this.#advance(3)
    this.#proved.resolve(proof)
  }

  fail(error: Error): void {
    for (const step of [this.#accepted, this.#committed, this.#proved]) step.reject(error)
  }

  #advance(step: 1 | 2 | 3): boolean {
    if (this.#step >= step) return false
    this.#step = step
    this.#accepted.resolve()
    if (step >= 2) this.#committed.resolve()
    return true
  }
}
