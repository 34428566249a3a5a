import { BEHAVIOURS, type Behaviour, type Strategy } from './strategies.ts'
import { Villain } from './villain.ts'
import { transactionKey, transactionsOf } from './chain.ts'
import { Checker } from './checker.ts'
import { rulesOf } from './coverage.ts'
import { planDisasters } from './disasters.ts'
import { Host } from './host.ts'
import { createCheckedKeys, type KeyRing } from './keys.ts'
import type { Mutant } from './mutant.ts'
import { Network } from './network.ts'
import type { Outcome, Scenario } from './outcome.ts'
import { createRandom, type Random } from './random.ts'
import {
  decodeMessage,
  encodeMessage,
  type Effect,
  type Input,
  type Message,
  type ReplicaState,
  type TimerSettings
} from './replica.ts'
import { planRoutine, prepareHosts } from './routine.ts'
import { Schedule } from './schedule.ts'
import { Transcript } from './transcript.ts'

/** After healing, all decisions may take this long, ms: a whole rotation of timeouts from 4 s doubled. */
const LIVENESS_LIMIT_MS = 120_000
/** An idle network is watched this long, ms, after this long to settle. */
const IDLE_WATCH_MS = 25_000
const IDLE_SETTLE_MS = 8_000

/** Machines, a network between them and a checker, in virtual time. Everything follows from the scenario. */
export class World {
  readonly schedule: Schedule = new Schedule()
  readonly scenario: Scenario
  readonly random: Random
  readonly keys: KeyRing
  readonly checker: Checker
  readonly mutant: Mutant | undefined
  readonly timers: Partial<TimerSettings>
  readonly network: Network
  readonly hosts: readonly Host[]
  readonly villains: ReadonlyMap<Host, Villain>
  readonly #transcript: Transcript
  readonly #transactions: { readonly nonce: number; readonly key: string }[] = []
  readonly #faults = new Map<string, number>()
  readonly #rules = new Map<string, number>()
  #steps = 0
  #messages = 0
  #votes = 0
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
    this.#transcript = new Transcript(scenario.record === true)
    this.network = new Network(scenario, this.schedule, this.random, fault => {
      this.count(fault)
    })
    const indices = Array.from({ length: scenario.validators }, (_, index) => index)
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
    this.submit(scenario.load === 'saturated' ? scenario.heights : 1)
    for (const host of this.hosts)
      if (scenario.absent?.includes(host.validator) !== true) host.boot()
    planDisasters(this)
    planRoutine(this)
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
    const watched = faulty.size === 0 && this.network.healed
    if (watched && this.checker.violation === undefined) this.#watchSilence()
    const { violation } = this.checker
    return {
      scenario: this.scenario,
      violation,
      recovery,
      firstDecision: this.#firstDecision,
      steps: this.#steps,
      messages: this.#messages,
      decided: this.#highest(),
      highestView: this.#highestView,
      views: this.#views,
      faults: Object.fromEntries(this.#faults),
      rules: Object.fromEntries(this.#rules),
      transcript:
        violation === undefined && this.scenario.record !== true ? [] : this.#transcript.lines()
    }
  }

  isHonest(validator: number): boolean {
    return !this.scenario.faulty.has(validator)
  }

  /** Whether a machine's owner has this trait. */
  behaves(host: Host, trait: keyof Behaviour): boolean {
    return this.#strategiesOf(host).some(strategy => BEHAVIOURS[strategy][trait] !== undefined)
  }

  /** Whether a machine's owner leaves a transaction out of its blocks. */
  drops(host: Host, nonce: number): boolean {
    return this.#strategiesOf(host).some(each => BEHAVIOURS[each].drops?.(nonce) === true)
  }

  /** The longest time of a write, ms. */
  get diskMs(): number {
    return this.network.healed ? 3 : Math.max(1, this.scenario.diskMs)
  }

  /** The transactions that a machine knows and has not committed, oldest first. */
  pendingAt(host: Host): number[] {
    const committed = transactionsOf(host.disk.chain)
    return this.#transactions.filter(({ key }) => !committed.has(key)).map(({ nonce }) => nonce)
  }

  /** New transactions, known to everybody at once. */
  submit(count: number): void {
    for (let k = 0; k < count; k += 1) {
      const nonce = this.#transactions.length
      this.#transactions.push({ nonce, key: transactionKey(nonce) })
    }
  }

  /** Counts an injected fault. */
  count(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
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
    this.checker.holds(before, after)
    for (const effect of effects) this.checker.emits(host.validator, effect, host.observes)
  }

  /** Writes a line of the transcript. */
  note(host: Host, what: string, height?: number, view?: number): void {
    if (what === 'view') this.#views += 1
    if (view !== undefined && this.isHonest(host.validator))
      this.#highestView = Math.max(this.#highestView, view)
    if (what === 'decides' && this.network.healed && (height ?? 0) > this.#decidedByHealing)
      this.#firstDecision ??= this.schedule.now - this.scenario.healsAt
    this.#transcript.add(this.schedule.now, nameOf(host), what, height, view)
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
    if (this.network.healed || !this.random.chance(this.scenario.boundaryCrashes)) return false
    this.crash(host, 20 + this.random.integer(400))
    return true
  }

  /** The validators other than this one. */
  others(host: Host): number[] {
    return this.keys.validators.map((_, index) => index).filter(index => index !== host.validator)
  }

  /** Sends what a replica wants to send; a faulty one may send something else. */
  send(from: Host, to: 'all' | readonly number[], message: Message): void {
    const villain = this.villains.get(from)
    if (villain === undefined) this.deliver(from, to, message)
    else villain.send(to, message)
  }

  /** Puts a message on the network, through its bytes; bytes that are no message arrive nowhere. */
  deliver(from: Host, to: 'all' | readonly number[], sent: Message | Uint8Array): void {
    const message = decoded(sent)
    if (message === undefined) return this.count('byzantine bytes refused')
    if (message.type !== 'status') this.#votes += 1
    this.#transcript.sent(this.schedule.now, nameOf(from), to, message)
    for (const host of this.hosts) {
      const meant = to === 'all' || to.includes(host.validator) || host.validator === from.validator
      if (host === from || !meant) continue
      if (this.#isAmbushed(host, message)) continue
      this.#messages += 1
      this.network.carry(from, host, () => {
        this.villains.get(host)?.hear(message)
        host.feed({ type: 'message', from: from.validator, message })
      })
    }
  }

  /** Looks for a block at its holders; some faulty validators give none. */
  fetch(host: Host, key: string, from: readonly number[]): void {
    for (const holder of this.hosts) {
      if (holder === host || this.behaves(holder, 'withholds')) continue
      if (from.length > 0 && !from.includes(holder.validator)) continue
      this.network.carry(host, holder, () => {
        const block = holder.find(key)
        if (block === undefined) return
        this.network.carry(holder, host, () => {
          host.feed({ type: 'fetched', proposal: block })
        })
      })
    }
  }

  /** Brings the blocks that a machine lacks from another. */
  sync(host: Host, from: number | undefined): void {
    if (this.scenario.ambush === true && !this.network.healed) return
    const holders = this.hosts.filter(
      each => each !== host && (from === undefined || each.validator === from)
    )
    const [first, ...rest] = holders
    if (first === undefined) return
    const holder = this.random.pick([first, ...rest])
    this.network.carry(host, holder, () => {
      const villain = this.villains.get(holder)
      const poison = this.#strategiesOf(holder).find(each => BEHAVIOURS[each].chain !== undefined)
      const { chain } = holder.disk
      const given =
        villain === undefined || poison === undefined
          ? chain
          : (BEHAVIOURS[poison].chain?.(villain, chain) ?? chain)
      this.network.carry(holder, host, () => {
        for (const stored of given.slice(host.height)) {
          if (!host.up || !host.accepts(stored)) return
          host.append(stored.block, stored.certificate)
        }
      })
    })
  }

  /** A machine came up: its links tell both ends. */
  connect(host: Host): void {
    for (const other of this.hosts) {
      if (other === host || other.validator === host.validator) continue
      this.network.carry(other, host, () => {
        host.feed({ type: 'connected', peer: other.validator })
      })
      this.network.carry(host, other, () => {
        other.feed({ type: 'connected', peer: host.validator })
      })
    }
  }

  #strategiesOf(host: Host): readonly Strategy[] {
    return this.scenario.faulty.get(host.validator) ?? []
  }

  #isAmbushed(to: Host, message: Message): boolean {
    if (this.scenario.ambush !== true || this.network.healed) return false
    if (message.type === 'decided' || message.type === 'status') return true
    return (
      message.type === 'commit' && to.validator !== message.height % this.keys.validators.length
    )
  }

  #done(): boolean {
    const { heights } = this.scenario
    if (this.#transactions.length < heights) return false
    return this.hosts.every(
      host =>
        !this.isHonest(host.validator) ||
        (host.height >= heights && this.pendingAt(host).length === 0)
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
    const before = this.#votes
    const blocks = this.#highest()
    while (this.schedule.next(settled + IDLE_WATCH_MS));
    if (this.#votes !== before)
      this.checker.fail(`NOT SILENT: ${this.#votes - before} messages while idle`)
    if (this.#highest() !== blocks) this.checker.fail('NOT SILENT: blocks without work')
    if (this.checker.violation === undefined) this.#rules.set('C-23 silent while idle', 1)
  }
}

function nameOf(host: Host): string {
  return `#${host.validator}${host.instance === host.validator ? '' : "'"}`
}

function decoded(sent: Message | Uint8Array): Message | undefined {
  try {
    return decodeMessage(sent instanceof Uint8Array ? sent : encodeMessage(sent))
  } catch {
    return undefined
  }
}
