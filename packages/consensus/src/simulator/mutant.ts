import type { ValidatorSet } from '@vitalchain/core'
import type { StoredBlock, validatorsAt } from './chain.ts'
import type { Host } from './host.ts'
import type { KeyRing } from './keys.ts'
import type { Scenario } from './outcome.ts'
import type { Pending } from './pool.ts'
import type { World } from './world.ts'
import type {
  Effect,
  HeightContext,
  Input,
  Leadership,
  ReplicaState,
  Round,
  VoteState
} from './replica.ts'

type Result = [ReplicaState, readonly Effect[]]
type PlainStep = (state: ReplicaState, input: Input) => Result

/** What stands in place of a step; it is given the true one. */
export type WrappedStep = (step: PlainStep, state: ReplicaState, input: Input, host: Host) => Result

/** A way to break honest replicas or their hosts from outside, to see that the checker notices. */
export interface Mutant {
  readonly name: string
  /** What it breaks. */
  readonly rule: string
  /** The kind of scenario in which it is looked for; everything by default. */
  readonly fixed?: Partial<Scenario>
  /** It must be caught within so many seeds. */
  readonly within: number
  /** In place of a step. */
  readonly step?: WrappedStep
  /** The vote state that a restart finds, in place of the one that was kept. */
  readonly reads?: (kept: VoteState | undefined) => VoteState | undefined
  /** The vote state that is written, in place of the one that the replica asks for. */
  readonly writes?: (record: VoteState) => VoteState
  /** Says what is signed before it is durable. */
  readonly speaksFirst?: true
  /** Votes although its vote state is lost. */
  readonly neverObserves?: true
  /** Takes blocks from peers as they are. */
  readonly trustsPeers?: true
  /** Finds every block valid. */
  readonly believesBlocks?: true
  /** The validators whose certificate a height's is, in place of those that the chain gives. */
  readonly setOf?: typeof validatorsAt
  /** The validators that the replica is told for a height; undefined for those that the chain gives. */
  readonly validators?: (
    context: HeightContext,
    host: Host,
    world: World
  ) => ValidatorSet | undefined
  /** Never takes a new key. */
  readonly keepsKey?: true
  /** The transaction that it puts in a block, in place of the first in line. */
  readonly picks?: (pending: readonly Pending[]) => Pending | undefined
  /** The leadership of the next height, in place of the one that the chain gives; `view` is the own. */
  readonly leadership?: (
    before: readonly StoredBlock[],
    after: readonly StoredBlock[],
    keys: KeyRing,
    view: number
  ) => Leadership
}

/** A state with another round. */
export function withRound(state: ReplicaState, change: Partial<Round>): ReplicaState {
  return state.round === undefined ? state : { ...state, round: { ...state.round, ...change } }
}

/** The same step with other effects, or without some. */
export function changeEffects(
  [state, effects]: Result,
  change: (effect: Effect) => Effect | undefined
): Result {
  return [state, effects.map(change).filter(effect => effect !== undefined)]
}

const TYPE_AT = 11
const TYPES = { prepare: 2, commit: 3, 'view-change': 4 } as const

/** A replica that believes every signature of one kind. spec C-1: the type follows the domain of 11 bytes. */
export function trusting(state: ReplicaState, type: keyof typeof TYPES): ReplicaState {
  const { config } = state
  const verify: typeof config.verify = (key, message, signature) =>
    message[TYPE_AT] === TYPES[type] || config.verify(key, message, signature)
  return { ...state, config: { ...config, verify } }
}
