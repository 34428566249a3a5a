import { toHex } from '../bytes.ts'

/** A map from byte strings that holds at most `max` entries and drops the least recently used one. */
export class BoundedCache<Value> {
  readonly #max: number
  readonly #entries = new Map<string, Value>()

  /** `max` is a count of entries, at least 1. */
  constructor(max: number) {
    this.#max = max
  }

  /** The value at `key`, which now counts as just used. */
  get(key: Uint8Array): Value | undefined {
    const name = toHex(key)
    const value = this.#entries.get(name)
    if (value !== undefined) {
      this.#entries.delete(name)
      this.#entries.set(name, value)
    }
    return value
  }

  /** Puts `value` at `key`. */
  set(key: Uint8Array, value: Value): void {
    const name = toHex(key)
    this.#entries.delete(name)
    this.#entries.set(name, value)
    if (this.#entries.size > this.#max) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
  }

  /** How many entries it holds. */
  get size(): number {
    return this.#entries.size
  }
}
