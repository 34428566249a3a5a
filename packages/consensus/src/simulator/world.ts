import { hearFaulty, sendFaulty, type Strategy } from './adversary.ts'
import { Checker } from './checker.ts'
import { Host, type Mutant } from './host.ts'
import { createCheckedKeys, type KeyRing } from './keys.ts'
import { createRandom, type Random } from './random.ts'
import type { Outcome, Scenario } from './outcome.ts'
import { decodeMessage, encodeMessage, type Message, type TimerSettings } from './replica.ts'
import { Schedule } from './schedule.ts'

/** After healing, a decision may take this long, ms: a whole rotation of timeouts from 4 s doubled. */
const LIVENESS_LIMIT_MS = 120_000
/** An idle network is watched this long, ms, after this long to settle. */
const IDLE_WATCH_MS = 25_000
const IDLE_SETTLE_MS = 8_000
const STATUS_MS = 10_000
const TRANSCRIPT_LINES = 80
const DELAY_HEALED_MS = 20

/** Machines, a network between them and a checker, in virtual time. Everything follows from the scenario. */
export class World {
  readonly schedule: Schedule = new Schedule()
  readonly random: Random
  readonly keys: KeyRing
  readonly checker: Checker
  readonly mutant: Mutant | undefined
  readonly timers: Partial<TimerSettings>
  readonly #scenario: Scenario
  readonly #hosts: readonly Host[]
  #island: ReadonlyMap<Host, number> = new Map()
  #nonce = 0
  #messages = 0
  #votes = 0
  #highestView = 0
  readonly #notes: (readonly unknown[])[] = []

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.mutant = scenario.mutant
    this.timers = scenario.timers ?? {}
    this.random = createRandom(scenario.seed)
    this.keys = scenario.keys ?? createCheckedKeys(scenario.validators)
    const indices = Array.from({ length: scenario.validators }, (_, index) => index)
    this.checker = new Checker(this.keys, new Set(indices.filter(index => this.isHonest(index))))
    const twins = indices.filter(index => scenario.faulty.get(index) === 'twins')
    this.#hosts = [...indices, ...twins].map(
      (validator, instance) => new Host(this, validator, instance)
    )
    for (const host of this.#hosts) host.boot()
    this.#planFaults()
    this.#planStatus()
    this.#planWork()
  }

  /** Runs until all honest replicas have all blocks, then watches that they are silent. */
  run(): Outcome {
    const { healsAt, faulty } = this.#scenario
    while (!this.#done() && this.checker.violation === undefined) {
      if (!this.schedule.next(healsAt + LIVENESS_LIMIT_MS)) break
    }
    const recovery = Math.max(0, this.schedule.now - healsAt)
    if (!this.#done())
      this.checker.fail('NO LIVENESS: not all blocks were decided after the network healed')
    if (faulty.size === 0 && this.checker.violation === undefined) this.#watchSilence()
    return {
      scenario: this.#scenario,
      violation: this.checker.violation,
      recovery,
      messages: this.#messages,
      highestView: this.#highestView,
      transcript:
        this.checker.violation === undefined ? [] : this.#notes.map(note => note.join(' '))
    }
  }

  isHonest(validator: number): boolean {
    return !this.#scenario.faulty.has(validator)
  }

  strategyOf(validator: number): Strategy | undefined {
    return this.#scenario.faulty.get(validator)
  }

  /** Whether there is something for the block above this height: work comes bit by bit until the network heals. */
  hasWork(height: number): boolean {
    const { heights, healsAt } = this.#scenario
    const come = 1 + Math.floor((this.schedule.now * heights) / Math.max(1, healsAt))
    return height < Math.min(heights, come)
  }

  nextNonce(): number {
    this.#nonce += 1
    return this.#nonce
  }

  /** Writes a line of the transcript. */
  note(host: Host, what: string, height?: number, view?: number): void {
    if (view !== undefined) this.#highestView = Math.max(this.#highestView, view)
    if (this.#notes.length >= TRANSCRIPT_LINES) this.#notes.shift()
    const place = [
      height === undefined ? '' : `height ${height}`,
      view === undefined ? '' : `view ${view}`
    ]
    this.#notes.push([
      `${this.schedule.now} ms`,
      `#${host.validator}${host.instance === host.validator ? '' : "'"}`,
      what,
      ...place
    ])
  }

  /** Crashes a machine here and now, sometimes; it comes back later. */
  crashesNow(host: Host): boolean {
    if (this.#healed() || !this.random.chance(this.#scenario.boundaryCrashes)) return false
    this.#crash(host, 20 + this.random.integer(400))
    return true
  }

  /** The validators other than this one. */
  others(host: Host): number[] {
    return this.keys.validators.map((_, index) => index).filter(index => index !== host.validator)
  }

  /** Sends what a replica wants to send; a faulty one may send something else. */
  send(from: Host, to: 'all' | readonly number[], message: Message): void {
    const strategy = this.strategyOf(from.validator)
    if (strategy !== undefined && sendFaulty(this, from, strategy, message)) return
    this.deliver(from, to, message)
  }

  /** Puts a message on the network, through its bytes. */
  deliver(from: Host, to: 'all' | readonly number[], message: Message): void {
    const received = decodeMessage(encodeMessage(message))
    if (message.type !== 'status') this.#votes += 1
    for (const host of this.#hosts) {
      if (host.validator === from.validator || (to !== 'all' && !to.includes(host.validator)))
        continue
      if (this.#isAmbushed(host, message)) continue
      this.#messages += 1
      const copies = !this.#healed() && this.random.chance(0.05) ? 2 : 1
      for (let copy = 0; copy < copies; copy += 1) {
        this.#transmit(from, host, () => {
          const strategy = this.strategyOf(host.validator)
          if (strategy !== undefined) hearFaulty(this, host, strategy, received)
          host.feed({ type: 'message', from: from.validator, message: received })
        })
      }
    }
  }

  /** Looks for a block at its holders; silent and lying validators give none. */
  fetch(host: Host, key: string, from: readonly number[]): void {
    for (const holder of this.#hosts) {
      const strategy = this.strategyOf(holder.validator)
      if (holder === host || strategy === 'silent' || strategy === 'liar') continue
      if (from.length > 0 && !from.includes(holder.validator)) continue
      this.#transmit(host, holder, () => {
        const block = holder.find(key)
        if (block === undefined) return
        this.#transmit(holder, host, () => host.feed({ type: 'fetched', proposal: block }))
      })
    }
  }

  /** Brings the blocks that a machine lacks from another. */
  sync(host: Host, from: number | undefined): void {
    if (this.#scenario.ambush === true && !this.#healed()) return
    const holders = this.#hosts.filter(
      each => each !== host && (from === undefined || each.validator === from)
    )
    const [first, ...rest] = holders
    if (first === undefined) return
    const holder = this.random.pick([first, ...rest])
    this.#transmit(host, holder, () => {
      const { chain } = holder.disk
      this.#transmit(holder, host, () => {
        for (const stored of chain.slice(host.height)) {
          if (!host.up || !host.accepts(stored)) return
          host.append(stored.block, stored.certificate)
        }
      })
    })
  }

  /** A machine came up: its links tell both ends. */
  connect(host: Host): void {
    for (const other of this.#hosts) {
      if (other === host || other.validator === host.validator) continue
      this.#transmit(other, host, () => host.feed({ type: 'connected', peer: other.validator }))
      this.#transmit(host, other, () => other.feed({ type: 'connected', peer: host.validator }))
    }
  }

  #isAmbushed(to: Host, message: Message): boolean {
    if (this.#scenario.ambush !== true || this.#healed()) return false
    if (message.type === 'decided' || message.type === 'status') return true
    return (
      message.type === 'commit' && to.validator !== message.height % this.keys.validators.length
    )
  }

  #transmit(from: Host, to: Host, arrive: () => void): void {
    if (this.#healed()) {
      this.schedule.after(1 + this.random.integer(DELAY_HEALED_MS), arrive)
      return
    }
    if (
      (this.#island.get(from) ?? 0) !== (this.#island.get(to) ?? 0) ||
      this.random.chance(this.#scenario.loss)
    )
      return
    const delay = 1 + this.random.integer(this.random.chance(0.1) ? 900 : 40)
    this.schedule.after(delay, arrive)
  }

  #healed(): boolean {
    return this.schedule.now >= this.#scenario.healsAt
  }

  #done(): boolean {
    return this.#hosts.every(
      host => !this.isHonest(host.validator) || host.height >= this.#scenario.heights
    )
  }

  #crash(host: Host, downMs: number): void {
    host.crash()
    this.schedule.after(
      Math.min(downMs, Math.max(0, this.#scenario.healsAt - this.schedule.now)),
      () => host.boot()
    )
  }

  #planFaults(): void {
    const { healsAt, crashes, powerLosses } = this.#scenario
    const { random, schedule } = this
    for (let time = 0; time < healsAt; time += 200 + random.integer(600)) {
      schedule.after(time, () => {
        const islands = random.integer(4)
        this.#island =
          islands === 0 || this.#healed()
            ? new Map()
            : new Map(this.#hosts.map(host => [host, random.integer(islands)]))
      })
    }
    for (let k = 0; k < crashes; k += 1) {
      const [first, ...rest] = this.#hosts
      if (first === undefined) continue
      const host = random.pick([first, ...rest])
      schedule.after(random.integer(healsAt), () => this.#crash(host, 20 + random.integer(500)))
    }
    for (let k = 0; k < powerLosses; k += 1) {
      schedule.after(random.integer(healsAt), () => {
        const spared = random.integer(this.#hosts.length)
        // The one that keeps its power is cut off, so that the others must find out by themselves.
        this.#island = new Map(this.#hosts.map(host => [host, host.instance === spared ? 1 : 0]))
        for (const host of this.#hosts)
          if (host.instance !== spared && random.chance(0.9))
            this.#crash(host, 20 + random.integer(80))
      })
    }
    schedule.after(healsAt, () => {
      this.#island = new Map()
    })
  }

  #planWork(): void {
    const { heights, healsAt } = this.#scenario
    for (let height = 1; height < heights; height += 1) {
      this.schedule.after(Math.ceil((height * healsAt) / heights), () => {
        for (const host of this.#hosts)
          host.feed({ type: 'work', pending: this.hasWork(host.height) })
      })
    }
  }

  #planStatus(): void {
    const tick = (): void => {
      for (const host of this.#hosts) host.feed({ type: 'status' })
      this.schedule.after(STATUS_MS, tick)
    }
    this.schedule.after(STATUS_MS, tick)
  }

  /** Idle means silent: no votes, no view changes, no blocks. */
  #watchSilence(): void {
    const settled = this.schedule.now + IDLE_SETTLE_MS
    while (this.schedule.next(settled));
    const before = this.#votes
    while (this.schedule.next(settled + IDLE_WATCH_MS));
    if (this.#votes !== before)
      this.checker.fail(`NOT SILENT: ${this.#votes - before} messages while idle`)
    if (this.#hosts.some(host => host.height > this.#scenario.heights + 1))
      this.checker.fail('NOT SILENT: blocks without work')
  }
}
