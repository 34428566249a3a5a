import {
  equalBytes,
  format,
  PAYLOAD_BYTES_MAX,
  sha256,
  toHex,
  tuple,
  uint,
  VitalchainError,
  type Format
} from '@vitalchain/core'
import { isStoreFailure, type Store, type StoreWrite } from './store.ts'
import {
  openWantedPayloads,
  unwantedWrite,
  wantedWrite,
  type WantedPayload
} from './wanted-payloads.ts'

/** Bytes of payloads that wait for the disk: a slow disk tells its clients to come back instead of filling the memory. */
export const PAYLOAD_QUEUE_BYTES_MAX: number = 32 * 1024 * 1024

/** An encrypted payload as it is stored. */
export interface Payload {
  /** SHA-256 of `bytes`. */
  readonly digest: Uint8Array
  /** 1 byte to 64 KiB. */
  readonly bytes: Uint8Array
  /** The retention class of the statement that names it. */
  readonly retention: number
}

/** When a payload is stored. */
export interface StoredAt {
  /** This node's clock, ms since 1970. */
  readonly time: number
  /** The newest height. */
  readonly height: number
}

/** What is kept about a payload, so that it can be deleted when its time is over. */
export interface PayloadMeta {
  /** Index into the genesis's `retentionDays`. */
  readonly retention: number
  /** When it was stored, by this node's clock, ms since 1970. */
  readonly storedTime: number
  /** The newest height when it was stored. */
  readonly storedHeight: number
  /** Bytes of the payload. */
  readonly size: number
}

/** The encrypted payloads that this node keeps. */
export interface PayloadStore {
  /**
   * Stores a payload; durable when it resolves. Calls that come while the disk is busy share its next sync.
   *
   * @throws VitalchainError `ERR_PAYLOAD` when the bytes are not those of the digest or too many, `ERR_BUSY` when too
   * many wait for the disk
   */
  put(payload: Payload, at: StoredAt): Promise<void>
  /** Resolves when everything put before is durable. */
  flush(): Promise<void>
  /** The payload, hashed again. One that is damaged is as good as absent, and deleted so that it can be fetched anew. */
  get(digest: Uint8Array): Uint8Array | undefined
  meta(digest: Uint8Array): PayloadMeta | undefined
  /** Whether the payload is stored and durable. */
  has(digest: Uint8Array): boolean
  /** Deletes a payload and what is kept about it; done for good when it resolves. */
  delete(digest: Uint8Array): Promise<void>
  /** Takes note of missing payloads whose `wantedWrite` is durable. */
  want(payloads: readonly WantedPayload[]): void
  /** Up to `max` payloads to fetch from others, in turns. */
  wanted(max: number): readonly WantedPayload[]
}

/** The bytes of what is kept about a payload, and back. */
export const payloadMetaFormat: Format<PayloadMeta> = format(
  'payload meta',
  64,
  tuple({ retention: uint(15), storedTime: uint(), storedHeight: uint(), size: uint() })
)

/** What happens to one digest with the next sync: it is stored, or deleted and perhaps wanted again. */
interface Change {
  readonly digest: Uint8Array
  readonly stored?: { readonly bytes: Uint8Array; readonly meta: PayloadMeta }
  /** The retention class of a payload that must be fetched again. */
  readonly wanted?: number
}

/**
 * Keeps payloads in a store, written in groups.
 *
 * @param retentionOf - the retention class of the newest statement that names a payload, when the note about it is damaged
 */
