import { blockHash, toHex, type Certificate } from '@vitalchain/core'
import {
  EPOCH_MS,
  NETWORK,
  buildBlock,
  certifies,
  contextOf,
  extend,
  faultOf,
  isWhole,
  type StoredBlock
} from './chain.ts'
import {
  createReplica,
  decodeVoteState,
  encodeVoteState,
  step,
  withSigned,
  type BlockProposal,
  type Effect,
  type Input,
  type Message,
  type ReplicaState
} from './replica.ts'
import type { World } from './world.ts'

/** An input without its time, which the host adds. */
export type Event = Input extends infer I ? (I extends Input ? Omit<I, 'now'> : never) : never

/** Ways to break a replica or its host on purpose: the checker must notice each. */
export type Mutant =
  | 'no-persistence'
  | 'forgets-prepared'
  | 'small-quorum'
  | 'no-resend'
  | 'speaks-first'

/** One simulated machine: a replica, a disk that survives, timers, and everything a host does for a replica. */
export class Host {
  readonly validator: number
  /** Differs from the validator's index for the second of two twins. */
  readonly instance: number
  disk: { readonly chain: readonly StoredBlock[]; readonly voteState: Uint8Array | undefined } = {
    chain: [],
    voteState: undefined
  }
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
  }

  boot(): void {
    if (this.up) return
    const { keys, mutant } = this.#world
    const voteState =
      this.disk.voteState === undefined || mutant === 'no-persistence'
        ? undefined
        : decodeVoteState(this.disk.voteState)
    const self = keys.validators[this.validator]?.consensusKey
    this.#world.note(this, 'boots', this.height + 1)
    this.#state = createReplica({
      network: NETWORK,
      recoveryEpoch: 0,
      self,
      verify: keys.verify,
      timers: this.#world.timers
    })
    if (voteState?.prepared !== undefined) this.#keep(voteState.prepared.block)
    this.feed({ type: 'start', context: contextOf(this.disk.chain, keys), voteState })
    this.feed({ type: 'work', pending: this.#world.hasWork(this.height) })
    this.#world.connect(this)
  }

  /** Gives the replica an input and does what it asks for. */
  feed(event: Event): void {
    if (this.#state === undefined) return
    const life = this.#life
    const input: Input = { ...event, now: EPOCH_MS + this.#world.schedule.now }
    const [state, effects] = step(this.#mutated(this.#state), input)
    this.#state = state
    this.#world.checker.holds(state)
    for (const effect of effects) {
      this.#world.checker.emits(effect)
      this.#perform(effect)
      // The rest of the effects dies with the machine.
      if (this.#life !== life) return
    }
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
    if (this.#world.isHonest(this.validator)) checker.decides(height, block, certificate)
    this.disk = { ...this.disk, chain: extend(this.disk.chain, keys, block, certificate) }
    this.#world.note(this, 'decides', height, certificate.view)
    if (this.#world.crashesNow(this)) return
    this.feed({ type: 'work', pending: this.#world.hasWork(this.height) })
    this.feed({ type: 'committed', context: contextOf(this.disk.chain, keys) })
  }

  #mutated(state: ReplicaState): ReplicaState {
    const { mutant } = this.#world
    if (state.round === undefined || !this.#world.isHonest(this.validator)) return state
    if (mutant === 'forgets-prepared')
      return { ...state, round: { ...state.round, prepared: undefined } }
    if (mutant === 'small-quorum')
      return { ...state, round: { ...state.round, quorum: 2 * state.round.faults } }
    return state
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
        return this.#later(random.integer(3), () => this.#sign(effect))
      case 'send':
        return this.#send(effect.to, effect.message)
      case 'build':
        return this.#later(1 + random.integer(2), () => this.#build(effect))
      case 'validate':
        this.#keep(effect.proposal)
        return this.#later(1 + random.integer(3), () => {
          const code = faultOf(effect.proposal, this.disk.chain, world.keys)
          this.feed({ type: 'validated', request: effect.request, valid: code === undefined, code })
        })
      case 'fetch':
        return world.fetch(this, toHex(effect.blockHash), effect.from)
      case 'commit':
        return this.#later(1 + random.integer(3), () => {
          if (!world.crashesNow(this)) this.append(effect.proposal, effect.certificate)
        })
      case 'setTimer':
        if (world.mutant === 'no-resend' && effect.id.startsWith('resend')) return
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
          effect.name,
          effect.height,
          'view' in effect ? effect.view : undefined
        )
      case 'evidence':
        return world.note(
          this,
          `sees ${effect.kind} equivocation of ${effect.validator}`,
          effect.height,
          effect.view
        )
    }
  }

  #sign({ votes, record }: Extract<Effect, { type: 'sign' }>): void {
    const world = this.#world
    if (world.crashesNow(this)) return
    const signed = votes.map(vote => vote.seal(world.keys.sign(this.validator, vote.signBytes)))
    const voteState = encodeVoteState(withSigned(record, signed))
    if (world.mutant === 'speaks-first') {
      this.feed({ type: 'signed', votes: signed })
      return this.#later(world.random.integer(3), () => {
        this.disk = { ...this.disk, voteState }
      })
    }
    this.disk = { ...this.disk, voteState }
    if (record.prepared !== undefined) this.#keep(record.prepared.block)
    if (world.crashesNow(this)) return
    this.#later(0, () => this.feed({ type: 'signed', votes: signed }))
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

  #build({ height, view, allowEmpty }: Extract<Effect, { type: 'build' }>): void {
    const world = this.#world
    const context = contextOf(this.disk.chain, world.keys)
    if (context.height !== height) return
    const busy = world.hasWork(this.height)
    const nonces = busy ? [world.nextNonce(), world.nextNonce()] : []
    const proposal =
      busy || allowEmpty
        ? buildBlock(
            context,
            { view, proposer: this.validator, time: EPOCH_MS + world.schedule.now },
            nonces
          )
        : undefined
    if (proposal !== undefined) this.#keep(proposal)
    this.feed({ type: 'built', height, view, proposal })
  }

  /** Whether a certified block from a peer extends this chain. */
  accepts(stored: StoredBlock): boolean {
    const { keys } = this.#world
    const fits = toHex(stored.certificate.blockHash) === toHex(blockHash(stored.block.header))
    return (
      fits &&
      certifies(stored.certificate, keys) &&
      faultOf(stored.block, this.disk.chain, keys) === undefined
    )
  }
}
