import {
  comparePlaces,
  equalBytes,
  laneAfter,
  type LaneEnd,
  type Place,
  type PublicKey,
  type Statement
} from '@vitalchain/core'
import { keepHash } from './hash-slab.ts'

/** Which stream a lane's readings belong to from some place on; no stream after a dissociation. */
export interface LaneBinding {
  readonly stream: Uint8Array | undefined
  readonly generation: number
}

/** What is known of a lane beside its place, and outlives the statements that said it. */
export interface LaneMemory {
  /** The key that signs behind the newest rotation; undefined before the first. */
  readonly key?: PublicKey | undefined
  /** What the newest statement about a stream said; undefined before the first. */
  readonly binding?: LaneBinding | undefined
}

/** What a device keeps in its memory of a signed statement: all but the bytes that are sent. */
export interface OutboxRecord extends Place, LaneMemory {
  readonly lane: 0 | 1
  readonly type: Statement['type']
  /** The statement's identity, SHA-256 of its bytes. */
  readonly id: Uint8Array
  /** Where the lane stands behind it: its own place and identity, or those of the last statement that a gap stands for. */
  readonly after: LaneEnd
  /** How many readings it holds, or how many a gap stands for. */
  readonly count: number
  /** The epoch of the stream whose key sealed the payload; undefined without one. */
  readonly epoch: number | undefined
  /** Bytes of transaction and payload together. */
  readonly bytes: number
}

/** A signed statement with its payload, exactly as it is sent. */
export interface OutboxEntry extends OutboxRecord {
  /** The transaction's bytes, at most 65 535. */
  readonly transaction: Uint8Array
  /** The encrypted payload, at most 65 536 bytes; undefined for a statement that has none. */
  readonly payload: Uint8Array | undefined
}

/** Where a lane stands behind the newest statement ever appended, removed or not, and what was said in it. */
export interface OutboxTip extends LaneEnd, LaneMemory {}

/** What an outbox holds of one lane. */
export interface OutboxLane {
  /** Undefined before the first statement. */
  readonly tip: OutboxTip | undefined
  /** The entries not removed, in the order of their places. */
  readonly entries: readonly OutboxRecord[]
  /** Whether `mark` was ever called for this lane: its history, if it has one, is in this store. */
  readonly known: boolean
  /** The last mark: statements up to this place may have left the device. */
  readonly sent: Place | undefined
}

/** What an outbox holds. */
export interface OutboxContents {
  /** The count of boots to use now, from a store that counts its openings durably; undefined from one that cannot. */
  readonly boot: number | undefined
  readonly lanes: readonly [OutboxLane, OutboxLane]
  /** The highest epoch ever appended, so that the next start opens a later one. */
  readonly epoch: number | undefined
}

/**
 * Where signed statements wait until they are proved. A durable one lets a device lose its power at any moment.
 * Calls may overlap; each sees what those before it did. `outboxContract` of `@vitalchain/device-sdk/testing` tests one.
 */
export interface OutboxStore {
  /**
   * Opens the store, for this caller alone. Called once, before anything else. A durable store counts: `boot` is above
   * every boot that it gave or keeps, and is itself kept before this resolves.
   *
   * @throws VitalchainError `ERR_OUTBOX_IN_USE` when it is open elsewhere, `ERR_OUTBOX_CORRUPT` when it cannot be read
   */
  load(): Promise<OutboxContents>
  /**
   * Keeps an entry, as its lane's new tip if it is the newest; resolves when it would survive a power cut. Only then it
   * is sent. It takes the place of every other entry of its lane from its own place to `after`: a gap, of those that
   * it stands for. Both happen or neither.
   */
  append(entry: OutboxEntry): Promise<void>
  /** The whole entry of a record that `load` or `append` saw and nothing took away. */
  read(record: OutboxRecord): Promise<OutboxEntry>
  /** Forgets an entry that is proved. It may come back after a power cut. What it was the tip of stays known. */
  remove(record: OutboxRecord): Promise<void>
  /** Keeps that statements of a lane up to this place may leave the device; resolves as `append` does. */
  mark(lane: 0 | 1, sent: Place | undefined): Promise<void>
  /** Closes the store. Called once, after everything else. */
  close(): Promise<void>
}

