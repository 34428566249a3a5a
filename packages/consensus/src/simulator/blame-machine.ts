import { blockHash, sha256, toHex, u32be, type Certificate } from '@vitalchain/core'
import type { ForkWorld } from './blame-world.ts'
import {
  createReplica,
  step,
  type BlockProposal,
  type Effect,
  type HeightContext,
  type HeightRecord,
  type Input,
  type Message,
  type ReplicaState
} from './replica.ts'

type Event = Input extends infer I ? (I extends Input ? Omit<I, 'now'> : never) : never

/** A replica of one validator on one side of a fork, with a host that believes every block. */
export class ForkMachine {
  readonly validator: number
  /** The side that this machine is on. */
  readonly side: 0 | 1
  decision: Certificate | undefined
  record: HeightRecord | undefined
  readonly #world: ForkWorld
  #state: ReplicaState | undefined
  readonly #timers = new Set<string>()

  constructor(world: ForkWorld, validator: number, side: 0 | 1) {
    this.#world = world
    this.validator = validator
    this.side = side
  }

  get state(): ReplicaState | undefined {
    return this.#state
  }

  boot(context: HeightContext): void {
    const { keys, scope } = this.#world
    this.#state = createReplica({
      ...scope,
      self: keys.validators[this.validator]?.consensusKey,
      verify: keys.verify,
      timers: { baseMin: 30, baseMax: 500, resendMin: 40, resendMax: 200, firstLatency: 10 }
    })
    this.feed({ type: 'start', context })
    this.feed({ type: 'work', pending: true })
  }

  /** The height is over for this machine, by whatever way: it hands over what it kept. */
  end(context: HeightContext): void {
    this.feed({ type: 'committed', context })
  }

  hear(from: number, message: Message): void {
    this.feed({ type: 'message', from, message })
  }

  feed(event: Event): void {
    if (this.#state === undefined) return
    const [state, effects] = step(this.#state, { ...event, now: this.#world.clock })
    this.#state = state
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    const world = this.#world
    switch (effect.type) {
      case 'sign':
        return world.later(3, () => {
          const votes = effect.votes.map(vote =>
            vote.seal(world.keys.sign(this.validator, vote.signBytes))
          )
          this.feed({ type: 'signed', votes })
        })
      case 'send':
        return world.send(this, effect.to, effect.message)
      case 'build':
        return world.later(2, () => {
          this.feed({
            type: 'built',
            height: effect.height,
            view: effect.view,
            proposal: this.#build(effect)
          })
        })
      case 'validate':
        return world.later(2, () => {
          this.feed({ type: 'validated', request: effect.request, valid: true })
        })
      case 'fetch':
        return world.later(5, () => {
          const proposal = world.find(effect.blockHash)
          if (proposal !== undefined) this.feed({ type: 'fetched', proposal })
        })
      case 'commit':
        if (this.decision !== undefined) return undefined
        this.decision = effect.certificate
        return world.later(3, () => {
          // From now on it answers those who missed the end of the height.
          this.feed({ type: 'work', pending: false })
          this.end(world.contextAfter(effect.blockHash))
        })
      case 'setTimer':
        this.#timers.add(effect.id)
        return world.after(effect.ms, () => {
          if (this.#timers.delete(effect.id)) this.feed({ type: 'timer', id: effect.id })
        })
      case 'cancelTimer':
        this.#timers.delete(effect.id)
        return undefined
      case 'evidence':
        return world.sees(this, effect.evidence)
      case 'record':
        this.record ??= effect.record
        return undefined
      // One height, nobody who lost anything, and nobody to report to.
      case 'sync':
      case 'event':
      case 'begin':
      case 'distrust':
        return undefined
    }
  }

  /** Every machine builds another block: two of them are a fork, not the same by chance. */
  #build({ view, minTime }: Extract<Effect, { type: 'build' }>): BlockProposal {
    const { context, scope } = this.#world
    const nonce = 1_000_000 * this.side + 1_000 * this.validator + view
    const transaction = sha256(u32be(nonce))
    const header = {
      protocol: 1,
      ...scope,
      height: context.height,
      previous: context.parentHash,
      time: Math.max(minTime, this.#world.clock),
      originView: view,
      originProposer: this.validator,
      transactionCount: 1,
      history: { size: 1, root: sha256(transaction) },
      stateRoot: new Uint8Array(32),
      validatorsHash: new Uint8Array(32),
      nextValidatorsHash: new Uint8Array(32),
      previousCertificateHash: this.#world.parentCertificateHash
    }
    const proposal = {
      header,
      previousCertificate: context.parentCertificate,
      transactions: [transaction]
    }
    this.#world.keep(toHex(blockHash(header)), proposal)
    return proposal
  }
}
