import {
  comparePlaces,
  equalBytes,
  PAYLOAD_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  VitalchainError,
  type LaneEnd,
  type LaneHead,
  type Place
} from '@vitalchain/core'
import {
  GAP_BYTES_MAX,
  OUTBOX_DROP_PARTS,
  WINDOW_BYTES_MAX,
  WINDOW_STATEMENTS_MAX
} from './limits.ts'
import { outboxRecord, type OutboxEntry, type OutboxRecord } from './outbox.ts'
import { Pending, type Proof } from './submission.ts'

/** Where the next statement of a lane stands. */
export interface NextPlace extends Place {
  readonly previous: Uint8Array
  /** Whether the device lost its outbox and goes on from what the ledger knew. */
  readonly historyLost: boolean
}

/** What a lane needs of its device. */
export interface LaneInit {
  readonly number: 0 | 1
  readonly boot: number
  /** Bytes that it holds before `write` waits or drops. */
  readonly bytesMax: number
  /** Keeps an entry: it survives a power cut. */
  readonly store: (entry: OutboxEntry) => Promise<void>
  /** Keeps that statements up to this place may leave the device. */
  readonly mark: (sent: Place | undefined) => Promise<void>
  /** Signs a gap that stands for these, in order. Undefined: a full lane waits. */
  readonly gap: ((dropped: readonly OutboxRecord[]) => Promise<OutboxEntry>) | undefined
  readonly onStored: (pending: Pending) => void
  readonly onDropped: (gap: Pending, dropped: readonly Pending[]) => void
}

const NO_STATEMENT = new Uint8Array(32)

/**
 * One chain of statements: where its next one stands, and those that are signed and not proved yet, in order. Everybody
 * who waits for something of a lane waits for its next change and looks again.
 */
export class Lane {
  readonly number: 0 | 1
  readonly #init: LaneInit
  readonly #queue: Pending[] = []
  #bytes = 0
  #next: NextPlace | undefined
  /** Where the newest statement left the lane. What stands before and is not in the queue is proved. */
  #tip: LaneEnd | undefined
  /** Statements up to here may have left the device: nothing else may be signed for their places. */
  #sent: Place | undefined
  /** Final refusals in a row: of a session, and of a statement in an open one. */
  readonly #refusals = { session: 0, statement: 0 }
  #closing = false
  #failure: Error | undefined
  #change = Promise.withResolvers<void>()
  #working: Promise<unknown> = Promise.resolve()

  constructor(init: LaneInit) {
    this.number = init.number
    this.#init = init
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

  /** Bytes that may be under way at once: of a small outbox that drops, so few that there is always something to drop. */
  get windowBytes(): number {
    const { bytesMax, gap } = this.#init
    return gap === undefined ? WINDOW_BYTES_MAX : Math.min(WINDOW_BYTES_MAX, bytesMax / 4)
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
    const { boot } = this.#init
    if (tip !== undefined && tip.boot >= boot && !historyLost) {
      throw new VitalchainError('ERR_BOOT', 'the count of boots must be higher than the last one', {
        values: { boot, last: tip.boot }
      })
    }
    this.#next = {
      // A device that lost its outbox may have lost its count of boots with it.
      boot: Math.max(boot, tip === undefined ? 0 : tip.boot + 1),
      seq: 0,
      previous: tip?.head ?? NO_STATEMENT,
      historyLost: historyLost && tip !== undefined
    }
    this.#tip = tip
    this.wake()
  }

  /** Keeps that the lane's history is in the store: the next start needs no network to go on. */
  async remember(): Promise<void> {
    await this.#alone(() => this.#init.mark(this.#sent))
  }

  /** Takes statements of earlier boots, in order, of which those up to `sent` may have left the device. */
  restore(records: readonly OutboxRecord[], sent: Place | undefined): void {
    for (const record of records) this.#push(new Pending(record))
    this.#sent = sent
  }