/** A statement as an outbox keeps it. */
export function outboxEntry(
  statement: Statement,
  sent: Pick<OutboxEntry, 'id' | 'transaction' | 'payload'>,
  memory: LaneMemory = {}
): OutboxEntry {
  const { lane, boot, seq, type } = statement
  const { head, ...place } = laneAfter(statement, sent.id)
  return {
    lane,
    boot,
    seq,
    type,
    // A copy, or 32 bytes would keep the whole file in memory that they were read from.
    after: { ...place, head: head === sent.id ? head : head.slice() },
    count: statement.type === 'readings' || statement.type === 'gap' ? statement.count : 0,
    epoch: statement.type === 'readings' ? statement.epoch : undefined,
    bytes: sent.transaction.length + (statement.type === 'readings' ? statement.payloadSize : 0),
    ...memory,
    ...sent
  }
}

/** What stays in memory of an entry whose bytes are stored. */
export function outboxRecord(entry: OutboxEntry): OutboxRecord {
  const { lane, boot, seq, type, count, epoch, bytes, key, binding } = entry
  const id = keepHash(entry.id)
  const { head, ...end } = entry.after
  const after = { ...end, head: equalBytes(head, id) ? id : keepHash(head) }
  return { lane, boot, seq, type, id, after, count, epoch, bytes, key, binding }
}

/** Where a lane stands with one more entry, which may be an older one that is written again. */
export function tipWith(
  tip: OutboxTip | undefined,
  { after, key, binding }: OutboxRecord
): OutboxTip {
  if (tip !== undefined && comparePlaces(after, tip) <= 0) return tip
  return { ...after, key: key ?? tip?.key, binding: binding ?? tip?.binding }
}

/** Whether an appended entry takes this one's place. */
export function isReplacedBy(
  record: Pick<OutboxRecord, 'lane' | 'boot' | 'seq'>,
  entry: OutboxRecord
): boolean {
  return (
    record.lane === entry.lane &&
    comparePlaces(record, entry) >= 0 &&
    comparePlaces(record, entry.after) <= 0
  )
}

/**
 * An outbox in memory: it outlives the device object, not the process, so it cannot count boots. It holds payloads in
 * memory too.
 */
export function memoryOutbox(): OutboxStore {
  const lanes = [memoryLane(), memoryLane()] as const
  let epoch: number | undefined

  return {
    load: async () => ({
      boot: undefined,
      lanes: [contentsOf(lanes[0]), contentsOf(lanes[1])],
      epoch
    }),
    async append(entry) {
      const lane = lanes[entry.lane]
      // A batch stands for itself only; to look through all of a long queue each time would take long.
      if (comparePlaces(entry, entry.after) !== 0) {
        for (const [key, other] of lane.entries)
          if (isReplacedBy(other, entry)) lane.entries.delete(key)
      }
      lane.tip = tipWith(lane.tip, entry)
      lane.entries.set(placeKey(entry), entry)
      if (entry.epoch !== undefined) epoch = Math.max(epoch ?? 0, entry.epoch)
    },
    async read(record) {
      const entry = lanes[record.lane].entries.get(placeKey(record))
      if (entry === undefined) throw new Error('no such entry')
      return entry
    },
    async remove(record) {
      lanes[record.lane].entries.delete(placeKey(record))
    },
    async mark(lane, sent) {
      lanes[lane].known = true
      lanes[lane].sent = sent
    },
    close: async () => undefined
  }
}

interface MemoryLane {
  tip: OutboxTip | undefined
  readonly entries: Map<string, OutboxEntry>
  known: boolean
  sent: Place | undefined
}

function contentsOf({ tip, entries, known, sent }: MemoryLane): OutboxLane {
  const records = [...entries.values()].toSorted(comparePlaces).map(outboxRecord)
  return { tip, entries: records, known, sent }
}

function memoryLane(): MemoryLane {
  return { tip: undefined, entries: new Map(), known: false, sent: undefined }
}

/** A place as the key of a map. */
export function placeKey({ boot, seq }: Place): string {
  return `${boot}.${seq}`
}
