import { basename, dirname } from 'node:path'
import { concatBytes } from '@vitalchain/core'
import type { Disk } from '../../src/stores/disk.ts'
import type { Dice } from './dice.ts'

interface PowerFile {
  /** What survives a power cut. */
  durable: Uint8Array
  content: Uint8Array
}

/** A disk in memory that loses its power: what was not synced is lost, torn or garbled, as real ones do it. */
export interface PowerDisk {
  /**
   * The disk as one life of a device has it.
   *
   * @param tick - called before each operation; false = the power is off, or goes off in the middle of this one, and
   * nothing answers any more
   */
  powerOn(tick: () => boolean): Disk
  /** What was not synced is left to chance. */
  powerOff(dice: Dice): void
  /** Bytes of all files. */
  readonly bytes: number
}

export function createPowerDisk(): PowerDisk {
  let names = new Map<string, PowerFile>()
  let durableNames = new Map<string, PowerFile>()

  const find = (path: string): PowerFile => {
    const file = names.get(path)
    if (file === undefined) throw new Error(`no file ${path}`)
    return file
  }

  function powerOn(tick: () => boolean): Disk {
    /** One operation: it happens whole, or is cut off and never answers. */
    async function operate<T>(work: () => T, cutOff: () => void = () => undefined): Promise<T> {
      // Others run in between, as with a disk.
      await Promise.resolve()
      if (tick()) return work()
      cutOff()
      return new Promise(() => undefined)
    }
    return {
      makeDirectory: () => operate(() => undefined),
      list: path =>
        operate(() =>
          [...names.keys()].filter(name => dirname(name) === path).map(name => basename(name))
        ),
      read: path => operate(() => find(path).content.slice()),
      remove: path => operate(() => void names.delete(path)),
      syncDirectory: () =>
        operate(() => {
          durableNames = new Map(names)
        }),
      lock: () => operate(() => ({ release: async () => undefined })),
      async open(path, how) {
        const file = await operate(() => {
          if (how !== 'new') return find(path)
          if (names.has(path)) throw new Error(`there is a file ${path}`)
          const made: PowerFile = { durable: new Uint8Array(), content: new Uint8Array() }
          names.set(path, made)
          return made
        })
        return {
          read: (bytes, at) => operate(() => file.content.slice(at, at + bytes)),
          write: (bytes, at) =>
            operate(
              () => write(file, bytes, at),
              () => write(file, bytes, at)
            ),
          truncate: size =>
            operate(() => {
              file.content = file.content.slice(0, size)
            }),
          sync: () =>
            operate(() => {
              file.durable = file.content
            }),
          close: () => operate(() => undefined)
        }
      }
    }
  }

  return {
    powerOn,
    get bytes() {
      return [...names.values()].reduce((sum, { content }) => sum + content.length, 0)
    },
    powerOff(dice) {
      const left = new Map<string, PowerFile>()
      for (const path of new Set([...names.keys(), ...durableNames.keys()])) {
        const [now, synced] = [names.get(path), durableNames.get(path)]
        const file = now === synced || dice.roll(2) === 0 ? now : synced
        if (file === undefined) continue
        const content = torn(file, dice)
        left.set(path, { durable: content, content })
      }
      names = left
      durableNames = new Map(left)
    }
  }
}

function write(file: PowerFile, bytes: Uint8Array, at: number): void {
  const content = new Uint8Array(Math.max(file.content.length, at + bytes.length))
  content.set(file.content)
  content.set(bytes, at)
  file.content = content
}

/** What is on the platter: the synced part, and of what was written behind it anything. */
function torn({ durable, content }: PowerFile, dice: Dice): Uint8Array {
  if (content.length <= durable.length) return dice.roll(2) === 0 ? durable : content
  const rest = content.slice(
    durable.length,
    durable.length + dice.roll(content.length - durable.length + 1)
  )
  // Pages that never came to be written read as zeros, or as what was there before.
  if (dice.roll(3) === 0 && rest.length > 0) {
    const from = dice.roll(rest.length)
    rest.set(
      dice.roll(2) === 0 ? new Uint8Array(rest.length - from) : dice.bytes(rest.length - from),
      from
    )
  }
  return concatBytes([durable, rest])
}
