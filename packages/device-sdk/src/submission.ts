import type { Place, Proven, Statement } from '@vitalchain/core'
import type { OutboxRecord } from './outbox.ts'

/** A receipt that this device verified itself, and what it proves. */
export interface Proof {
  /** The receipt's bytes: keep them, they prove the statement offline and for ever. */
  readonly receipt: Uint8Array
  readonly proven: Proven
}

/**
 * A signed and stored statement on its way to the ledger. Its three promises reject together: with the `VitalchainError`
 * that stopped its lane, with `ERR_OUTBOX_DROPPED` when a full outbox let it go, or with `ERR_DEVICE_STOPPED`; nobody
 * has to listen.
 */
export interface Submission {
  /** 0 = readings, 1 = urgent. */
  readonly lane: 0 | 1
  readonly place: Place
  readonly type: Statement['type']
  /** The statement's identity, 32 bytes. */
  readonly id: Uint8Array
  /** How many readings it holds, or how many a gap stands for. */
  readonly count: number
  /** A node took it. That promises nothing. */
  readonly accepted: Promise<void>
  /** A node says that the network committed it. */
  readonly committed: Promise<void>
  /** The network committed it: the receipt is verified and is for this very statement. */
  readonly proved: Promise<Proof>
}

/**
 * A submission from the side that moves it on. A later step includes those before it; a step twice is no fault.
 * A week's backlog has tens of thousands of these, so promises are made only for who asks for them.
 */
export class Pending implements Submission {
  readonly record: OutboxRecord
  #step: 0 | 1 | 2 | 3 = 0
  #proof: Proof | undefined
  #failure: Error | undefined
  #promises: Promises | undefined

  constructor(record: OutboxRecord) {
    this.record = record
  }

  /** The side that an app sees. */
  get submission(): Submission {
    return this
  }

  get lane(): 0 | 1 {
    return this.record.lane
  }

  get place(): Place {
    const { boot, seq } = this.record
    return { boot, seq }
  }

  get type(): Statement['type'] {
    return this.record.type
  }

  get id(): Uint8Array {
    return this.record.id
  }

  get count(): number {
    return this.record.count
  }

  get accepted(): Promise<void> {
    return this.#asked().accepted.promise
  }

  get committed(): Promise<void> {
    return this.#asked().committed.promise
  }

  get proved(): Promise<Proof> {
    return this.#asked().proved.promise
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
    this.#proof = proof
    this.#advance(3)
  }

  fail(error: Error): void {
    this.#failure ??= error
    this.#settle()
  }

  #advance(step: 1 | 2 | 3): boolean {
    if (this.#step >= step || this.#failure !== undefined) return false
    this.#step = step
    this.#settle()
    return true
  }

  #asked(): Promises {
    if (this.#promises === undefined) {
      const [accepted, committed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      this.#promises = { accepted, committed, proved: Promise.withResolvers<Proof>() }
      // A program that does not look at one of them must not die of an unhandled rejection.
      for (const { promise } of Object.values(this.#promises)) promise.catch(() => undefined)
      this.#settle()
    }
    return this.#promises
  }

  /** What is settled already stays as it is. */
  #settle(): void {
    if (this.#promises === undefined) return
    const { accepted, committed, proved } = this.#promises
    if (this.#step >= 1) accepted.resolve()
    if (this.#step >= 2) committed.resolve()
    if (this.#proof !== undefined) proved.resolve(this.#proof)
    if (this.#failure === undefined) return
    for (const { reject } of [accepted, committed, proved]) reject(this.#failure)
  }
}

interface Promises {
  readonly accepted: PromiseWithResolvers<void>
  readonly committed: PromiseWithResolvers<void>
  readonly proved: PromiseWithResolvers<Proof>
}
