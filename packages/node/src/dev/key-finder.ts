import {
  epochKey,
  epochKeyOf,
  toHex,
  type ReadingStatement,
  type StreamKeys
} from '@vitalchain/core'
import type { DeviceKeys } from './keys-file.ts'

/** The key that opens a statement's payload, and what its device is called; undefined when there is none. */
export type KeyFinder = (
  statement: ReadingStatement
) => { readonly name: string; readonly key: Uint8Array } | undefined

/** Whose stream it is, and which key tree of it. */
function streamName({
  device,
  stream,
  generation
}: Pick<ReadingStatement, 'device' | 'stream' | 'generation'>): string {
  return `${toHex(device)}/${toHex(stream)}/${generation}`
}

/** Finds keys among the secrets of devices. */
export function keysOfDevices(devices: readonly DeviceKeys[]): KeyFinder {
  const byStream = new Map(devices.map(each => [streamName(each), each]))
  return keeping(statement => {
    const found = byStream.get(streamName(statement))
    return found && { name: found.name, key: epochKey(found.secret, statement.epoch) }
  })
}

/** Finds keys among those that were wrapped for a custodian, on any device of the streams. Devices are called by their identifiers. */
export function keysOfStreams(streams: readonly StreamKeys[]): KeyFinder {
  const byStream = Map.groupBy(
    streams,
    ({ stream, generation }) => `${toHex(stream)}/${generation}`
  )
  return keeping(({ device, stream, generation, epoch }) => {
    for (const keys of byStream.get(`${toHex(stream)}/${generation}`) ?? []) {
      const key = epochKeyOf(keys, epoch)
      if (key !== undefined) return { name: toHex(device), key }
    }
    return undefined
  })
}

/** Deriving a key takes 32 steps, and a stream has few epochs. */
function keeping(find: KeyFinder): KeyFinder {
  const kept = new Map<string, ReturnType<KeyFinder>>()
  return statement => {
    const leaf = `${streamName(statement)}/${statement.epoch}`
    if (!kept.has(leaf)) kept.set(leaf, find(statement))
    return kept.get(leaf)
  }
}
