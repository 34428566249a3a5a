import { comparePlaces, type LaneHead, type Place } from '@vitalchain/core'

/** A signed statement with its payload, exactly as it is sent. */
export interface OutboxEntry extends Place {
  readonly lane: 0 | 1
  /** The statement's identity, SHA-256 of its bytes: what the next statement names as its previous. */
  readonly id: Uint8Array
  /** How many readings the payload holds. */
  readonly count: number
  /** The epoch of the stream whose key sealed the payload. */
  readonly epoch: number
  /** The transaction's bytes. */
  readonly transaction: Uint8Array
  /** The encrypted payload. */
  readonly payload: Uint8Array
}

/** What an outbox holds of one lane. */
export interface OutboxLane {
  /** The newest statement ever appended, removed or not; undefined before the first. */
  readonly tip: LaneHead | undefined
  /** The entries not removed, in the order of their places. */
  readonly entries: readonly OutboxEntry[]
}

/** What an outbox holds. */
export interface OutboxContents {
  readonly lanes: readonly [OutboxLane, OutboxLane]
  /** The highest epoch ever appended, so that the next start opens a later one. */
  readonly epoch: number | undefined
}

/** Where signed statements wait until they are proved. A durable one lets a device lose its power at any moment. */
export interface OutboxStore {
  /** Opens the store. Called once, before anything else. */
  load(): Promise<OutboxContents>
  /** Keeps an entry, as its lane's new tip; resolves when it would survive a power cut. Only then it is sent. */
  append(entry: OutboxEntry): Promise<void>
  /** Forgets an entry that is proved. What it was the tip of stays known. */
  remove(entry: OutboxEntry): Promise<void>
  /** Closes the store. Called once, after everything else. */
  close(): Promise<void>
}

/** An outbox in memory: it outlives the device object, not the process. */
export function memoryOutbox(): OutboxStore {
  const lanes = [0, 1].map(() => ({
    tip: undefined as LaneHead | undefined,
    entries: new Map<string, OutboxEntry>()
  }))
  let epoch: number | undefined

  const contents = (lane: 0 | 1): OutboxLane => ({
    tip: lanes[lane]?.tip,
    entries: [...(lanes[lane]?.entries.values() ?? [])].toSorted(comparePlaces)
  })

  return {
    load: async () => ({ lanes: [contents(0), contents(1)], epoch }),
    async append(entry) {
      const lane = lanes[entry.lane]
      if (lane === undefined) return
      lane.tip = { boot: entry.boot, seq: entry.seq, head: entry.id }
      lane.entries.set(key(entry), entry)
      epoch = Math.max(epoch ?? 0, entry.epoch)
    },
    async remove(entry) {
      lanes[entry.lane]?.entries.delete(key(entry))
    },
    close: async () => undefined
  }
}

function key({ boot, seq }: Place): string {
  return `${boot}.${seq}`
}
