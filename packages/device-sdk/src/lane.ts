import {
  comparePlaces,
  equalBytes,
  toHex,
  VitalchainError,
  type LaneHead,
  type Place
} from '@vitalchain/core'
import type { Pending, Proof } from './submission.ts'

/** Where the next statement of a lane stands. */
export interface NextPlace extends Place {
  readonly previous: Uint8Array
  /** Whether the device lost its outbox and goes on from what the ledger knew. */
  readonly historyLost: boolean
}

const NO_STATEMENT = new Uint8Array(32)

/**
 * One chain of statements: where its next one stands, and those that are signed and not proved yet, in order. Everybody
 * who waits for something of a lane waits for its next change and looks again.
 */
export class Lane {
  readonly number: 0 | 1
  readonly #boot: number
  readonly #bytesMax: number
  readonly #queue: Pending[] = []
  readonly #byId = new Map<string, Pending>()
  #bytes = 0
  #next: NextPlace | undefined
  /** The newest statement that is known to be committed and is not in the queue. */
  #base: LaneHead | undefined
  /** Final refusals in a row: of a session, and of a statement in an open one. */
  readonly #refusals = { session: 0, statement: 0 }
  #closing = false
  #failure: Error | undefined
  #change = Promise.withResolvers<void>()

  constructor(number: 0 | 1, boot: number, bytesMax: number) {
    this.number = number
    this.#boot = boot
    this.#bytesMax = bytesMax
  }

  /** What stopped the lane for good. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** The statements that are not proved yet, in order. */
  get queue(): readonly Pending[] {
    return this.#queue
  }

  /** Whether the lane still has to learn from the ledger where it stands. */
  get unopened(): boolean {
    return this.#next === undefined
  }

  /** Resolves at the next change of anything here. */
  changed(): Promise<void> {
    return this.#change.promise
  }

  /** Lets everybody who waits look again. */
  wake(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers<void>()
    resolve()
  }

  /**
   * Opens this boot behind the statement that came last.
   *
   * @param historyLost - `tip` is what the ledger knew, not what the device remembers
   * @throws VitalchainError `ERR_BOOT` when that statement is of this boot or a later one and the history is not lost
   */
  open(tip: LaneHead | undefined, historyLost: boolean): void {
    if (tip !== undefined && tip.boot >= this.#boot && !historyLost) {
      throw new VitalchainError('ERR_BOOT', 'the count of boots must be higher than the last one', {
        values: { boot: this.#boot, last: tip.boot }
      })
    }
    this.#next = {
      // A device that lost its outbox may have lost its count of boots with it.
      boot: Math.max(this.#boot, tip === undefined ? 0 : tip.boot + 1),
      seq: 0,
      previous: tip?.head ?? NO_STATEMENT,
      historyLost: historyLost && tip !== undefined
    }
    if (this.#queue.length === 0) this.#base = tip
    this.wake()
  }

  /**
   * Waits until a statement may be made: the lane is open and its outbox has room.
   *
   * @throws Error what stopped the lane
   */
  async room(): Promise<NextPlace> {
    while (true) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#next !== undefined && (this.#bytes < this.#bytesMax || this.#closing))
        return this.#next
      if (this.#closing) throw deviceStopped()
      await this.changed()
    }
  }

  /** Takes a statement that is signed and stored at the place that `room` gave. */
  push(pending: Pending): void {
    const { boot, seq, id } = pending.entry
    this.#next = { boot, seq: seq + 1, previous: id, historyLost: false }
    this.restore(pending)
  }

  /** Takes a statement of an earlier boot. */
  restore(pending: Pending): void {
    this.#queue.push(pending)
    this.#byId.set(toHex(pending.entry.id), pending)
    this.#bytes += pending.bytes
    if (this.#failure !== undefined) pending.fail(this.#failure)
    this.wake()
  }

  /** The unproved statement of this identity. */
  find(id: Uint8Array): Pending | undefined {
    return this.#byId.get(toHex(id))
  }

  /**
   * Compares with where a node says the lane stands.
   *
   * @returns the unproved statements that are committed by that word
   * @throws VitalchainError `ERR_HISTORY_LOST` when the ledger holds statements that this device does not know: its
   * outbox was lost or restored from a copy, or another device has its key
   */
  committedAt(head: LaneHead | undefined): readonly Pending[] {
    if (head === undefined) return []
    const index = this.#queue.findIndex(({ entry }) => equalBytes(entry.id, head.head))
    if (index >= 0) return this.#queue.slice(0, index + 1)
    const toBase = this.#base === undefined ? 1 : comparePlaces(head, this.#base)
    // Behind what is proved: the node lags, and will hold what it gets until it has caught up.
    if (toBase < 0) return []
    if (toBase === 0 && this.#base !== undefined && equalBytes(head.head, this.#base.head))
      return []
    const first = this.#queue[0]
    // A restored queue does not know the statement before its first.
    if (toBase > 0 && first !== undefined && comparePlaces(head, first.entry) < 0) return []
    throw new VitalchainError(
      'ERR_HISTORY_LOST',
      'the ledger holds statements of this device that the device does not know',
      { values: { lane: this.number, boot: head.boot, seq: head.seq } }
    )
  }

  /** A statement is proved: it leaves the queue. */
  settle(pending: Pending, proof: Proof): void {
    const { boot, seq, id } = pending.entry
    this.#queue.splice(this.#queue.indexOf(pending), 1)
    this.#byId.delete(toHex(id))
    this.#bytes -= pending.bytes
    this.#refusals.statement = 0
    if (this.#base === undefined || comparePlaces(pending.entry, this.#base) > 0)
      this.#base = { boot, seq, head: id }
    pending.prove(proof)
    this.wake()
  }

  /** A node serves this lane and agrees with its history. */
  sessionOpened(): void {
    this.#refusals.session = 0
  }

  /**
   * A node refused for good: to serve the lane, or to take a statement.
   *
   * @param max - so many in a row stop the lane
   * @returns whether this one did
   */
  refuse(error: Error, what: 'session' | 'statement', max: number): boolean {
    this.#refusals[what]++
    return this.#refusals[what] >= max && this.stop(error)
  }

  /**
   * Stops the lane: what waits in it rejects with the error and nothing more is taken.
   *
   * @returns false when it was stopped before
   */
  stop(error: Error): boolean {
    if (this.#failure !== undefined) return false
    this.#failure = error
    for (const pending of this.#queue) pending.fail(error)
    this.wake()
    return true
  }

  /** From now on nothing waits for room: what is left is stored at once, or refused if the lane never opened. */
  closing(): void {
    this.#closing = true
    this.wake()
  }
}

/** The error for what a stopped device cannot do any more. Retryable: by the same device after its next start. */
export function deviceStopped(): VitalchainError {
  return new VitalchainError('ERR_DEVICE_STOPPED', 'the device was stopped', { retryable: true })
}
