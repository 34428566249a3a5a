import { blockHash, toHex, type Certificate } from '@vitalchain/core'
import {
  EPOCH_MS,
  NETWORK,
  buildBlock,
  certifies,
  contextOf,
  extend,
  faultOf,
  isInTime,
  isWhole,
  type StoredBlock
} from './chain.ts'
import { EMPTY_DISK, readVoteState, tearVoteState, writeVoteState, type Disk } from './disk.ts'
import {
  createReplica,
  step,
  withSigned,
  type BlockProposal,
  type Effect,
  type Input,
  type Message,
  type ReplicaState,
  type VoteState
} from './replica.ts'
import type { World } from './world.ts'

/** An input without its time, which the host adds. */
export type Event = Input extends infer I ? (I extends Input ? Omit<I, 'now'> : never) : never

const FULL_DISK_RETRY_MS = 50

/** One simulated machine: a replica, a disk that survives, timers, and everything a host does for a replica. */
export class Host {
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
  /** The next write of a vote state ends in a crash half way. */
  tearsNextWrite = false
  /** Without the vote state that it once had: it follows and signs nothing. */
  observes = false
  #state: ReplicaState | undefined
  #life = 0
  #timers = new Set<string>()
  #blocks = new Map<string, BlockProposal>()
  readonly #world: World

  constructor(world: World, validator: number, instance: number) {
    this.#world = world
    this.validator = validator
    this.instance = instance
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
    this.#timers = new Set()
    this.#blocks = new Map()
    this.pausedUntil = 0
    if (this.#world.behaves(this, 'forgets')) {
      this.#world.count('byzantine forgets')
      this.disk = { ...this.disk, voteState: undefined }
    }
  }