export async function openPayloadStore(
  store: Store,
  retentionOf: (digest: Uint8Array) => number | undefined = () => undefined
): Promise<PayloadStore> {
  let queue = new Map<string, Change>()
  let queuedBytes = 0
  /** What the disk is busy with. */
  let writing: ReadonlyMap<string, Change> = new Map()
  /** The write of the queue that has not begun, so that whoever comes now shares it. */
  let next: Promise<void> | undefined
  let last: Promise<void> = Promise.resolve()

  const write = (change: Change): Promise<void> => {
    const name = toHex(change.digest)
    queuedBytes += sizeOf(change) - sizeOf(queue.get(name))
    queue.set(name, change)
    if (next === undefined) {
      next = last.then(() => {
        writing = queue
        queue = new Map()
        queuedBytes = 0
        next = undefined
        return store.write([...writing.values()].flatMap(writesOf))
      })
      // Whoever put a payload sees the failure; the one who comes next tries again.
      last = next.catch(() => undefined).then(() => void (writing = new Map()))
    }
    return next
  }

  const has = (digest: Uint8Array): boolean => {
    const name = toHex(digest)
    const coming = queue.get(name) ?? writing.get(name)
    // About to be deleted: whoever brings it again must wait for a write of its own.
    if (coming !== undefined && coming.stored === undefined) return false
    return readMeta(digest) !== undefined
  }

  const readMeta = (digest: Uint8Array): PayloadMeta | undefined => {
    const encoded = unlessDamaged(() => store.get('payloadMeta', digest))
    return encoded === undefined ? undefined : payloadMetaFormat.decode(encoded)
  }

  const wanted = await openWantedPayloads(store, has)

  const fetchAgain = (again: WantedPayload): void => {
    // A failed deletion leaves the payload damaged, which the next reading finds again.
    write({ digest: again.digest, wanted: again.retention }).then(
      () => wanted.add([again]),
      () => undefined
    )
  }

  return {
    async put({ digest, bytes, retention }, { time, height }) {
      if (bytes.length > PAYLOAD_BYTES_MAX || !equalBytes(sha256(bytes), digest)) {
        throw new VitalchainError('ERR_PAYLOAD', 'the payload is not the one of its digest', {
          values: { bytes: bytes.length, bytesMax: PAYLOAD_BYTES_MAX }
        })
      }
      if (has(digest)) return
      if (queuedBytes + bytes.length > PAYLOAD_QUEUE_BYTES_MAX) {
        throw new VitalchainError('ERR_BUSY', 'too many payloads wait for the disk', {
          retryable: true,
          values: { queuedBytes, bytesMax: PAYLOAD_QUEUE_BYTES_MAX }
        })
      }
      const meta = { retention, storedTime: time, storedHeight: height, size: bytes.length }
      await write({ digest, stored: { bytes, meta } })
      wanted.remove(digest)
    },
    async flush() {
      await (next ?? last)
    },
    get(digest) {
      const bytes = unlessDamaged(() => store.get('payloads', digest))
      const whole = bytes !== undefined && equalBytes(sha256(bytes), digest)
      const noteIsDamaged = isDamaged(() => store.get('payloadMeta', digest))
      if (!whole || noteIsDamaged) {
        const isThere = noteIsDamaged || has(digest)
        const retention = isThere ? (readMeta(digest)?.retention ?? retentionOf(digest)) : undefined
        if (retention !== undefined) fetchAgain({ digest, retention })
      }
      return whole ? bytes : undefined
    },
    meta: readMeta,
    has,
    async delete(digest) {
      await write({ digest })
      wanted.remove(digest)
    },
    want: missing => wanted.add(missing),
    wanted: max => wanted.list(max)
  }
}

function sizeOf(change: Change | undefined): number {
  return change?.stored?.bytes.length ?? 0
}

function writesOf({ digest, stored, wanted }: Change): StoreWrite[] {
  return [
    wanted === undefined ? unwantedWrite(digest) : wantedWrite({ digest, retention: wanted }),
    { table: 'payloads', key: digest, value: stored?.bytes },
    { table: 'payloadMeta', key: digest, value: stored && payloadMetaFormat.encode(stored.meta) }
  ]
}

function isDamaged(read: () => unknown): boolean {
  try {
    read()
    return false
  } catch (error) {
    if (isStoreFailure(error) && error.code === 'ERR_DAMAGED') return true
    throw error
  }
}

function unlessDamaged(read: () => Uint8Array | undefined): Uint8Array | undefined {
  try {
    return read()
  } catch (error) {
    if (isStoreFailure(error) && error.code === 'ERR_DAMAGED') return undefined
    throw error
  }
}
