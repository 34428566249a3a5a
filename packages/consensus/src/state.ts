import {
  blockHash,
  equalBytes,
  faultTolerance,
  quorum,
  toHex,
  type Certificate
} from '@vitalchain/core'
import type { JustifiedProposal } from './height-record.ts'
import { eligibleLeaders, leaderOf } from './leader.ts'
import type {
  BlockProposal,
  CommitMessage,
  Justification,
  PrepareMessage,
  ProposalMessage,
  SignedMessage,
  ViewChangeMessage
} from './messages.ts'
import { DEFAULT_TIMERS, type TimerSettings } from './timers.ts'
import type { Effect, HeightContext, ReplicaConfig, ReplicaEvent } from './types.ts'
import type { PreparedBlock, SentMessages, VoteState } from './vote-state.ts'

/** A block whose header is known to this replica. */
export interface KnownBlock {
  readonly block: BlockProposal
  readonly blockHash: Uint8Array
  /**
   * Who vouches for the transactions beside the header: only `fetched` and `built` blocks were checked by the host.
   * A leader can send one header with two lists.
   */
  readonly source: 'proposal' | 'record' | 'fetched' | 'built'
  readonly status: 'unknown' | 'checking' | 'valid' | 'invalid'
  /** The open or last question to the host, and what it asked for. */
  readonly request: number
  readonly live: boolean
  readonly checkTime: boolean
  readonly code: string
}

/** A proposal by the rightful leader of its view, with all the proof it needs. */
export interface AcceptedProposal {
  readonly message: ProposalMessage
  readonly blockHash: Uint8Array
}

/** What a replica knows about the height that is to be decided. Gone when the height is. */
export interface Round {
  readonly context: HeightContext
  readonly quorum: number
  /** How many validators may be faulty. */
  readonly faults: number
  readonly eligible: readonly number[]
  /** The own index in the validator set, when the own key is in it. */
  readonly self: number | undefined

  readonly view: number
  /** Whether a view change for `view` is owed to the others: not when a justified proposal led here. */
  readonly announce: boolean
  /** What was signed in `view`, durably. */
  readonly sent: SentMessages
  /** The highest block that this replica saw prepared and committed to, durably. */
  readonly prepared: PreparedBlock | undefined

  /** The first proposal of the rightful leader of each view: an older one may still be decided. */
  readonly proposals: ReadonlyMap<number, AcceptedProposal>
  readonly blocks: ReadonlyMap<string, KnownBlock>
  /** The first vote of each validator, by view. */
  readonly prepares: ReadonlyMap<number, ReadonlyMap<number, PrepareMessage>>
  readonly commits: ReadonlyMap<number, ReadonlyMap<number, CommitMessage>>
  /** The highest view change of each validator. */
  readonly viewChanges: ReadonlyMap<number, ViewChangeMessage>
  /** The highest view in which each validator signed anything. */
  readonly latestViews: ReadonlyMap<number, number>
  /** Prepared certificates of others that were verified, by view. */
  readonly certificates: ReadonlyMap<number, Certificate>

  /** The block asked of the host, as leader. */
  readonly building:
    | { readonly view: number; readonly justification: Justification | undefined }
    | undefined
  /** The view in which the host had nothing to build. */
  readonly nothingToBuild: number | undefined
  /** The block to propose in `view`. */
  readonly candidate:
    | { readonly block: BlockProposal; readonly justification: Justification | undefined }
    | undefined
  /** Blocks asked of the host, by hash. */
  readonly fetching: ReadonlyMap<
    string,
    { readonly blockHash: Uint8Array; readonly from: readonly number[] }
  >
  /** Blocks asked for in vain for a whole resend interval. */
  readonly missing: ReadonlySet<string>
  /** The decision, once there is one: nothing is voted for any more. */
  readonly certified: Certificate | undefined
  /** Whether the host was told to commit, or cannot. */
  readonly finished: boolean

  /** Proposals above view 0 that were found justified, by view, for the record of this height. spec C-34. */
  readonly justified: ReadonlyMap<number, JustifiedProposal>
  /** Pairs of kind and validator of which evidence was given. */
  readonly accused: ReadonlySet<string>
  /** When work or a proposal was first seen at this height. */
  readonly startedAt: number | undefined
  /** When the proposal of the current view was accepted. */
  readonly proposedAt: number | undefined
  /** Whether the proposal of view 0 already gave its view more time. */
  readonly extended: boolean
}

/** What a replica finds out about what its key signed before it started. spec C-36. */
export interface Inquiry {
  /** Random bytes of this start. */
  readonly nonce: Uint8Array
  /** Whether the vote state is taken for whole. */
  readonly complete: boolean
  /** The operator decided that this validator votes without its vote state. */
  readonly override: boolean
  /** What others answered, by validator of the height: how far they are, and whether they have their own votes. */
  readonly answers: ReadonlyMap<number, { readonly height: number; readonly complete: boolean }>
  /** The newest durable height when the first of these answers was asked for. */
  readonly since: number
  /** The newest signature of the own key that the vote state does not hold. */
  readonly heard: { readonly height: number; readonly view: number } | undefined
  /** What was reported last. */
  readonly told: string
}

