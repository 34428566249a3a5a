import { comparePlaces } from '@vitalchain/core'
import type { OutboxContents, OutboxEntry, OutboxRecord, OutboxStore } from '../outbox.ts'
import { SEEN_JOURNAL_BYTES, SEEN_MAX } from './limits.ts'
import type { SeenJournal, SeenLine, SeenPart } from './seen-journal.ts'

/** The place of lines that are known to be stored. Outboxes count boots from 1. */
const BEFORE = { lane: 0, boot: 0, seq: 0 } as const

/** Readings of one recording, in the order in which they go into statements. */
interface Expected {
  /** Undefined for what is not recognized when it comes again. */
  readonly key: string | undefined
  /** Values of its message that were stored before. */
  done: number
  left: number
}

/**
 * An outbox that remembers which messages of a sensor its statements hold, so that one that is delivered again, also after a
 * crash, is not recorded again. What a statement holds is on disk before the statement is; at the next start the lane's tip
 * tells whether the statement followed.
 */
export class RememberingOutbox implements OutboxStore {
  readonly #store: OutboxStore
  readonly #journal: SeenJournal
  /** How many values of a message are stored, by its key; the oldest first. */
  readonly #seen = new Map<string, number>()
  readonly #expected: readonly [Expected[], Expected[]] = [[], []]

  constructor(store: OutboxStore, journal: SeenJournal) {
    this.#store = store
    this.#journal = journal
  }

  /** How many values of the message with this key are stored. */
  stored(key: string): number {
    return this.#seen.get(key) ?? 0
  }

  /**
   * Says what is recorded next in a lane. Called right before `record`, in whose order statements are filled.
   *
   * @param readings - how many, those behind the ones that are stored already
   */
  expect(lane: 0 | 1, key: string | undefined, readings: number): void {
    const done = key === undefined ? 0 : this.stored(key)
    this.#expected[lane].push({ key, done, left: readings })
  }

  async load(): Promise<OutboxContents> {
    const contents = await this.#store.load()
    const hasHistory = contents.lanes.some(({ tip }) => tip !== undefined)
    const lines = (await this.#journal.read()).filter(line => {
      const { tip } = contents.lanes[line.lane]
      if (line.boot === BEFORE.boot) return hasHistory
      return tip !== undefined && comparePlaces(line, tip) <= 0
    })
    for (const line of lines) this.#remember(line.parts)
    // Now, because the tip of a later start says nothing about this one's last statement.
    await this.#journal.rewrite(this.#lines())
    return contents
  }

  async append(entry: OutboxEntry): Promise<void> {
    if (entry.type !== 'readings') return this.#store.append(entry)
    const { lane, boot, seq } = entry
    const parts = this.#fill(this.#expected[lane], entry.count)
    if (parts.length > 0) await this.#journal.append({ lane, boot, seq, parts })
    await this.#store.append(entry)
    this.#remember(parts)
    if (this.#journal.bytes > SEEN_JOURNAL_BYTES) await this.#journal.rewrite(this.#lines())
  }

  read(record: OutboxRecord): Promise<OutboxEntry> {
    return this.#store.read(record)
  }

  remove(record: OutboxRecord): Promise<void> {
    return this.#store.remove(record)
  }

  mark(...args: Parameters<OutboxStore['mark']>): Promise<void> {
    return this.#store.mark(...args)
  }

  async close(): Promise<void> {
    await this.#store.close()
    await this.#journal.close()
  }

  /** What goes into the next statement of so many readings. */
  #fill(expected: Expected[], count: number): readonly SeenPart[] {
    const parts: SeenPart[] = []
    let room = count
    while (room > 0) {
      const [first] = expected
      if (first === undefined) break
      const taken = Math.min(room, first.left)
      room -= taken
      first.left -= taken
      first.done += taken
      if (first.key !== undefined) parts.push({ key: first.key, upTo: first.done })
      if (first.left === 0) expected.shift()
    }
    return parts
  }

  #remember(parts: readonly SeenPart[]): void {
    for (const { key, upTo } of parts) {
      this.#seen.delete(key)
      this.#seen.set(key, upTo)
    }
    for (const key of this.#seen.keys()) {
      if (this.#seen.size <= SEEN_MAX) break
      this.#seen.delete(key)
    }
  }

  /** All that is remembered, as of statements before any: those are known to be stored. */
  #lines(): readonly SeenLine[] {
    const parts = [...this.#seen].map(([key, upTo]) => ({ key, upTo }))
    return parts.length === 0 ? [] : [{ ...BEFORE, parts }]
  }
}
