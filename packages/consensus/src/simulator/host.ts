import {
  blockHash,
  concatBytes,
  toHex,
  u32be,
  type Certificate,
  type ValidatorSet
} from '@vitalchain/core'
import {
  EPOCH_MS,
  NETWORK,
  certifies,
  contextOf,
  extend,
  faultOf,
  isWhole,
  validatorsAt,
  type StoredBlock
} from './chain.ts'
import { keyOf, membersOf } from './members.ts'
import { EMPTY_DISK, readVoteState, type Disk } from './disk.ts'
import { Hands } from './hands.ts'
import {
  createReplica,
  step,
  type BlockProposal,
  type Input,
  type ReplicaState
} from './replica.ts'
import { contextFor, leaves, takeKey } from './standing.ts'
import type { World } from './world.ts'

/** An input without its time, which the host adds. */
export type Event = Input extends infer I ? (I extends Input ? Omit<I, 'now'> : never) : never

/** One simulated machine: a replica, a disk that survives, and what happens to them. */
export class Host {
  /** The number of the member that it belongs to: its index among the first validators, for those. */
  readonly validator: number
  /** Differs from the validator's index for the second of two twins. */
  readonly instance: number
  disk: Disk = EMPTY_DISK
  /** What this machine's clock is ahead of the true time, ms. */
  clockOffset = 0
  /** Until then nothing is done, ms of virtual time. */
  pausedUntil = 0
  /** Until then nothing is written, ms of virtual time. */
  fullUntil = 0
  /** Without the vote state that it once had: it follows and signs nothing. */
  observes = false
  /** Where its newest vote state began, 0 for the first one. */
  begunAt = 0
  /** The operator takes the risk that this validator signs twice. spec C-39. */
  overrides = false
  /** The number of the key that it votes with. */
  key: number
  /** Its member was a validator and is none any more: it was switched off. */
  gone = false
  #boots = 0
  /** What comes during a standstill. */
  #waiting: Event[] = []
  #state: ReplicaState | undefined
  #life = 0
  #blocks = new Map<string, BlockProposal>()
  readonly #world: World
  readonly #hands: Hands

  constructor(world: World, validator: number, instance: number) {
    this.#world = world
    this.validator = validator
    this.key = validator
    this.instance = instance
    this.#hands = new Hands(world, this)
  }

