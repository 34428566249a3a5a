import { BEHAVIOURS, type Behaviour, type Strategy } from './strategies.ts'
import { Villain } from './villain.ts'
import { Checker } from './checker.ts'
import { rulesOf } from './coverage.ts'
import { planDisasters } from './disasters.ts'
import { Host } from './host.ts'
import { createCheckedKeys, type KeyRing } from './keys.ts'
import type { Mutant } from './mutant.ts'
import { Network } from './network.ts'
import type { Outcome, Scenario } from './outcome.ts'
import { Pool } from './pool.ts'
import { Progress } from './progress.ts'
import { createRandom, type Random } from './random.ts'
import { type Effect, type Input, type ReplicaState, type TimerSettings } from './replica.ts'
import { planRoutine, prepareHosts } from './routine.ts'
import { Schedule } from './schedule.ts'
import { Traffic } from './traffic.ts'
import { Transcript, nameOf } from './transcript.ts'

/** After healing, all decisions may take this long, ms: a whole rotation of timeouts from 4 s doubled. */
const LIVENESS_LIMIT_MS = 120_000
/** An idle network is watched this long, ms, after this long to settle. */
const IDLE_WATCH_MS = 25_000
const IDLE_SETTLE_MS = 8_000

/** How long a machine is down after a crash at a given boundary, ms. */
const CRASH_MS = 100

