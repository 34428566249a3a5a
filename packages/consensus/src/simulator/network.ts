import type { Host } from './host.ts'
import type { Scenario } from './outcome.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

/** Longest delay of a message once the network healed, ms. */
export const DELAY_HEALED_MS = 20
/** From here on a delay counts as a fault, ms. */
const DELAY_FAULT_MS = 100
/** Old transmissions that may come again. */
const REPLAYS_KEPT = 64
const DUPLICATION = 0.05
const REPLAY = 0.02
const ONE_WAY = 0.25

type Count = (fault: string) => void

/** The links between machines: what is lost, cut, late, double or old until the network heals. */
export class Network {
  readonly #scenario: Scenario
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #count: Count
  #island: ReadonlyMap<Host, number> = new Map()
  /** Pairs of machines whose link carries nothing from the first to the second. */
  #deaf: ReadonlyMap<Host, ReadonlySet<Host>> = new Map()
  readonly #old: (() => void)[] = []

  constructor(scenario: Scenario, schedule: Schedule, random: Random, count: Count) {
    this.#scenario = scenario
    this.#schedule = schedule
    this.#random = random
    this.#count = count
  }

  get healed(): boolean {
    return this.#schedule.now >= this.#scenario.healsAt
  }

  /** Carries something from one machine to another, or does not. */
  carry(from: Host, to: Host, arrive: () => void): void {
    const random = this.#random
    if (this.healed) {
      const delay = this.#scenario.unit ?? 1 + random.integer(DELAY_HEALED_MS)
      this.#schedule.after(delay, arrive)
      return
    }
    if ((this.#island.get(from) ?? 0) !== (this.#island.get(to) ?? 0)) return this.#count('cut off')
    if (this.#deaf.get(from)?.has(to) === true) return this.#count('one-way link')
    if (random.chance(this.#scenario.loss)) return this.#count('lost')
    this.#deliver(arrive)
    if (random.chance(DUPLICATION)) {
      this.#count('duplicated')
      this.#deliver(arrive)
    }
    this.#replay(arrive)
  }

  /** Cuts the network anew: into up to three islands, with links that work one way only. */
  rewire(hosts: readonly Host[]): void {
    const random = this.#random
    if (this.healed) return this.mend()
    const islands = random.integer(4)
    this.#island =
      islands === 0 ? new Map() : new Map(hosts.map(host => [host, random.integer(islands)]))
    this.#deaf = this.#scenario.oneWay
      ? new Map(hosts.map(host => [host, new Set(hosts.filter(() => random.chance(ONE_WAY)))]))
      : new Map()
  }

  /** Cuts one machine off from all others. */
  isolate(hosts: readonly Host[], alone: Host): void {
    this.#island = new Map(hosts.map(host => [host, host === alone ? 1 : 0]))
  }

  mend(): void {
    this.#island = new Map()
    this.#deaf = new Map()
  }

  #deliver(arrive: () => void): void {
    const delay = this.#delay()
    if (delay >= DELAY_FAULT_MS) this.#count('delayed')
    this.#schedule.after(delay, arrive)
  }

  #delay(): number {
    const random = this.#random
    switch (this.#scenario.delays) {
      case 'uniform':
        return 1 + random.integer(80)
      case 'bimodal':
        return 1 + random.integer(random.chance(0.1) ? 900 : 40)
      case 'heavy-tail':
        // Pareto with exponent 1.2 from 4 ms, cut at 5 s: now and then a message of another age.
        return Math.min(5_000, Math.ceil(4 / (1 - random.fraction()) ** (1 / 1.2)))
    }
  }

  /** Now and then something old comes again, long after it was sent. */
  #replay(arrive: () => void): void {
    const random = this.#random
    const at = random.integer(REPLAYS_KEPT)
    if (random.chance(REPLAY)) {
      const old = this.#old[at]
      if (old !== undefined) {
        this.#count('replayed')
        this.#schedule.after(1 + random.integer(500), old)
      }
    }
    if (random.chance(0.1)) this.#old[at] = arrive
  }
}
