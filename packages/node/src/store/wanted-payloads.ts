import { toHex } from '@vitalchain/core'
import type { Store, StoreWrite } from './store.ts'

/** A payload that a committed statement names and this node lacks. */
export interface WantedPayload {
  /** SHA-256 of the payload. */
  readonly digest: Uint8Array
  /** The retention class of the statement. */
  readonly retention: number
}

/** Wanted payloads held in memory; a node that caught up with years of history finds the others on its disk. */
const WANTED_IN_MEMORY_MAX = 4_096

/** What this node still has to fetch. It is in the store too, so that a restart forgets none. */
export interface WantedPayloads {
  /** Takes note of payloads whose {@link wantedWrite} is durable. */
  add(wanted: readonly WantedPayload[]): void
  /** A payload is there, or is wanted no more. */
  remove(digest: Uint8Array): void
  /** Up to `max` of them, in turns: what nobody had waits until all others were asked for. */
  list(max: number): readonly WantedPayload[]
}

/** The write that makes a payload wanted for good. */
export function wantedWrite({ digest, retention }: WantedPayload): StoreWrite {
  return { table: 'wanted', key: digest, value: Uint8Array.of(retention) }
}

/** The write that ends it. */
export function unwantedWrite(digest: Uint8Array): StoreWrite {
  return { table: 'wanted', key: digest, value: undefined }
}

/**
 * Reads what is wanted.
 *
 * @param has - whether a payload is stored; what is stored is not wanted, whatever was noted
 */
export async function openWantedPayloads(
  store: Store,
  has: (digest: Uint8Array) => boolean
): Promise<WantedPayloads> {
  const wanted = new Map<string, WantedPayload>()
  // Whether the store holds more than the memory.
  let more = false
  let loading: Promise<void> | undefined

  const add = (payload: WantedPayload): void => {
    if (wanted.size >= WANTED_IN_MEMORY_MAX) more = true
    else wanted.set(toHex(payload.digest), payload)
  }
  const load = async (): Promise<void> => {
    more = false
    const stale: StoreWrite[] = []
    for await (const { key, value } of store.entries('wanted')) {
      if (has(key)) stale.push(unwantedWrite(key))
      else add({ digest: key, retention: value[0] ?? 0 })
      if (more) break
    }
    if (stale.length > 0) await store.write(stale)
  }

  await load()
  return {
    add(payloads) {
      for (const payload of payloads) add(payload)
    },
    remove: digest => void wanted.delete(toHex(digest)),
    list(max) {
      const turn = [...wanted].slice(0, max)
      for (const [name, payload] of turn) {
        wanted.delete(name)
        if (!has(payload.digest)) wanted.set(name, payload)
      }
      if (wanted.size === 0 && more) {
        // The next call finds them; a failing disk shows itself to whoever writes.
        loading ??= load()
          .catch(() => undefined)
          .finally(() => (loading = undefined))
      }
      return turn.map(([, payload]) => payload).filter(({ digest }) => !has(digest))
    }
  }
}
