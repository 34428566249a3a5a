import { blockHash, toHex, type Certificate } from '@vitalchain/core'
import {
  encodeVoteState,
  leaderOf,
  type Effect,
  type HeightContext,
  type Input,
  type ProposalMessage,
  type ReplicaState,
  type Round,
  type SignedMessage,
  type VoteState
} from './replica.ts'

/** Sees what honest replicas of a simulation do, after each step and each write of a vote state. */
export interface Watcher {
  stepped(
    validator: number,
    before: ReplicaState,
    input: Input,
    after: ReplicaState,
    effects: readonly Effect[]
  ): void
  wrote(validator: number, record: VoteState): void
}

/** The actions of the formal model, by the number that stands for each in an event. */
export const MODEL_ACTIONS = {
  leave: 1,
  join: 2,
  accept: 3,
  askChange: 4,
  askProposal: 5,
  askProposalAndPrepare: 6,
  askPrepare: 7,
  askCommit: 8,
  write: 9,
  say: 10,
  restart: 11,
  lose: 12,
  decide: 13
} as const

/** A view change as it is quoted: what the validator claims to be prepared; -1 and -1 for nothing. */
export interface ModelClaim {
  readonly sender: number
  readonly view: number
  readonly value: number
}

/** One action of one replica in the formal model. */
export interface ModelEvent {
  readonly action: keyof typeof MODEL_ACTIONS
  readonly replica: number
  readonly view: number
  /** The number of a block, -1 for none. */
  readonly value: number
  readonly signers: readonly number[]
  readonly claims: readonly ModelClaim[]
}

/** What the honest replicas did at one height, as actions of the formal model. */
export interface ModelTrace {
  readonly height: number
  readonly validators: number
  readonly faulty: readonly number[]
  /** The leader of each view. */
  readonly leaders: readonly number[]
  readonly events: readonly ModelEvent[]
}

/** What the encoding of an event has digits for. */
const VALIDATORS_MAX = 6
const VIEWS_MAX = 13
const VALUES_MAX = 15

interface Height {
  readonly context: HeightContext
  readonly eligible: readonly number[]
  readonly values: Map<string, number>
  readonly events: ModelEvent[]
}

/**
 * Turns a simulation into traces of the formal model, one for each height. Messages of faulty validators need no events:
 * in the model everything that they can sign exists.
 */
export class TraceRecorder implements Watcher {
  readonly #faulty: readonly number[]
  readonly #heights = new Map<number, Height>()
  /** The vote state that each validator wrote last. */
  readonly #written = new Map<number, VoteState>()

  constructor(faulty: Iterable<number>) {
    this.#faulty = [...faulty]
  }

  /** Everything so far; heights that the encoding has no digits for are left out. */
  traces(): ModelTrace[] {
    return [...this.#heights.values()]
      .filter(({ context, values, events }) => {
        const views = events.every(event => event.view < VIEWS_MAX)
        return (
          events.length > 0 &&
          views &&
          values.size < VALUES_MAX &&
          context.validators.length <= VALIDATORS_MAX
        )
      })
      .map(({ context, eligible, events }) => {
        const { height, validators } = context
        const n = validators.length
        const views = Array.from({ length: VIEWS_MAX }, (_, view) => view)
        const leaders = views.map(view => leaderOf(n, eligible, height, view))
        return { height, validators: n, faulty: this.#faulty, leaders, events }
      })
  }

  wrote(validator: number, record: VoteState): void {
    this.#written.set(validator, record)
    this.#add(record.height, { action: 'write', replica: validator, view: record.view })
  }

  stepped(
    validator: number,
    before: ReplicaState,
    input: Input,
    after: ReplicaState,
    effects: readonly Effect[]
  ): void {
    const { round } = after
    if (round === undefined) return
    this.#open(round)
    if (input.type === 'start') this.#starts(validator, after, round)
    if (input.type === 'signed') this.#says(validator, before, input.votes)
    if (input.type === 'committed') this.#moves(validator, before, after, round)
    const known = before.round?.context.height === round.context.height ? before.round : undefined
    const accepted = [...round.proposals.entries()]
      .filter(([view, { message }]) => {
        const own = message.sender === round.self
        return !own && known?.proposals.get(view)?.message !== message
      })
      .toSorted(([a], [b]) => a - b)
      .map(([, { message }]) => message)
    const acceptBelow = (view: number): void => {
      while ((accepted[0]?.view ?? view) < view) this.#accepts(validator, accepted.shift())
    }
    for (const effect of effects) {
      if (effect.type === 'event' && effect.name === 'view') {
        const { cause, view, height } = effect
        acceptBelow(cause === 'justified' ? view + 1 : view)
        const action = cause === 'behind' ? 'join' : 'leave'
        if (cause !== 'justified') this.#add(height, { action, replica: validator, view })
      } else if (effect.type === 'event' && effect.name === 'decided') {
        acceptBelow(VIEWS_MAX)
        if (round.certified !== undefined) this.#decides(validator, round.certified)
      } else if (effect.type === 'sign') {
        acceptBelow(VIEWS_MAX)
        this.#asks(validator, effect)
      }
    }
    acceptBelow(VIEWS_MAX)
  }

  #open(round: Round): Height {
    const { context, eligible } = round
    const height = this.#heights.get(context.height) ?? {
      context,
      eligible,
      values: new Map<string, number>(),
      events: []
    }
    this.#heights.set(context.height, height)
    return height
  }

