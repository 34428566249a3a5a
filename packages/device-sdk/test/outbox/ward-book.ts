import { toHex } from '@vitalchain/core'
import { heartRates } from '../fixture.ts'
import type { FakeLedger } from '../fake-ledger.ts'

/** The time of the first reading that {@link heartRates} makes, and how far they are apart, ms. */
const FIRST = heartRates(1)[0]?.time ?? 0
const STEP_MS = 1_000

/** What the app behind a device knows: which readings it was told are stored, and which statements are proved. */
export class WardBook {
  readonly #stored: readonly [Set<number>, Set<number>] = [new Set(), new Set()]
  readonly #proved = new Set<string>()

  /** `record` resolved for the readings of these numbers. */
  stored(lane: 0 | 1, first: number, count: number): void {
    for (let k = 0; k < count; k++) this.#stored[lane].add(first + k)
  }

  proved(id: string): void {
    this.#proved.add(id)
  }

  /** Readings that were stored. */
  get size(): number {
    return this.#stored[0].size + this.#stored[1].size
  }

  /**
   * Compares with the ledger: nothing stored is lost, but what a gap says; nothing is there twice; all is in order; all is
   * proved; no two statements were ever signed for one place.
   *
   * @throws Error saying what is wrong
   */
  check(ledger: FakeLedger): void {
    if (ledger.conflicts.length > 0)
      throw new Error(`contradictions: ${ledger.conflicts.join(' ')}`)
    for (const { id, statement } of ledger.chain) {
      if (!this.#proved.has(toHex(id)))
        throw new Error(
          `not proved: ${statement.type} ${statement.lane}/${statement.boot}.${statement.seq}`
        )
    }
    this.#checkLane(ledger, 0)
    this.#checkLane(ledger, 1)
  }

  #checkLane(ledger: FakeLedger, lane: 0 | 1): void {
    let last = -1
    let dropped = 0
    const expect = (next: number): void => {
      const missing = [...this.#stored[lane]].filter(
        number => number > last && number < next
      ).length
      if (missing > dropped)
        throw new Error(`lost: ${missing - dropped} readings before ${next} of lane ${lane}`)
      if (dropped >= next - last)
        throw new Error(`a gap of ${dropped} readings before ${next} is too wide`)
      dropped = 0
    }
    for (const { statement } of ledger.chain) {
      if (statement.lane !== lane) continue
      if (statement.type === 'gap') dropped += statement.count
      if (statement.type !== 'readings') continue
      const from = (statement.from - FIRST) / STEP_MS
      const to = (statement.to - FIRST) / STEP_MS
      if (from <= last)
        throw new Error(`twice or out of order: reading ${from} of lane ${lane} behind ${last}`)
      if (to - from + 1 !== statement.count) throw new Error(`a batch with a hole behind ${from}`)
      expect(from)
      last = to
    }
    expect(Number.MAX_SAFE_INTEGER)
  }
}