  boot(): void {
    if (this.up) return
    const { keys, mutant } = this.#world
    const honest = this.#world.isHonest(this.validator)
    const kept = readVoteState(this.disk)
    const voteState = honest && mutant?.reads !== undefined ? mutant.reads(kept) : kept
    const self = keys.validators[this.validator]?.consensusKey
    this.#world.note(this, this.observes ? 'boots, to observe' : 'boots', this.height + 1)
    this.#state = createReplica({
      network: NETWORK,
      recoveryEpoch: 0,
      self,
      verify: keys.verify,
      timers: this.#world.timers
    })
    if (voteState?.prepared !== undefined) this.#keep(voteState.prepared.block)
    const observe = this.observes && mutant?.neverObserves !== true
    this.feed({ type: 'start', context: contextOf(this.disk.chain, keys), voteState, observe })
    this.tellWork()
    this.#world.connect(this)
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
    this.tearsNextWrite = false
    this.boot()
  }

  tellWork(): void {
    this.feed({ type: 'work', pending: this.#world.pendingAt(this).length > 0 })
  }

  /** Gives the replica an input and does what it asks for. */
  feed(event: Event): void {
    if (this.#state === undefined) return
    const world = this.#world
    const wait = this.pausedUntil - world.schedule.now
    if (wait > 0) {
      this.#later(wait, () => {
        this.feed(event)
      })
      return
    }
    const life = this.#life
    const before = this.#state
    const input: Input = { ...event, now: this.clock }
    const wrapped = world.isHonest(this.validator) ? world.mutant?.step : undefined
    const [state, effects] =
      wrapped === undefined ? step(before, input) : wrapped(step, before, input, this)
    this.#state = state
    world.stepped(this, before, input, state, effects)
    for (const effect of effects) {
      this.#perform(effect)
      // The rest of the effects dies with the machine.
      if (this.#life !== life) return
    }
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
    if (honest) checker.decides(height, block, certificate, kept.at(-1)?.leadership)
    this.disk = { ...this.disk, chain: kept }
    this.#world.note(this, 'decides', height, certificate.view)
    if (this.#world.crashesNow(this)) return
    this.tellWork()
    this.feed({ type: 'committed', context: contextOf(this.disk.chain, keys) })
  }

  /** Whether a certified block from a peer extends this chain. */
  accepts(stored: StoredBlock): boolean {
    const { keys, mutant } = this.#world
    if (mutant?.trustsPeers === true) return true
    const fits = toHex(stored.certificate.blockHash) === toHex(blockHash(stored.block.header))
    return (
      fits &&
      stored.certificate.height === this.height + 1 &&
      certifies(stored.certificate, keys) &&
      faultOf(stored.block, this.disk.chain, keys) === undefined
    )
  }

  /** Does something later, unless the machine failed meanwhile. */
  #later(ms: number, action: () => void): void {
    const life = this.#life
    this.#world.schedule.after(ms, () => {
      if (this.#life === life) action()
    })
  }

  #keep(block: BlockProposal): void {
    if (isWhole(block)) this.#blocks.set(toHex(blockHash(block.header)), block)
  }

  #perform(effect: Effect): void {
    const world = this.#world
    const { random } = world
    switch (effect.type) {
      case 'sign':
        return this.#later(random.integer(world.diskMs), () => {
          this.#sign(effect)
        })
      case 'send':
        return this.#send(effect.to, effect.message)
      case 'build':
        return this.#later(1 + random.integer(2), () => {
          this.#build(effect)
        })
      case 'validate':
        this.#keep(effect.proposal)
        return this.#later(1 + random.integer(3), () => {
          this.#validate(effect)
        })
      case 'fetch':
        return world.fetch(this, toHex(effect.blockHash), effect.from)
      case 'commit':
        return this.#later(1 + random.integer(world.diskMs), () => {
          this.#commit(effect)
        })
      case 'setTimer':
        this.#timers.add(effect.id)
        return this.#later(effect.ms, () => {
          if (this.#timers.delete(effect.id)) this.feed({ type: 'timer', id: effect.id })
        })
      case 'cancelTimer':
        this.#timers.delete(effect.id)
        return
      case 'sync':
        return world.sync(this, effect.from)
      case 'event':
        return world.note(
          this,
          effect.name === 'rejected' ? `rejects ${effect.message}: ${effect.reason}` : effect.name,
          effect.height,
          'view' in effect ? effect.view : undefined
        )
      case 'evidence':
        return world.note(
          this,
          `sees ${effect.kind} equivocation of #${effect.validator}`,
          effect.height,
          effect.view
        )
    }
  }

  #validate({ proposal, request, checkTime, view }: Extract<Effect, { type: 'validate' }>): void {
    const world = this.#world
    const late = checkTime && !isInTime(proposal.header.time, view, this.clock)
    const code =
      world.mutant?.believesBlocks === true
        ? undefined
        : late
          ? 'ERR_BLOCK_TIME'
          : faultOf(proposal, this.disk.chain, world.keys)
    this.feed({ type: 'validated', request, valid: code === undefined, code })
  }

  #commit(effect: Extract<Effect, { type: 'commit' }>): void {
    const world = this.#world
    if (world.schedule.now < this.fullUntil) {
      this.#later(FULL_DISK_RETRY_MS, () => {
        this.#commit(effect)
      })
      return
    }
    if (!world.crashesNow(this)) this.append(effect.proposal, effect.certificate)
  }

  #sign(effect: Extract<Effect, { type: 'sign' }>): void {
    const world = this.#world
    const { votes } = effect
    if (world.schedule.now < this.fullUntil) {
      this.#later(FULL_DISK_RETRY_MS, () => {
        this.#sign(effect)
      })
      return
    }
    if (world.crashesNow(this)) return
    const signed = votes.map(vote => vote.seal(world.keys.sign(this.validator, vote.signBytes)))
    const honest = world.isHonest(this.validator)
    const changed = honest ? world.mutant?.writes?.(effect.record) : undefined
    const record = withSigned(changed ?? effect.record, signed)
    const write = (): void => {
      this.disk = writeVoteState(this.disk, record)
    }
    if (honest && world.mutant?.speaksFirst === true) {
      this.feed({ type: 'signed', votes: signed })
      return this.#later(world.random.integer(3), write)
    }
    if (this.#tears(record)) return
    write()
    if (record.prepared !== undefined) this.#keep(record.prepared.block)
    if (world.crashesNow(this)) return
    this.#later(0, () => {
      this.feed({ type: 'signed', votes: signed })
    })
  }

  #tears(record: VoteState): boolean {
    if (!this.tearsNextWrite) return false
    const world = this.#world
    this.tearsNextWrite = false
    this.disk = tearVoteState(this.disk, record, world.random.fraction())
    world.count('torn write')
    world.crash(this, 20 + world.random.integer(300))
    return true
  }

  #send(to: 'all' | readonly number[], message: Message): void {
    const world = this.#world
    const honest = world.isHonest(this.validator)
    if (honest && message.type !== 'status' && message.type !== 'decided') {
      world.checker.sends(this.validator, message, this.disk.voteState)
    }
    if (message.type === 'proposal') this.#keep(message.block)
    world.send(this, to, message)
  }

  #build({ height, view, allowEmpty, minTime }: Extract<Effect, { type: 'build' }>): void {
    const world = this.#world
    const context = contextOf(this.disk.chain, world.keys)
    if (context.height !== height) return
    const pending = world.pendingAt(this)
    const nonces = pending.filter(nonce => !world.drops(this, nonce)).slice(0, 1)
    if (nonces[0] !== pending[0]) world.count('byzantine censors')
    const time = Math.max(minTime, this.clock)
    const origin = { view, proposer: this.validator, time }
    const proposal =
      nonces.length > 0 || allowEmpty ? buildBlock(context, origin, nonces) : undefined
    if (proposal !== undefined) this.#keep(proposal)
    this.feed({ type: 'built', height, view, proposal })
  }
}
