// What the tests of single rules share: one replica, driven by hand.
import { hash } from 'node:crypto'
import { useCryptoBackend, type Certificate } from '@vitalchain/core'
import {
  FIRST_LEADERSHIP,
  createReplica,
  messageSignBytes,
  step,
  type BlockProposal,
  type Effect,
  type HeightContext,
  type Input,
  type Justification,
  type Message,
  type ReplicaConfig,
  type ReplicaState,
  type SignedMessage,
  type Unsigned,
  type VoteState
} from '@vitalchain/consensus'
import {
  NETWORK,
  buildBlock,
  createCheckedKeys,
  randomScenario,
  runScenario,
  type Outcome,
  type Scenario
} from '@vitalchain/consensus/simulator'

// Millions of hashes are made in the simulations.
useCryptoBackend({ sha256: bytes => new Uint8Array(hash('sha256', bytes, 'buffer')) })

export const SCOPE = { network: NETWORK, recoveryEpoch: 0 }
export const ZERO = new Uint8Array(32)

type Event = Input extends infer I ? (I extends Input ? Omit<I, 'now'> : never) : never
type EffectOf<T extends Effect['type']> = Extract<Effect, { type: T }>

/** A replica and the hands of its host. */
export class Bench {
  readonly keys
  readonly context: HeightContext
  readonly self: number
  readonly config: ReplicaConfig
  state: ReplicaState
  effects: readonly Effect[] = []
  now = 1_000_000
  verifications = 0

  constructor(n = 4, self = 0, context: Partial<HeightContext> = {}) {
    this.keys = createCheckedKeys(n)
    this.self = self
    this.context = {
      height: 1,
      parentHash: NETWORK,
      parentTime: 0,
      parentCertificate: undefined,
      validators: this.keys.validators,
      leadership: FIRST_LEADERSHIP,
      ...context
    }
    this.config = {
      ...SCOPE,
      self: this.keys.validators[self]!.consensusKey,
      verify: (key, message, signature) => {
        this.verifications += 1
        return this.keys.verify(key, message, signature)
      }
    }
    this.state = createReplica(this.config)
  }

  get round() {
    return this.state.round!
  }

  start(options: { voteState?: VoteState; observe?: boolean } = {}): this {
    return this.give({ type: 'start', context: this.context, ...options })
  }

  give(event: Event): this {
    ;[this.state, this.effects] = step(this.state, { ...event, now: this.now })
    return this
  }

  hear(message: Message, from?: number): this {
    const sender = 'sender' in message ? message.sender : undefined
    return this.give({ type: 'message', from: from ?? sender, message })
  }

  /** The effects of one kind after the last input. */
  did<T extends Effect['type']>(type: T): EffectOf<T>[] {
    return this.effects.filter((effect): effect is EffectOf<T> => effect.type === type)
  }

  /** Reasons of the refusals after the last input. */
  refusals(): string[] {
    return this.did('event').flatMap(event => (event.name === 'rejected' ? [event.reason] : []))
  }

  sent(): Message[] {
    return this.did('send').map(effect => effect.message)
  }

  /** Signs what was asked last. */
  sign(): this {
    const { votes } = this.did('sign')[0]!
    return this.give({
      type: 'signed',
      votes: votes.map(vote => vote.seal(this.keys.sign(this.self, vote.signBytes)))
    })
  }

  /** Says that the block given last is valid. */
  approve(valid = true): this {
    const { request } = this.did('validate')[0]!
    return this.give({ type: 'validated', request, valid, code: valid ? undefined : 'ERR_TEST' })
  }

  /** A timer of this kind that is set after the last input runs out. */
  expire(kind: 'view' | 'resend'): this {
    const timers = this.state
    const id = kind === 'view' ? timers.viewTimer!.id : timers.resendTimer!
    return this.give({ type: 'timer', id })
  }

  signed(message: Unsigned): SignedMessage {
    return {
      ...message,
      signature: this.keys.sign(message.sender, messageSignBytes(SCOPE, message))
    }
  }

  block(proposer: number, view = 0, nonce = 1): BlockProposal {
    return buildBlock(this.context, { view, proposer, time: 5_000 }, [nonce])
  }

  leader(view = 0): number {
    return (this.context.height + view) % this.keys.validators.length
  }

  proposal(
    options: {
      view?: number
      block?: BlockProposal
      justification?: Justification
      sender?: number
    } = {}
  ) {
    const { view = 0, sender = this.leader(view), justification } = options
    const block = options.block ?? this.block(sender, view)
    const { height } = this.context
    return this.signed({ type: 'proposal', height, view, sender, block, justification })
  }

  vote(
    type: 'prepare' | 'commit',
    sender: number,
    hash: Uint8Array,
    view = 0,
    height = this.context.height
  ) {
    return this.signed({ type, height, view, sender, blockHash: hash })
  }

  certificate(
    phase: 'prepare' | 'commit',
    hash: Uint8Array,
    view = 0,
    signers = [1, 2, 3]
  ): Certificate {
    const { height } = this.context
    const signatures = signers.map(signer => this.vote(phase, signer, hash, view).signature)
    return { phase, height, view, blockHash: hash, signers, signatures }
  }

  viewChange(sender: number, view: number, prepared?: Certificate) {
    const claim = {
      preparedView: prepared?.view ?? -1,
      preparedHash: prepared?.blockHash ?? ZERO,
      prepared
    }
    return this.signed({ type: 'view-change', height: this.context.height, view, sender, ...claim })
  }

  justification(
    view: number,
    senders: readonly number[],
    prepared?: ReadonlyMap<number, Certificate>
  ): Justification {
    const claims = senders.map(sender => {
      const message = this.viewChange(sender, view, prepared?.get(sender))
      if (message.type !== 'view-change') throw new Error('unreachable')
      const { preparedView, preparedHash, signature } = message
      return { sender, preparedView, preparedHash, signature }
    })
    const highest = [...(prepared?.values() ?? [])].toSorted((a, b) => b.view - a.view)[0]
    return { claims, prepared: highest }
  }
}

/** The outcomes of the seeds from `first` on, up to the first that went wrong. */
export function sweep(first: number, count: number, fixed: Partial<Scenario> = {}): Outcome[] {
  const outcomes: Outcome[] = []
  for (let seed = first; seed < first + count; seed += 1) {
    const outcome = runScenario(randomScenario(seed, fixed))
    outcomes.push(outcome)
    if (outcome.violation !== undefined) break
  }
  return outcomes
}