/** Machines, a network between them and a checker, in virtual time. Everything follows from the scenario. */
export class World {
  readonly schedule: Schedule = new Schedule()
  readonly scenario: Scenario
  readonly random: Random
  readonly keys: KeyRing
  readonly checker: Checker
  /** Writes of vote states that are to end in a crash half way, at whichever honest machine writes next. */
  tears = 0
  readonly pool: Pool = new Pool(this)
  readonly traffic: Traffic = new Traffic(this)
  readonly progress: Progress = new Progress(this)
  readonly mutant: Mutant | undefined
  readonly timers: Partial<TimerSettings>
  readonly network: Network
  readonly hosts: readonly Host[]
  readonly villains: ReadonlyMap<Host, Villain>
  readonly transcript: Transcript
  #boundaries = 0
  readonly #faults = new Map<string, number>()
  readonly #rules = new Map<string, number>()
  #steps = 0
  #views = 0
  #highestView = 0
  #decidedByHealing = 0
  #firstDecision: number | undefined

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.mutant = scenario.mutant
    this.timers = scenario.timers ?? {}
    this.random = createRandom(scenario.seed)
    this.keys = scenario.keys ?? createCheckedKeys(scenario.validators)
    this.transcript = new Transcript(scenario.record === true)
    this.network = new Network(scenario, this.schedule, this.random, fault => {
      this.count(fault)
    })
    const later = (scenario.changes ?? []).filter(({ kind }) => kind === 'add')
    const indices = Array.from({ length: scenario.validators + later.length }, (_, index) => index)
    this.checker = new Checker(this.keys, new Set(indices.filter(index => this.isHonest(index))))
    const twins = indices.filter(index => scenario.faulty.get(index)?.includes('twins') === true)
    this.hosts = [...indices, ...twins].map(
      (validator, instance) => new Host(this, validator, instance)
    )
    this.villains = new Map(
      this.hosts.flatMap(host => {
        const strategies = scenario.faulty.get(host.validator)
        return strategies === undefined ? [] : [[host, new Villain(this, host, strategies)]]
      })
    )
    if (twins.length > 0) this.count('byzantine twins')
    prepareHosts(this)
    this.pool.submit(scenario.load === 'saturated' ? scenario.heights : 1)
    const { absent = [], absentFrom = 0 } = scenario
    for (const host of this.hosts)
      if (absentFrom > 0 || !absent.includes(host.validator)) host.boot()
    planDisasters(this)
    planRoutine(this)
    this.pool.planChange()
    this.schedule.after(scenario.healsAt, () => {
      this.#decidedByHealing = this.#highest()
    })
  }

  /** Runs until all honest replicas have all transactions, then watches that they are silent. */
  run(): Outcome {
    const { healsAt, faulty } = this.scenario
    while (this.checker.violation === undefined && !this.#done()) {
      if (!this.schedule.next(healsAt + LIVENESS_LIMIT_MS)) break
    }
    const recovery = Math.max(0, this.schedule.now - healsAt)
    if (!this.#done()) {
      const heights = this.hosts.map(host => `${nameOf(host)} ${host.height}`).join(', ')
      this.checker.fail(
        `NO LIVENESS: not everything was decided after the network healed; heights: ${heights}`
      )
    }
    this.checker.finishes(
      this.hosts.filter(host => this.isHonest(host.validator)).map(host => host.disk.chain)
    )
    const watched = faulty.size === 0 && this.network.healed
    if (watched && this.checker.violation === undefined) this.#watchSilence()
    const { violation } = this.checker
    return {
      scenario: this.scenario,
      violation,
      recovery,
      firstDecision: this.#firstDecision,
      steps: this.#steps,
      messages: this.traffic.messages,
      bytes: this.traffic.bytes,
      decided: this.#highest(),
      highestView: this.#highestView,
      views: this.#views,
      faults: Object.fromEntries(this.#faults),
      rules: Object.fromEntries(this.#rules),
      transcript:
        violation === undefined && this.scenario.record !== true ? [] : this.transcript.lines()
    }
  }

  isHonest(validator: number): boolean {
    return !this.scenario.faulty.has(validator)
  }

  /** Whether a machine's owner has this trait. */
  behaves(host: Host, trait: keyof Behaviour): boolean {
    return this.strategiesOf(host).some(strategy => BEHAVIOURS[strategy][trait] !== undefined)
  }

  /** Whether a machine's owner leaves a transaction out of its blocks. */
  drops(host: Host, nonce: number): boolean {
    return this.strategiesOf(host).some(each => BEHAVIOURS[each].drops?.(nonce) === true)
  }

  /** How long a machine takes for something, ms. */
  takes(least: number, spread: number): number {
    return this.scenario.unit === undefined ? least + this.random.integer(spread) : 0
  }

  /** The longest time of a write, ms. */
  get diskMs(): number {
    return this.network.healed ? 3 : Math.max(1, this.scenario.diskMs)
  }

  /** Counts an injected fault. */
  count(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
  }

  /** How often a kind of fault was injected. */
  counted(fault: string): number {
    return this.#faults.get(fault) ?? 0
  }

  /** A replica made a step. */
  stepped(
    host: Host,
    before: ReplicaState,
    input: Input,
    after: ReplicaState,
    effects: readonly Effect[]
  ): void {
    this.#steps += 1
    for (const rule of rulesOf(before, input, after, effects))
      this.#rules.set(rule, (this.#rules.get(rule) ?? 0) + 1)
    if (!this.isHonest(host.validator)) return
    this.scenario.watcher?.stepped(host.validator, before, input, after, effects)
    this.checker.holds(before, after)
    let { observes } = host
    for (const effect of effects) {
      if (effect.type === 'begin') observes = false
      this.checker.emits(host.validator, effect, observes)
    }
  }

  /** Writes a line of the transcript. */
  note(host: Host, what: string, height?: number, view?: number): void {
    if (what === 'view') this.#views += 1
    if (view !== undefined && this.isHonest(host.validator))
      this.#highestView = Math.max(this.#highestView, view)
    if (what === 'decides' && this.network.healed && (height ?? 0) > this.#decidedByHealing)
      this.#firstDecision ??= this.schedule.now - this.scenario.healsAt
    this.transcript.add(this.schedule.now, nameOf(host), what, height, view)
  }

  /** Crashes a machine now; it comes back later. */
  crash(host: Host, downMs: number): void {
    this.count('crash')
    host.crash()
    const left = Math.max(0, this.scenario.healsAt - this.schedule.now)
    this.schedule.after(Math.min(downMs, left), () => {
      host.boot()
    })
  }

  /** Crashes a machine here and now, sometimes; it comes back later. */
  crashesNow(host: Host): boolean {
    const { crashAt } = this.scenario
    if (crashAt?.validator === host.instance) {
      this.#boundaries += 1
      if (this.#boundaries === crashAt.boundary) {
        this.count('crash')
        host.crash()
        this.schedule.after(CRASH_MS, () => {
          host.boot()
        })
        return true
      }
    }
    if (this.network.healed || !this.random.chance(this.scenario.boundaryCrashes)) return false
    this.crash(host, 20 + this.random.integer(400))
    return true
  }

  /** What a machine's owner does wrong. */
  strategiesOf(host: Host): readonly Strategy[] {
    return this.scenario.faulty.get(host.validator) ?? []
  }

  #done(): boolean {
    const { heights } = this.scenario
    if (!this.pool.isFilled) return false
    return this.hosts.every(
      host =>
        !this.isHonest(host.validator) ||
        host.gone ||
        (host.height >= heights && this.pool.pendingAt(host).length === 0)
    )
  }

  #highest(): number {
    return Math.max(
      ...this.hosts.filter(each => this.isHonest(each.validator)).map(each => each.height)
    )
  }

  /** Idle means silent: no votes, no view changes, no blocks. */
  #watchSilence(): void {
    const settled = this.schedule.now + IDLE_SETTLE_MS
    while (this.schedule.next(settled));
    const before = this.traffic.said
    const blocks = this.#highest()
    while (this.schedule.next(settled + IDLE_WATCH_MS));
    if (this.traffic.said !== before)
      this.checker.fail(`NOT SILENT: ${this.traffic.said - before} messages while idle`)
    if (this.#highest() !== blocks) this.checker.fail('NOT SILENT: blocks without work')
    if (this.checker.violation === undefined) this.#rules.set('C-23 silent while idle', 1)
  }
}
