import { faultTolerance, toHex } from '@vitalchain/core'
import type { StoredBlock } from './chain.ts'
import { baseTimeout } from './replica.ts'
import type { Pending } from './pool.ts'
import type { World } from './world.ts'

/**
 * Views of a height that began after healing beyond those of f failed leaders: an honest one, one for late messages, and
 * two while a replica that missed the end of the height before finds out by its next resend, after 2 · T0.
 */
const SPARE_VIEWS = 4
/** The longest time of such a height, in base timeouts. */
const BASES_MAX = 10
/** Five delays of a healed network, with disks and executions: a base timeout below that is no honest leader's fault, ms. */
const ENOUGH_MS = 120
/** Heights with the same validators before one is judged. */
const SETTLED_HEIGHTS = 2
/** Evidence and changes of the validators are decided within so many heights. */
const URGENT_HEIGHTS_MAX = 20

/**
 * Watches that a network which healed goes on at a pace: for each height how many views and how much time it takes, and
 * for each transaction how many blocks leave it out. Heights that began before healing are not judged.
 */
export class Progress {
  readonly #world: World
  /** How many blocks left out each transaction while it was the first in line, or urgent. */
  readonly #skipped = new Map<string, number>()
  readonly #waited = new Map<string, number>()
  #leaders = ''
  #height = 0
  #at = 0
  #shortest = 0
  #longest = 0

  constructor(world: World) {
    this.#world = world
  }

  /** A height was decided for the first time, while these transactions were pending, the first in line first. */
  decides({ block, certificate }: StoredBlock, pending: readonly Pending[]): void {
    const { schedule, scenario, checker } = this.#world
    const { height } = block.header
    const since = this.#at
    const { shortest, longest } = this.#bases()
    const base = Math.max(this.#longest, longest)
    // Only what was known when the height began could be in every proposal.
    const known = pending.filter(each => each.at < since)
    if (this.#height === height - 1 && since >= scenario.healsAt && known.length > 0) {
      const faults = faultTolerance(checker.setAt(height)?.length ?? 1)
      const views = certificate.view + 1
      const bases = (schedule.now - since) / base
      if (this.#isSettled(height) && Math.min(this.#shortest, shortest) >= ENOUGH_MS) {
        if (views > faults + SPARE_VIEWS) checker.fail(`SLOW: height ${height} took ${views} views`)
        if (bases > BASES_MAX) checker.fail(`SLOW: height ${height} took ${bases} base timeouts`)
      }
      const taken = new Set(block.transactions.map(each => toHex(each)))
      // Something urgent may have come in before it since.
      const first = pending.find(each => each.at < since || taken.has(each.key))
      // The turn of others begins anew when who takes turns changes: the same leader may come twice.
      const leaders = checker.leadersAt(height)
      if (leaders !== this.#leaders) this.#skipped.clear()
      this.#leaders = leaders
      this.#counts(first === undefined ? [] : [first], taken, this.#skipped, faults)
      this.#counts(
        known.filter(each => each.urgent),
        taken,
        this.#waited,
        URGENT_HEIGHTS_MAX - 1
      )
    }
    this.#height = height
    this.#at = schedule.now
    this.#shortest = shortest
    this.#longest = longest
  }

  /** Whether the validators are the same for a while: a newcomer may have to catch up before it is any help. */
  #isSettled(height: number): boolean {
    const { checker } = this.#world
    const at = (each: number): unknown => checker.setAt(Math.max(1, each))
    return at(height) === at(height - SETTLED_HEIGHTS)
  }

  #counts(
    waiting: readonly Pending[],
    taken: ReadonlySet<string>,
    counts: Map<string, number>,
    limit: number
  ): void {
    for (const { key, number } of waiting) {
      if (taken.has(key)) continue
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      if (count > limit)
        this.#world.checker.fail(`CENSORED: ${count} heights left out transaction ${number}`)
    }
  }

  /** The shortest and longest base timeout of honest replicas, ms. */
  #bases(): { shortest: number; longest: number } {
    const bases = this.#world.hosts.flatMap(({ state, validator }) =>
      state === undefined || !this.#world.isHonest(validator)
        ? []
        : [baseTimeout(state.latency, state.timers)]
    )
    return { shortest: Math.min(...bases), longest: Math.max(...bases) }
  }
}