  /** The validators of the height that it wants to decide. */
  get validators(): ValidatorSet {
    return (
      this.#state?.round?.context.validators ??
      contextOf(this.disk.chain, this.#world.keys).validators
    )
  }

  /** How many validators there were at height 1. */
  get firstValidators(): number {
    return this.#world.scenario.validators
  }

  /** The index of a member among these validators; undefined if it is none. */
  indexOf(member: number): number | undefined {
    const index = membersOf(this.#world.keys, this.validators).indexOf(member)
    return index < 0 ? undefined : index
  }

  /** The members with these indices. */
  members(indices: readonly number[]): number[] {
    const all = membersOf(this.#world.keys, this.validators)
    return indices.flatMap(index => all[index] ?? [])
  }

  get up(): boolean {
    return this.#state !== undefined
  }

  /** The replica, while the machine runs. */
  get state(): ReplicaState | undefined {
    return this.#state
  }

  get height(): number {
    return this.disk.chain.length
  }

  get view(): number {
    return this.#state?.round?.view ?? 0
  }

  /** Power fails: what is not on disk is gone. */
  crash(): void {
    if (this.up) this.#world.note(this, 'crashes')
    this.#state = undefined
    this.#life += 1
    this.#hands.drop()
    this.#waiting = []
    this.#blocks = new Map()
    this.pausedUntil = 0
    if (this.#world.behaves(this, 'forgets')) {
      this.#world.count('byzantine forgets')
      this.disk = { ...this.disk, voteState: undefined }
    }
  }

  boot(): void {
    if (this.up || this.gone) return
    const { keys, mutant } = this.#world
    takeKey(this.#world, this)
    const honest = this.#world.isHonest(this.validator)
    const kept = readVoteState(this.disk)
    const voteState = honest && mutant?.reads !== undefined ? mutant.reads(kept) : kept
    const self = keyOf(keys, this.key)?.consensusKey
    this.#world.note(this, this.observes ? 'boots, to observe' : 'boots', this.height + 1)
    this.#state = createReplica({
      network: NETWORK,
      recoveryEpoch: 0,
      self,
      verify: keys.verify,
      timers: this.#world.timers
    })
    if (voteState?.prepared !== undefined) this.keep(voteState.prepared.block)
    const observe = this.observes && mutant?.neverObserves !== true
    this.#boots += 1
    // A mutant that breaks the vote state is to be found by what it signs, not by the replica itself.
    const asks =
      honest &&
      mutant?.reads === undefined &&
      mutant?.writes === undefined &&
      mutant?.neverObserves !== true
    const nonce = concatBytes([u32be(this.instance), u32be(this.#boots), new Uint8Array(24)])
    this.feed({
      type: 'start',
      context: contextFor(this.#world, this),
      voteState,
      observe,
      begunAt: this.begunAt,
      ...(asks ? { nonce, override: this.overrides } : {})
    })
    this.tellWork()
    this.#world.traffic.connect(this)
  }

  /** The disk comes back as it once was, or empty. Without the newest vote state nothing may be signed any more. */
  restore(disk: Disk | undefined, keepsVoteState: boolean): void {
    const { voteState, torn } = this.disk
    this.disk = { ...(disk ?? EMPTY_DISK), ...(keepsVoteState ? { voteState, torn } : {}) }
    this.observes ||= !keepsVoteState
  }

  /** The faults of this machine end. */
  heal(): void {
    const { clockJump } = this.#world.scenario
    if (
      clockJump?.validator === this.instance &&
      Math.abs(this.clockOffset) >= Math.abs(clockJump.ms) / 2
    )
      this.clockOffset -= clockJump.ms
    this.pausedUntil = 0
    this.fullUntil = 0
    this.#wake()
    this.boot()
  }

  tellWork(): void {
    this.feed({ type: 'work', pending: this.#world.pool.pendingAt(this).length > 0 })
  }

  /** Gives the replica an input and does what it asks for. */
  feed(event: Event): void {
    if (this.#state === undefined) return
    const world = this.#world
    const wait = this.pausedUntil - world.schedule.now
    if (wait > 0 || this.#waiting.length > 0) {
      this.#waiting.push(event)
      if (this.#waiting.length === 1) this.#wakeIn(wait)
      return
    }
    this.#take(event)
  }

  /** What came during a standstill is taken in the order in which it came. */
  #wake(): void {
    const life = this.#life
    const waiting = this.#waiting
    this.#waiting = []
    for (const event of waiting) if (this.#life === life) this.#take(event)
  }

  #wakeIn(ms: number): void {
    this.later(ms, () => {
      const left = this.pausedUntil - this.#world.schedule.now
      if (left > 0) this.#wakeIn(left)
      else this.#wake()
    })
  }

  #take(event: Event): void {
    if (this.#state === undefined) return
    const world = this.#world
    const life = this.#life
    const before = this.#state
    const input: Input = { ...event, now: this.clock }
    const wrapped = world.isHonest(this.validator) ? world.mutant?.step : undefined
    const [state, effects] =
      wrapped === undefined ? step(before, input) : wrapped(step, before, input, this)
    this.#state = state
    world.stepped(this, before, input, state, effects)
    for (const effect of effects) {
      this.#hands.perform(effect)
      // The rest of the effects dies with the machine.
      if (this.#life !== life) return
    }
  }

  /** A link to another validator's machine came up. */
  meets(other: Host): void {
    const peer = this.indexOf(other.validator)
    if (peer !== undefined) this.feed({ type: 'connected', peer })
  }

  /** This machine's clock, ms since 1970. */
  get clock(): number {
    return EPOCH_MS + this.#world.schedule.now + this.clockOffset
  }

  /** A peer asks for a block by its hash. */
  find(key: string): BlockProposal | undefined {
    if (!this.up) return undefined
    return (
      this.#blocks.get(key) ??
      this.disk.chain.find(stored => toHex(stored.blockHash) === key)?.block
    )
  }

  /** Makes a decided block durable, from whichever source. */
  append(block: BlockProposal, certificate: Certificate): void {
    const { height } = block.header
    if (!this.up || height !== this.height + 1) return
    const { keys, checker } = this.#world
    const honest = this.#world.isHonest(this.validator)
    const chain = extend(this.disk.chain, keys, block, certificate)
    const leadership = this.#world.mutant?.leadership?.(this.disk.chain, chain, keys, this.view)
    const last = chain.at(-1)
    const kept =
      !honest || leadership === undefined || last === undefined
        ? chain
        : [...chain.slice(0, -1), { ...last, leadership }]
    const after = kept.at(-1)
    if (honest && after !== undefined) {
      if (checker.setAt(height + 1) === undefined)
        this.#world.progress.decides(after, this.#world.pool.pendingAt(this))
      checker.decides(height, after)
    }
    this.disk = { ...this.disk, chain: kept }
    this.#world.note(this, 'decides', height, certificate.view)
    if (this.#world.crashesNow(this)) return
    this.tellWork()
    if (leaves(this.#world, this)) {
      this.#world.note(this, 'leaves', this.height)
      this.crash()
      this.gone = true
      return
    }
    if (takeKey(this.#world, this)) {
      // The process starts anew with the new key.
      this.crash()
      return this.boot()
    }
    this.feed({ type: 'committed', context: contextFor(this.#world, this) })
  }

  /** Whether a certified block from a peer extends this chain. */
  accepts(stored: StoredBlock): boolean {
    const { keys, mutant } = this.#world
    if (mutant?.trustsPeers === true) return true
    const fits = toHex(stored.certificate.blockHash) === toHex(blockHash(stored.block.header))
    return (
      fits &&
      stored.certificate.height === this.height + 1 &&
      certifies(stored.certificate, this.setOf(this.disk.chain, keys, this.height + 1), keys) &&
      faultOf(stored.block, this.disk.chain, keys, this.setOf) === undefined
    )
  }

  /** Which validators made the certificate of a height. */
  get setOf(): typeof validatorsAt {
    const { mutant } = this.#world
    return this.#world.isHonest(this.validator) ? (mutant?.setOf ?? validatorsAt) : validatorsAt
  }

  /** Does something later, unless the machine failed meanwhile. */
  later(ms: number, action: () => void): void {
    const life = this.#life
    this.#world.schedule.after(ms, () => {
      if (this.#life === life) action()
    })
  }

  /** Holds a block in memory, if its list is whole. */
  keep(block: BlockProposal): void {
    if (isWhole(block)) this.#blocks.set(toHex(blockHash(block.header)), block)
  }
}
