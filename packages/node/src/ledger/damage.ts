import { fromHex, isVitalchainError } from '@vitalchain/core'
import { readNumber } from '../store/tables.ts'

/** A part of the store that cannot be read any more. */
export type Damage =
  | { readonly type: 'header'; readonly height: number }
  | { readonly type: 'transaction'; readonly leaf: number }
  | { readonly type: 'tile'; readonly tileLevel: number; readonly tileIndex: number }
  /** A record by which transactions are found. */
  | { readonly type: 'index' }
  /** One that running nodes cannot heal: the state, its tree, the validators, the newest place. */
  | { readonly type: 'state'; readonly table: string }

const INDEX_TABLES: ReadonlySet<string> = new Set(['ids', 'places', 'named'])
const STATE_TABLES: ReadonlySet<string> = new Set(['state', 'nodes', 'validators', 'meta'])

/** What an error of the ledger says is damaged; undefined for any other error. */
export function damageOf(error: unknown): Damage | undefined {
  if (!isVitalchainError(error)) return undefined
  const { table, key, what, index, tileLevel, tileIndex } = error.values
  if (error.code === 'ERR_STATE_NODE') return { type: 'state', table: 'nodes' }
  if (error.code === 'ERR_TILE_MISSING')
    return { type: 'tile', tileLevel: Number(tileLevel), tileIndex: Number(tileIndex) }
  if (error.code !== 'ERR_DAMAGED') return undefined
  if (typeof table === 'string' && typeof key === 'string') return ofRecord(table, fromHex(key))
  if (typeof index !== 'number') return undefined
  if (what === 'header') return { type: 'header', height: index }
  if (what === 'place') return { type: 'index' }
  return what === 'transaction' ? { type: 'transaction', leaf: index } : undefined
}

function ofRecord(table: string, key: Uint8Array): Damage | undefined {
  if (table === 'headers') return { type: 'header', height: readNumber(key) }
  if (table === 'transactions') return { type: 'transaction', leaf: readNumber(key) }
  if (table === 'tiles')
    return { type: 'tile', tileLevel: key[0] ?? 0, tileIndex: readNumber(key.subarray(1)) }
  if (INDEX_TABLES.has(table)) return { type: 'index' }
  return STATE_TABLES.has(table) ? { type: 'state', table } : undefined
}

/** The same object, whose methods tell of each error that they throw or reject with. */
export function watched<T extends object>(reader: T, onError: (error: unknown) => void): T {
  return new Proxy(reader, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        try {
          const result: unknown = Reflect.apply(value, target, args)
          // Whoever waits for it gets the rejection; this only listens.
          if (result instanceof Promise) result.catch(onError)
          return result
        } catch (error) {
          onError(error)
          throw error
        }
      }
    }
  })
}

/** Damage that waits to be healed, at most: more is a disk to be replaced, and is found again when it is read again. */
const DAMAGE_MAX = 1_024

/** What was found damaged, each once. */
export interface DamageList {
  /** Takes note of what an error says. */
  readonly note: (error: unknown) => void
  /** The damage that waits longest. */
  first(): Damage | undefined
  /** Ends it: healed, or given up until somebody reads it again. */
  done(damage: Damage): void
  /** Lets one wait behind all others. */
  later(damage: Damage): void
  /** Told of each new one. */
  onFound(listener: (damage: Damage) => void): void
}

/** An empty {@link DamageList}. */
export function createDamageList(): DamageList {
  const waiting = new Map<string, Damage>()
  const listeners: ((damage: Damage) => void)[] = []
  return {
    note(error) {
      const damage = damageOf(error)
      if (damage === undefined || waiting.size >= DAMAGE_MAX) return
      const name = JSON.stringify(damage)
      if (waiting.has(name)) return
      waiting.set(name, damage)
      for (const listener of listeners) listener(damage)
    },
    first: () => waiting.values().next().value,
    done: damage => void waiting.delete(JSON.stringify(damage)),
    later(damage) {
      const name = JSON.stringify(damage)
      waiting.delete(name)
      waiting.set(name, damage)
    },
    onFound: listener => void listeners.push(listener)
  }
}