  /**
   * Waits until the lane is open and its outbox has room, dropping the oldest statements if that is the policy.
   *
   * @throws Error what stopped the lane
   */
  async room(): Promise<void> {
    while (true) {
      // What changes while statements are dropped must not be missed.
      const change = this.changed()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#next !== undefined && this.#hasRoom()) return
      if (this.#closing) throw deviceStopped()
      if (this.#next === undefined || !(await this.#dropOldest())) await change
    }
  }

  /**
   * Makes a statement at the lane's next place, stores it and takes it into the queue. Waits for room; nothing else is
   * signed for this lane in the meantime.
   *
   * @throws Error what stopped the lane, or what `make` or the store threw: then a half-written statement may stand at
   * its place and the caller must stop the lane
   */
  async write(make: (place: NextPlace) => Promise<OutboxEntry>): Promise<Pending> {
    while (true) {
      await this.room()
      const pending = await this.#alone(async () => {
        if (this.#failure !== undefined) throw this.#failure
        if (this.#next === undefined || !this.#hasRoom()) return undefined
        const { historyLost } = this.#next
        const entry = await make(this.#next)
        await this.#init.store(entry)
        // Only this statement says that history was lost: what may have left the device is not dropped.
        if (historyLost) await this.#markSent({ boot: entry.boot, seq: entry.seq })
        this.#tip = entry.after
        this.#next = {
          ...entry.after,
          seq: entry.after.seq + 1,
          previous: entry.after.head,
          historyLost: false
        }
        const stored = new Pending(outboxRecord(entry))
        this.#push(stored)
        if (this.#failure !== undefined) stored.fail(this.#failure)
        this.#init.onStored(stored)
        this.wake()
        return stored
      })
      if (pending !== undefined) return pending
    }
  }

  /**
   * Keeps that a statement leaves the device. From then on it is not dropped.
   *
   * @returns false when it was dropped before that
   */
  async leave(pending: Pending): Promise<boolean> {
    if (this.#sent !== undefined && comparePlaces(pending.record, this.#sent) <= 0) return true
    return this.#alone(async () => {
      if (!this.#queue.includes(pending)) return false
      await this.#markSent(this.#mark(pending.record))
      return true
    })
  }

  async #markSent(sent: Place): Promise<void> {
    await this.#init.mark(sent)
    this.#sent = sent
  }

  /** The unproved statement of this identity. Those that are asked about stand in front. */
  find(id: Uint8Array): Pending | undefined {
    return this.#queue.find(pending => equalBytes(pending.id, id))
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
    const isHead = ({ after }: OutboxRecord): boolean => equalBytes(after.head, head.head)
    const isAt = ({ after, ...place }: OutboxRecord): boolean =>
      comparePlaces(head, place) >= 0 && comparePlaces(head, after) <= 0
    const waiting = this.#queue.find(({ record }) => isAt(record))
    const toTip = this.#tip === undefined ? 1 : comparePlaces(head, this.#tip)
    const isTip = toTip === 0 && this.#tip !== undefined && equalBytes(head.head, this.#tip.head)
    const isKnown = waiting === undefined ? toTip < 0 || isTip : isHead(waiting.record)
    if (!isKnown) {
      throw new VitalchainError(
        'ERR_HISTORY_LOST',
        'the ledger holds statements of this device that the device does not know',
        { values: { lane: this.number, boot: head.boot, seq: head.seq } }
      )
    }
    // A head that does not wait is proved, perhaps before one that it follows: their receipts came in any order.
    return this.#queue.filter(({ record }) => comparePlaces(record.after, head) <= 0)
  }

  /** A statement is proved: it leaves the queue. */
  settle(pending: Pending, proof: Proof): void {
    const { bytes } = pending.record
    this.#queue.splice(this.#queue.indexOf(pending), 1)
    this.#bytes -= bytes
    this.#refusals.statement = 0
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

  /** Resolves when nothing is being signed or stored for this lane. */
  async settled(): Promise<void> {
    await this.#alone(async () => undefined)
  }

  #hasRoom(): boolean {
    return this.#bytes < this.#init.bytesMax || this.#closing
  }

  #push(pending: Pending): void {
    this.#queue.push(pending)
    this.#bytes += pending.record.bytes
  }

  /** Runs one piece of work on the chain at a time. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working.then(work)
    this.#working = result.catch(() => undefined)
    return result
  }

  /**
   * How far the next mark reaches. Each costs a synced write, and what it covers is not dropped: as many statements as
   * are under way at once, in a small outbox as many as take a quarter of it at worst. A lane that drops nothing marks
   * the whole boot.
   */
  #mark({ boot, seq }: Place): Place {
    const { bytesMax, gap } = this.#init
    if (gap === undefined)
      return { boot: Math.max(boot, this.#next?.boot ?? 0), seq: Number.MAX_SAFE_INTEGER }
    const statements = Math.floor(bytesMax / 4 / (TRANSACTION_BYTES_MAX + PAYLOAD_BYTES_MAX))
    return { boot, seq: seq + Math.max(1, Math.min(WINDOW_STATEMENTS_MAX, statements)) - 1 }
  }

  /**
   * Puts one gap in the place of the oldest statements that never left the device.
   *
   * @returns whether it did
   */
  async #dropOldest(): Promise<boolean> {
    return this.#alone(async () => {
      const { gap: signGap } = this.#init
      if (signGap === undefined || this.#hasRoom() || this.#failure !== undefined) return false
      const start = this.#firstDroppable()
      const dropped = this.#run(start)
      // A gap must take less room than what it stands for.
      if (dropped.length < 2 && (dropped[0]?.record.bytes ?? 0) < 2 * GAP_BYTES_MAX) return false
      const entry = await signGap(dropped.map(({ record }) => record))
      await this.#init.store(entry)
      const gap = new Pending(outboxRecord(entry))
      // Statements before the run may have been proved while the gap was signed.
      const index = this.#queue.findIndex(pending => pending === dropped[0])
      if (index < 0 || this.#queue[index + dropped.length - 1] !== dropped.at(-1)) {
        throw new VitalchainError(
          'ERR_HISTORY_LOST',
          'the ledger holds statements that this outbox never let go: it was restored from a copy',
          { values: { lane: this.number, boot: entry.boot, seq: entry.seq } }
        )
      }
      this.#queue.splice(index, dropped.length, gap)
      for (const { record } of dropped) this.#bytes -= record.bytes
      this.#bytes += gap.record.bytes
      const error = new VitalchainError(
        'ERR_OUTBOX_DROPPED',
        'the outbox was full: a gap stands in the place of this statement',
        { values: { lane: this.number, boot: entry.boot, seq: entry.seq } }
      )
      for (const pending of dropped) pending.fail(error)
      this.#init.onDropped(gap, dropped)
      this.wake()
      return true
    })
  }

  /** Behind what may have left the device, and behind what must not be dropped: a gap before it may need another key. */
  #firstDroppable(): number {
    const sent = this.#sent
    const unsent =
      sent === undefined
        ? 0
        : this.#queue.findIndex(({ record }) => comparePlaces(record, sent) > 0)
    const kept = this.#queue.findLastIndex(
      ({ record: { type } }) => type !== 'readings' && type !== 'gap'
    )
    return unsent < 0 ? this.#queue.length : Math.max(unsent, kept + 1)
  }

  /** As many statements as make room worth a signature. */
  #run(start: number): readonly Pending[] {
    const wanted = Math.max(this.#init.bytesMax / OUTBOX_DROP_PARTS, 2 * GAP_BYTES_MAX)
    let bytes = 0
    let end = start
    while (end < this.#queue.length && bytes < wanted)
      bytes += this.#queue[end++]?.record.bytes ?? 0
    return this.#queue.slice(start, end)
  }
}

/** The error for what a stopped device cannot do any more. Retryable: by the same device after its next start. */
export function deviceStopped(): VitalchainError {
  return new VitalchainError('ERR_DEVICE_STOPPED', 'the device was stopped', { retryable: true })
}
