import { SCOPE, contextOf } from './chain.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import {
  messageSignBytes,
  type HeightContext,
  type Message,
  type ReplicaState,
  type SignedMessage,
  type Unsigned,
  type VoteScope
} from './replica.ts'
import type { World } from './world.ts'
import { BEHAVIOURS, type Behaviour, type Strategy } from './strategies.ts'

/** Something that a faulty validator puts on the network: a message, or bytes that need not be one. */
export interface Outgoing {
  readonly to: 'all' | readonly number[]
  readonly message: Message | Uint8Array
  /** How long it is held back, ms. */
  readonly delay?: number
}

const REACTION = 0.3

/** A faulty validator: it runs the protocol, and its strategies change, add and suppress what it says. */
export class Villain {
  readonly host: Host
  readonly strategies: readonly Strategy[]
  readonly random: Random
  /** What a strategy remembers. */
  readonly memory: Map<string, Message> = new Map()
  readonly #world: World

  constructor(world: World, host: Host, strategies: readonly Strategy[]) {
    this.#world = world
    this.host = host
    this.strategies = strategies
    this.random = world.random
  }

  /** Its index; when it is no validator any more, one that belongs to somebody else, under which nobody believes it. */
  get sender(): number {
    const { validators, validator } = this.host
    return this.host.indexOf(validator) ?? validator % validators.length
  }

  get state(): ReplicaState | undefined {
    return this.host.state
  }

  /** What this validator's chain says about the height to decide. */
  get context(): HeightContext {
    return contextOf(this.host.disk.chain, this.#world.keys)
  }

  get others(): number[] {
    return this.#world.traffic.others(this.host)
  }

  /** Signs anything, in the own name only. */
  sign(message: Unsigned, scope: VoteScope = SCOPE): SignedMessage {
    const signature = this.#world.keys.sign(this.host.key, messageSignBytes(scope, message))
    return { ...message, sender: this.sender, signature }
  }

  /** The protocol wants to send this: each strategy in turn makes of it what it likes. */
  send(to: 'all' | readonly number[], message: Message): void {
    let outgoing: readonly Outgoing[] = [{ to, message }]
    for (const strategy of this.strategies) {
      const change = BEHAVIOURS[strategy].send
      if (change !== undefined) {
        outgoing = outgoing.flatMap(each => this.#change(strategy, change, each))
      }
    }
    this.#emit(outgoing)
  }

  /** Something came from an honest validator. */
  hear(message: Message): void {
    const [by] = 'sender' in message ? this.host.members([message.sender]) : []
    const byHonest = by !== undefined && this.#world.isHonest(by)
    if (!byHonest || !this.random.chance(REACTION)) return
    for (const strategy of this.strategies)
      this.#act(strategy, BEHAVIOURS[strategy].hear?.(this, message))
  }

  /** Time passes. */
  tick(): void {
    if (!this.host.up) return
    for (const strategy of this.strategies) this.#act(strategy, BEHAVIOURS[strategy].tick?.(this))
  }

  #change(
    strategy: Strategy,
    change: NonNullable<Behaviour['send']>,
    { to, message }: Outgoing
  ): readonly Outgoing[] {
    if (message instanceof Uint8Array) return [{ to, message }]
    const changed = change(this, to, message)
    const [only] = changed
    const same =
      changed.length === 1 &&
      only?.message === message &&
      only.to === to &&
      only.delay === undefined
    if (!same) this.#world.count(`byzantine ${strategy}`)
    return changed
  }

  #act(strategy: Strategy, outgoing: readonly Outgoing[] | undefined): void {
    if (outgoing === undefined || outgoing.length === 0) return
    this.#world.count(`byzantine ${strategy}`)
    // What suppresses or delays applies to the words of the protocol; lies go out as they are.
    if (!this.strategies.includes('silent')) this.#emit(outgoing)
  }

  #emit(outgoing: readonly Outgoing[]): void {
    for (const { to, message, delay } of outgoing) {
      if (delay === undefined) this.#world.traffic.deliver(this.host, to, message)
      else
        this.#world.schedule.after(delay, () => {
          this.#world.traffic.deliver(this.host, to, message)
        })
    }
  }
}
