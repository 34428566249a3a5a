import type { State, StateReader } from '@vitalchain/contracts'
import type { StateChange } from '@vitalchain/core'

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** A state with changes laid over it, which can be kept or thrown away. It changes nothing below. */
export interface Overlay extends State {
  /** Does something to the state; when that throws, what it wrote is undone as a whole and the error goes on. */
  attempt(change: () => void): void
  /** The keys that were written, each once, with their last value. */
  changes(): readonly StateChange[]
}

/** Lays an overlay on a state that does not change while the overlay is in use. */
export function createOverlay(below: StateReader): Overlay {
  const written = new Map<string, Entry>()
  // What was read from below, so that a block asks the disk for each key once.
  const read = new Map<string, Uint8Array | undefined>()
  let undo: (readonly [name: string, before: Entry | undefined])[] | undefined

  const write = (key: Uint8Array, value: Uint8Array | undefined): void => {
    const name = nameOf(key)
    undo?.push([name, written.get(name)])
    written.set(name, { key, value })
  }

  return {
    get(key) {
      const name = nameOf(key)
      const entry = written.get(name)
      if (entry !== undefined) return entry.value
      const known = read.get(name)
      if (known !== undefined || read.has(name)) return known
      const value = below.get(key)
      read.set(name, value)
      return value
    },
    put: (key, value) => write(key, value),
    delete: key => write(key, undefined),
    attempt(change) {
      const log: (readonly [string, Entry | undefined])[] = []
      undo = log
      try {
        change()
      } catch (error) {
        for (const [name, before] of log.toReversed()) {
          if (before === undefined) written.delete(name)
          else written.set(name, before)
        }
        throw error
      } finally {
        undo = undefined
      }
    },
    changes: () => [...written.values()].map(({ key, value }) => [key, value] as const)
  }
}

/** A name by which a map finds a key: the same bytes as characters. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}