/** A replica. Plain immutable data: `step` gives a new one. */
export interface ReplicaState {
  readonly config: ReplicaConfig
  readonly timers: TimerSettings
  /** Undefined before `start`. */
  readonly round: Round | undefined
  /** Whether this replica may sign at all. */
  readonly voting: boolean
  /** What has to be known before the first vote; undefined once it is. */
  readonly inquiry: Inquiry | undefined
  /** Up to this height the own key may have signed what the vote state, which began there, does not hold. */
  readonly forgotten: number
  /** What is on disk. */
  readonly record: VoteState | undefined
  /** What the host is asked to sign; nothing else is asked before its answer. */
  readonly signing: VoteState | undefined
  readonly pending: boolean
  /** The moving average of the time to commit, ms. */
  readonly latency: number
  /** The newest certificate and since when, to answer those who missed it. */
  readonly last: { readonly certificate: Certificate; readonly at: number } | undefined
  /** When each peer was last answered. */
  readonly answered: ReadonlyMap<number, number>
  /** When each peer's inquiry was last answered. */
  readonly inquired: ReadonlyMap<number, number>
  /** Messages of the next height, by validator and kind. */
  readonly next: ReadonlyMap<
    string,
    { readonly from: number | undefined; readonly message: SignedMessage }
  >
  readonly viewTimer: { readonly id: string; readonly view: number } | undefined
  readonly resendTimer: string | undefined
  /** When catching up was last asked for. */
  readonly syncAskedAt: number | undefined
  /** Numbers requests and timers. */
  readonly counter: number
}

/** A replica that was started. */
export interface RunningState extends ReplicaState {
  readonly round: Round
}

/** One step under way: the state is replaced, never changed; effects are collected. */
export interface Turn {
  readonly now: number
  state: RunningState
  readonly effects: Effect[]
}

/** A replica that knows nothing yet; `start` is its first input. */
export function createReplica(config: ReplicaConfig): ReplicaState {
  const timers = { ...DEFAULT_TIMERS, ...config.timers }
  return {
    config,
    timers,
    round: undefined,
    voting: false,
    inquiry: undefined,
    forgotten: 0,
    record: undefined,
    signing: undefined,
    pending: false,
    latency: timers.firstLatency,
    last: undefined,
    answered: new Map(),
    inquired: new Map(),
    next: new Map(),
    viewTimer: undefined,
    resendTimer: undefined,
    syncAskedAt: undefined,
    counter: 0
  }
}

/** The round of a new height; what was signed at it before a restart comes back from the record. spec C-26. */
export function createRound(
  context: HeightContext,
  config: ReplicaConfig,
  record: VoteState | undefined
): Round {
  const { validators } = context
  const own = record?.height === context.height ? record : undefined
  const { self } = config
  const index = validators.findIndex(
    each => self !== undefined && equalBytes(each.consensusKey, self)
  )
  return {
    context,
    quorum: quorum(validators.length),
    faults: faultTolerance(validators.length),
    eligible: eligibleLeaders(validators, context.leadership),
    self: index < 0 ? undefined : index,
    view: own?.view ?? 0,
    announce: own?.sent['view-change'] !== undefined,
    sent: own?.sent ?? {},
    prepared: own?.prepared,
    proposals: new Map(),
    blocks: new Map(own === undefined ? [] : recordedBlocks(own)),
    prepares: new Map(),
    commits: new Map(),
    viewChanges: new Map(),
    latestViews: new Map(),
    certificates: new Map(),
    building: undefined,
    nothingToBuild: undefined,
    candidate: undefined,
    fetching: new Map(),
    missing: new Set(),
    certified: undefined,
    finished: false,
    justified: new Map(),
    accused: new Set(),
    startedAt: undefined,
    proposedAt: undefined,
    extended: false
  }
}

/** The blocks that a record brings back: known, and to be validated again because nothing of that was kept. */
function recordedBlocks({ sent, prepared }: VoteState): [string, KnownBlock][] {
  return [sent.proposal?.block, prepared?.block]
    .filter(block => block !== undefined)
    .map(block => {
      const hash = blockHash(block.header)
      return [blockKey(hash), unknownBlock(block, hash, 'record')]
    })
}

/** A block that nobody looked at yet. */
export function unknownBlock(
  block: BlockProposal,
  blockHash: Uint8Array,
  source: KnownBlock['source']
): KnownBlock {
  const status = source === 'built' ? 'valid' : 'unknown'
  return { block, blockHash, source, status, request: 0, live: false, checkTime: false, code: '' }
}

/** Replaces parts of the state. */
export function patch(turn: Turn, change: Partial<RunningState>): void {
  turn.state = { ...turn.state, ...change }
}

/** Replaces parts of the round. */
export function patchRound(turn: Turn, change: Partial<Round>): void {
  turn.state = { ...turn.state, round: { ...turn.state.round, ...change } }
}

/** The next number for a request or a timer. */
export function nextNumber(turn: Turn): number {
  const counter = turn.state.counter + 1
  patch(turn, { counter })
  return counter
}

/** Says something for logs and operators. */
export function report(turn: Turn, event: ReplicaEvent): void {
  turn.effects.push({ type: 'event', ...event })
}

/** The leader of a view of the current height. */
export function leaderAt(round: Round, view: number): number {
  return leaderOf(round.context.validators.length, round.eligible, round.context.height, view)
}

/** A map with one entry more. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value)
}

/** A map with the entries that pass. */
export function filtered<K, V>(
  map: ReadonlyMap<K, V>,
  keep: (key: K, value: V) => boolean
): ReadonlyMap<K, V> {
  return new Map([...map].filter(([key, value]) => keep(key, value)))
}

/** Whether a replica of this state may sign for the current height. spec C-25, C-27, C-36. */
export function mayVote(state: RunningState): boolean {
  return state.inquiry === undefined && maySpeak(state)
}

/** Whether what was signed at the current height may be sent again: the bytes are out already. spec C-26. */
export function maySpeak(state: RunningState): boolean {
  const { round, voting, record } = state
  return (
    voting &&
    round.self !== undefined &&
    (record === undefined || record.height <= round.context.height)
  )
}

/** The key of a block in the maps. */
export function blockKey(blockHash: Uint8Array): string {
  return toHex(blockHash)
}