  #add(
    height: number,
    event: Pick<ModelEvent, 'action' | 'replica' | 'view'> &
      Partial<Pick<ModelEvent, 'value' | 'signers' | 'claims'>>
  ): void {
    const events = this.#heights.get(height)?.events
    events?.push({ value: -1, signers: [], claims: [], ...event })
  }

  /** The number of a block at its height; -1 for the zero hash that names none. */
  #valueOf(height: number, hash: Uint8Array): number {
    const values = this.#heights.get(height)?.values
    if (values === undefined || hash.every(byte => byte === 0)) return -1
    const key = toHex(hash)
    const value = values.get(key) ?? values.size
    values.set(key, value)
    return value
  }

  /** A restart from the vote state that was written last; from anything else the votes are lost. spec C-26, C-27 */
  #starts(validator: number, after: ReplicaState, round: Round): void {
    const { height } = round.context
    const written = this.#written.get(validator)
    const { record } = after
    const whole = record === undefined ? written === undefined : isSame(record, written)
    if (whole && (record?.height ?? 0) <= height) {
      this.#add(height, { action: 'restart', replica: validator, view: round.view })
      return
    }
    // Blocks were lost, votes not: they forbid every vote below their height, and count again at it. spec C-25
    const votesFrom = whole ? (record?.height ?? 0) : Infinity
    for (const { context, events } of this.#heights.values()) {
      const took = events.some(event => event.replica === validator)
      if (context.height >= height && context.height < votesFrom && took)
        this.#add(context.height, { action: 'lose', replica: validator, view: 0 })
    }
  }

  #says(validator: number, before: ReplicaState, votes: readonly SignedMessage[]): void {
    const [vote] = votes
    const current = before.round?.context.height
    if (vote === undefined || before.signing === undefined || vote.height !== current) return
    this.#add(vote.height, { action: 'say', replica: validator, view: vote.view })
  }

  /** To the next height, by the own decision or by a block that somebody brought. */
  #moves(validator: number, before: ReplicaState, after: ReplicaState, round: Round): void {
    const { height, parentCertificate } = round.context
    const left = before.round
    const decided = left?.certified !== undefined || left?.context.height !== height - 1
    if (!decided && parentCertificate !== undefined) this.#decides(validator, parentCertificate)
    if (after.record?.height === height)
      this.#add(height, { action: 'restart', replica: validator, view: round.view })
  }

  #decides(validator: number, certificate: Certificate): void {
    const { height, view, signers } = certificate
    const value = this.#valueOf(height, certificate.blockHash)
    this.#add(height, { action: 'decide', replica: validator, view, value, signers })
  }

  #accepts(validator: number, message: ProposalMessage | undefined): void {
    if (message === undefined) return
    this.#add(message.height, { action: 'accept', replica: validator, ...this.#proposal(message) })
  }

  #proposal(
    message: Omit<ProposalMessage, 'signature'>
  ): Pick<ModelEvent, 'view' | 'value' | 'signers' | 'claims'> {
    const { height, view, block, justification } = message
    const claims = (justification?.claims ?? []).map(claim => ({
      sender: claim.sender,
      view: claim.preparedView,
      value: this.#valueOf(height, claim.preparedHash)
    }))
    const value = this.#valueOf(height, blockHash(block.header))
    return { view, value, claims, signers: justification?.prepared?.signers ?? [] }
  }

  #asks(validator: number, { votes, record }: Extract<Effect, { type: 'sign' }>): void {
    const place = { replica: validator, view: record.view }
    const { height } = record
    const [first, second] = votes.map(({ message }) => message)
    if (first?.type === 'view-change') {
      const value = this.#valueOf(height, first.preparedHash)
      const claims = [{ sender: validator, view: first.preparedView, value }]
      this.#add(height, { action: 'askChange', ...place, claims })
    } else if (first?.type === 'proposal') {
      const action = second?.type === 'prepare' ? 'askProposalAndPrepare' : 'askProposal'
      this.#add(height, { action, ...place, ...this.#proposal(first) })
    } else if (first?.type === 'prepare') {
      const value = this.#valueOf(height, first.blockHash)
      this.#add(height, { action: 'askPrepare', ...place, value })
    } else if (first?.type === 'commit') {
      const value = this.#valueOf(height, first.blockHash)
      const signers = record.prepared?.certificate.signers ?? []
      this.#add(height, { action: 'askCommit', ...place, value, signers })
    }
  }
}

const DIGITS = 18
const digit = (value: number): string => value.toString(16)

/** The digits of an event; packages/consensus/model/vcpbft.qnt reads them. */
export function encodeModelEvent(event: ModelEvent): string {
  const { action, replica, view, value, signers, claims } = event
  const mask = signers.reduce((sum, signer) => sum + 2 ** signer, 0)
  const quoted = Array.from({ length: VALIDATORS_MAX }, (_, k) => VALIDATORS_MAX - 1 - k).map(
    sender => {
      const claim = claims.find(each => each.sender === sender)
      return claim === undefined ? '00' : digit(claim.view + 2) + digit(claim.value + 1)
    }
  )
  const head = [MODEL_ACTIONS[action], replica, view, value + 1].map(digit).join('')
  return head + digit(mask).padStart(2, '0') + quoted.join('')
}

/** A trace as a test of the formal model, in Quint. A whole trace is one number: parsing is what takes the time. */
export function modelTest(name: string, trace: ModelTrace): string {
  const { faulty, leaders, events } = trace
  const digits = events.map(encodeModelEvent).toReversed().join('')
  if (digits.length !== DIGITS * events.length)
    throw new RangeError(`${name} has too large numbers`)
  return `run ${name} = replay(Set(${faulty.join(', ')}), [${leaders.join(', ')}], 0x${digits}, ${events.length})`
}

function isSame(record: VoteState, written: VoteState | undefined): boolean {
  return written !== undefined && toHex(encodeVoteState(record)) === toHex(encodeVoteState(written))
}
