import type { Certificate, Evidence, ValidatorSet } from '@vitalchain/core'
import type { HeightRecord } from './height-record.ts'
import type { Leadership } from './leader.ts'
import type { BlockProposal, Message, SignedMessage } from './messages.ts'
import type { TimerSettings } from './timers.ts'
import type { VoteState } from './vote-state.ts'

/** Checks one Ed25519 signature. The same answer for the same bytes, always. */
export type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** What a replica is told once. */
export interface ReplicaConfig {
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
  readonly recoveryEpoch: number
  /** The own consensus public key; undefined for an observer, which follows and never signs. */
  readonly self?: Uint8Array | undefined
  readonly verify: Verify
  readonly timers?: Partial<TimerSettings>
  /** The highest protocol version that this software knows; told to others in statuses. */
  readonly version?: number
}

/** What the chain says about the height that is to be decided. */
export interface HeightContext {
  /** The height to decide: one above the newest durable block. */
  readonly height: number
  /** Hash of the newest durable block; the network id at height 1. */
  readonly parentHash: Uint8Array
  /** Its time, ms. */
  readonly parentTime: number
  /** Its commit certificate as this host holds it; undefined at height 1. */
  readonly parentCertificate?: Certificate | undefined
  /** The validators of this height. */
  readonly validators: ValidatorSet
  /** What the chain says about failed leaders: `FIRST_LEADERSHIP` at height 1, then `advanceLeadership`. */
  readonly leadership: Leadership
}

/** A signed message without its signature. */
export type Unsigned<M extends SignedMessage = SignedMessage> = M extends SignedMessage
  ? Omit<M, 'signature'>
  : never

/** Something to sign. `seal` puts the signature in. */
export interface UnsignedVote {
  readonly message: Unsigned
  /** The exact bytes under the signature. spec C-1. */
  readonly signBytes: Uint8Array
  /** Gives the signed message. */
  seal(signature: Uint8Array): SignedMessage
}

/** What happens to a replica. `now` is the local clock, ms since 1970. */
export type Input = { readonly now: number } & (
  | {
      /** Begins, or begins again. `voteState` is what was last made durable with this key, if anything. */
      readonly type: 'start'
      readonly context: HeightContext
      readonly voteState?: VoteState | undefined
      /** The height of the newest `begin`: what the key signed there or below is no news. Default: it never began anew. */
      readonly begunAt?: number | undefined
      /** The vote state is not whole, or of another key: follow, and sign nothing before it is safe. */
      readonly observe?: boolean
      /**
       * 32 random bytes, new at each start. With them the others are asked first what they heard from this key. Without
       * them the vote state is believed as it is, and who observes does so for ever. spec C-36.
       */
      readonly nonce?: Uint8Array
      /** The operator takes the risk that this key signs twice. Nothing hangs on it unless `observe` is set. spec C-39. */
      readonly override?: boolean
    }
  | {
      readonly type: 'message'
      /** Validator index of the peer at the other end of the link; undefined for others and for gossip. */
      readonly from?: number | undefined
      readonly message: Message
    }
  /** Whether there is anything to put in a block. */
  | { readonly type: 'work'; readonly pending: boolean }
  /** The answer to `build`; without a proposal when there was nothing to build. */
  | {
      readonly type: 'built'
      readonly height: number
      readonly view: number
      readonly proposal?: BlockProposal | undefined
    }
  /** The answer to `validate`. */
  | {
      readonly type: 'validated'
      readonly request: number
      readonly valid: boolean
      readonly code?: string | undefined
    }
  /** The answer to `sign`: the messages, whose record is durable now. */
  | { readonly type: 'signed'; readonly votes: readonly SignedMessage[] }
  | { readonly type: 'timer'; readonly id: string }
  /** The block below `context.height` is durable, whoever brought it. */
  | { readonly type: 'committed'; readonly context: HeightContext }
  /** The answer to `fetch`: the host checked that the hashes of its transactions give the header's history root. */
  | { readonly type: 'fetched'; readonly proposal: BlockProposal }
  /** A link to a validator came up: it gets the own status and latest messages at once. */
  | { readonly type: 'connected'; readonly peer: number }
  /** The time to tell others where this node stands: every 10 s. */
  | { readonly type: 'status' }
)

/** What a host does for a replica, in this order. */
export type Effect =
  | {
      /**
       * Sign the votes, make the record with the signed messages durable (`withSigned`), and only then answer
       * `signed`. At most one of these is open at a time. spec C-24, C-25.
       */
      readonly type: 'sign'
      readonly votes: readonly UnsignedVote[]
      readonly record: VoteState
    }
  | {
      readonly type: 'send'
      /** Validator indices of the current height, or everybody. */
      readonly to: 'all' | readonly number[]
      readonly message: Message
    }
  | {
      /** Build a block on the parent, with a time of `minTime` or later. */
      readonly type: 'build'
      readonly height: number
      readonly view: number
      readonly minTime: number
      /** Above view 0 a block may be empty, so that a height which somebody waits for can end. spec C-5. */
      readonly allowEmpty: boolean
    }
  | {
      /** Fetch the bodies, execute, compare with the header; answer `validated` with the same `request`. */
      readonly type: 'validate'
      readonly request: number
      readonly blockHash: Uint8Array
      readonly proposal: BlockProposal
      readonly view: number
      /** Validator indices that should hold the bodies. */
      readonly from: readonly number[]
      /** A vote hangs on it: payloads must be held too. False for a block that is certified already. */
      readonly live: boolean
      /** A fresh block: check its time against the own clock. Never for one that a quorum prepared. */
      readonly checkTime: boolean
    }
  | {
      /** Find a block; ask again until it is found or the height is over. */
      readonly type: 'fetch'
      readonly height: number
      readonly blockHash: Uint8Array
      readonly from: readonly number[]
    }
  | {
      /** Make the block durable with its certificate, then answer `committed`. */
      readonly type: 'commit'
      readonly blockHash: Uint8Array
      readonly proposal: BlockProposal
      readonly certificate: Certificate
    }
  /** One timer for each id; ids are never used twice. */
  | { readonly type: 'setTimer'; readonly id: string; readonly ms: number }
  | { readonly type: 'cancelTimer'; readonly id: string }
  | {
      /** Somebody claims to be further: catch up, from this validator or anybody. */
      readonly type: 'sync'
      readonly from: number | undefined
      /** The height that somebody is at, by its own word. */
      readonly height: number
    }
  | {
      /** Proof that a validator broke the rules: it belongs on the chain. spec C-28, C-32. */
      readonly type: 'evidence'
      readonly evidence: Evidence
    }
  | {
      /** A height is over: keep this for `blame`. Nothing hangs on it while nobody forks. spec C-34. */
      readonly type: 'record'
      readonly record: HeightRecord
    }
  | {
      /**
       * The vote state is older than what its key signed: note for good that it is not whole. From here on nothing is
       * signed before a `begin`. spec C-37.
       */
      readonly type: 'distrust'
    }
  | {
      /**
       * A new vote state begins at this height: note it durably before any `sign` that follows is carried out. With
       * `override`, the operator's decision is put on its way to the chain before that too. spec C-38, C-39.
       */
      readonly type: 'begin'
      readonly height: number
      readonly override: boolean
    }
  | ({ readonly type: 'event' } & ReplicaEvent)

/** Why a message was refused: its sender's fault, so a host may hold it against the peer that brought it. */
export type RejectReason =
  | 'signer' // not a validator of the height
  | 'signature'
  | 'leader' // a proposal by somebody who does not lead its view
  | 'justification'
  | 'prepared' // a view change whose certificate does not prove its claim
  | 'certificate' // a decided message whose certificate is not one
  | 'block' // a proposal that cannot be valid whatever the state

/** For logs, metrics and operators: nothing hangs on them. */
export type ReplicaEvent =
  | {
      readonly name: 'view'
      readonly height: number
      readonly view: number
      readonly leader: number
      readonly cause: 'timeout' | 'behind' | 'justified' | 'invalid-proposal'
    }
  /** A quorum prepared: very likely to be decided, and may still change. */
  | {
      readonly name: 'prepared'
      readonly height: number
      readonly view: number
      readonly blockHash: Uint8Array
    }
  /** A quorum committed. `elapsed` is the measured time, ms, when this replica saw the whole view. */
  | {
      readonly name: 'decided'
      readonly height: number
      readonly view: number
      readonly blockHash: Uint8Array
      readonly elapsed: number | undefined
    }
  | {
      readonly name: 'rejected'
      readonly reason: RejectReason
      readonly from: number | undefined
      readonly height: number
      readonly message: Message['type']
    }
  /** The leader's block was found invalid by the host. */
  | {
      readonly name: 'invalid-block'
      readonly height: number
      readonly view: number
      readonly leader: number
      readonly code: string
    }
  /** A certified block was found invalid: this node's state differs from the quorum's. It must not go on. */
  | {
      readonly name: 'diverged'
      readonly height: number
      readonly blockHash: Uint8Array
      readonly code: string
    }
  /** A valid signature of the own key that this vote state does not hold: the key is in use elsewhere. */
  | { readonly name: 'foreign-vote'; readonly height: number; readonly view: number }
  /** This start's vote state lacks a vote that others hold: it was restored, or belongs to an older copy of the key. */
  | { readonly name: 'vote-state-old'; readonly height: number; readonly view: number }
  /** Too few validators answered what they heard from this one: it does not vote. By index. */
  | {
      readonly name: 'waits-for-answers'
      readonly height: number
      /** How many answers are needed. */
      readonly needed: number
      readonly answered: readonly number[]
      /** They answered, but lost their own votes, so that their answer is worth nothing here. */
      readonly withoutVotes: readonly number[]
      readonly silent: readonly number[]
    }
  /** Without its vote state this replica votes again at this height. */
  | { readonly name: 'observes-until'; readonly height: number }
  /** A new vote state began. */
  | { readonly name: 'votes-again'; readonly height: number; readonly override: boolean }
