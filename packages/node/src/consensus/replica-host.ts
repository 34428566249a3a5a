import { randomBytes } from 'node:crypto'
import {
  equalBytes,
  evidenceTransaction,
  isVitalchainError,
  PROTOCOL_VERSION,
  toHex,
  VitalchainError,
  verifySignature,
  type ErrorValues,
  type Validator,
  type ValidatorSet
} from '@vitalchain/core'
import {
  createReplica,
  eligibleLeaders,
  holdsVote,
  leaderOf,
  mayVote,
  step,
  type BlockProposal,
  type Effect,
  type HeightContext,
  type ReplicaEvent,
  type ReplicaState,
  type Message
} from '@vitalchain/consensus'
import { createCandidate, type Executed } from '../ledger/execute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'
import type { Meters } from '../observe/meters.ts'
import type { Pending, Pool } from '../pool/pool.ts'
import type { NodeSigner } from '../crypto/node-signer.ts'
import type { BlockSource } from './block-source.ts'
import { createTransport } from './transport.ts'
import { createHeightTiming } from './height-timing.ts'
import { createHeightBlocks, type ReplicaInput } from './height-blocks.ts'
import { reportEvent } from './replica-log.ts'
import { openVoteSigner, type VoteSigner } from './vote-signer.ts'
import type { VoteStore } from './vote-store.ts'

/** How often a node tells the others where it stands, ms. */
export const STATUS_INTERVAL_MS: number = 10_000

/** No network was recovered yet. */
export const RECOVERY_EPOCH: number = 0

/** Random bytes by which the answers to one start are known. */
const NONCE_BYTES = 32

/** Carries out what the replica asks for: the one place where consensus meets disk, network and clock. */
export interface ReplicaHost {
  start(): Promise<void>
  stop(): Promise<void>
  /** Takes nothing in and says nothing from now on; to be followed by `stop`. */
  halt(): void
  /** There may be something to put in a block. */
  work(): void
  /** A block became durable by another way than the replica's own: catch-up. */
  advanced(): void
  /** Runs a change of the ledger alone: blocks are committed one at a time, whoever brings them. */
  exclusive<T>(change: () => Promise<T>): Promise<T>
  /** The view of the height above the head. */
  readonly view: number
  /** The leader of that view, as an index of the validator set. */
  readonly leader: number
  /** The leader of any view of that height. */
  leaderOf(view: number): number
  /** This node in the validator set of the height above the head; undefined when it is not in it. */
  readonly self: Validator | undefined
  /** Whether this node votes: it is a validator, and nothing that its key signed is missing. */
  readonly votes: boolean
  /** The consensus key that this node votes with; undefined for one that only follows. */
  readonly key: Uint8Array | undefined
  /** Gives up the key: this node only follows from now on. @returns what held it */
  giveUp(): VoteSigner | undefined
  /** The newest proposal of this hash that this node built, checked or committed. */
  proposal(hash: Uint8Array): BlockProposal | undefined
}

/** What {@link createReplicaHost} needs. */
export interface ReplicaHostComponents {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly network: Network
  readonly votes: VoteStore
  readonly source: BlockSource
  /** The consensus key; undefined for a node that only follows, and for one whose key is in another process. */
  readonly signer: NodeSigner | undefined
  /** Reaches the consensus key in another process, however long that takes. */
  readonly remote?: (signal: AbortSignal) => Promise<VoteSigner>
  /** A key in another process was reached: this node votes with it from now on. */
  readonly onReached?: () => void
  /** The operator takes the risk that the key signs twice, if its votes are missing. spec C-39 */
  readonly override?: boolean
  /** That risk is taken now: puts it on its way to the chain. */
  readonly onOverride?: () => Promise<void>
  readonly now: () => number
  /** Whether the log tells how long each step of each height took. */
  readonly timings?: boolean
  /** Told of proposals and of what each height took. */
  readonly meters?: Pick<Meters, 'proposed' | 'heightDone'>
  readonly log: (event: string, values: ErrorValues) => void
  /** Asks for blocks that others have: from this member, or anybody. */
  readonly onBehind: (member: Uint8Array | undefined) => void
  /** Transactions that can never be committed were taken out of the pool. */
  readonly onRefused: (refused: readonly Pending[]) => void
  /** A validator was caught: the transaction that proves it belongs on the chain. spec C-33 */
  readonly onEvidence: (transaction: Uint8Array) => void
  /** A block is durable. */
  readonly onCommitted: (executed: Executed) => void
  /** A member said something over its own link. */
  readonly onHeard?: (member: Uint8Array, message: Message) => void
  /** What the replica reports, with the validators that its indices are of. */
  readonly onEvent?: (event: ReplicaEvent, validators: ValidatorSet) => void
  /** Something after which this node must not go on: its state or its disk is not to be trusted. */
  readonly onFatal: (error: VitalchainError) => void
}

/** Makes the {@link ReplicaHost} of a node. */
export function createReplicaHost(components: ReplicaHostComponents): ReplicaHost {
  const { ledger, pool, network, votes, source, signer, now, log, onFatal } = components
  const timers = new Map<string, NodeJS.Timeout>()
  const inputs: ReplicaInput[] = []
  const { timings = false, meters } = components
  const timing =
    timings || meters !== undefined
      ? createHeightTiming(() => performance.now(), timings ? log : undefined, meters)
      : undefined
  let replica: ReplicaState = newReplica()
  let running = false
  let stepping = false
  let stopping = new AbortController()
  /** Signs; undefined while this node only follows. */
  let voter: VoteSigner | undefined
  let noted: Promise<void> = Promise.resolve()
  let statusTimer: NodeJS.Timeout | undefined
  let ledgerLock: Promise<unknown> = Promise.resolve()

  function input(event: ReplicaInput): void {
    if (!running) return
    inputs.push(event)
    if (stepping) return
    stepping = true
    try {
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
        timing?.input(next)
        const [after, effects] = step(replica, { ...next, now: now() })
        replica = after
        for (const effect of effects) perform(effect)
      }
    } catch (cause) {
      inputs.length = 0
      fail(cause)
    } finally {
      stepping = false
    }
  }

  /** Starts what an effect asks for. What takes time comes back as an input. */
  function perform(effect: Effect): void {
    timing?.effect(effect)
    switch (effect.type) {
      case 'sign':
        return run(sign(effect))
      case 'send':
        return transport.send(effect.to, effect.message)
      case 'build':
        return told(blocks.build(effect))
      case 'validate':
        return run(answer(blocks.validate(effect, stopping.signal)))
      case 'fetch':
        return run(blocks.fetch(effect, stopping.signal).then(told))
      case 'commit':
        return run(commit(effect))
      case 'setTimer':
        timers.set(
          effect.id,
          setTimeout(() => {
            timers.delete(effect.id)
            input({ type: 'timer', id: effect.id })
          }, effect.ms)
        )
        return undefined
      case 'cancelTimer':
        clearTimeout(timers.get(effect.id))
        timers.delete(effect.id)
        return undefined
      case 'sync':
        return components.onBehind(
          effect.from === undefined ? undefined : validators()[effect.from]?.member
        )
      case 'evidence':
        log('validator broke the rules', {
          kind: effect.evidence.kind,
          height: effect.evidence.height,
          validator: effect.evidence.validator
        })
        return components.onEvidence(evidenceTransaction(effect.evidence))
      case 'record':
        return run(ledger.keepHeard(effect.record))
      case 'distrust':
        return noteVotes(async held => held.distrust())
      case 'begin':
        return noteVotes(async held => {
          // The call waits in the pool before the first vote is cast. spec C-39
          if (effect.override) await components.onOverride?.()
          await held.begin(effect.height)
        })
      case 'event':
        components.onEvent?.(effect, validators())
        return reportEvent(effect, {
          log,
          namesOf,
          onRejected: reason => transport.rejected(reason),
          onFatal
        })
    }
  }

  /** An effect that takes time. What goes wrong in it and is not handled there is a fault of this node: it stops. */
  function run(work: Promise<void>): void {
    work.catch(fail)
  }

  /** The same for an effect whose outcome the replica is told; not another replica, which numbers its own questions. */
  async function answer(work: Promise<ReplicaInput | undefined>): Promise<void> {
    const { config } = replica
    const event = await work
    if (config === replica.config) told(event)
  }

  function told(event: ReplicaInput | undefined): void {
    if (event !== undefined) input(event)
  }

  function fail(cause: unknown): void {
    if (!running) return
    onFatal(
      new VitalchainError(
        'ERR_CONSENSUS_HOST',
        'the node could not carry out a step of consensus',
        { cause }
      )
    )
  }

  function askForWork(): void {
    try {
      input({ type: 'work', pending: blocks.isWaitedFor() })
    } catch (cause) {
      fail(cause)
    }
  }

  async function commit(effect: Extract<Effect, { type: 'commit' }>): Promise<void> {
    const set = validators()
    await host.exclusive(async () => {
      const done = await blocks.commit(effect, stopping.signal)
      if (done === undefined) return
      components.onCommitted(done)
      transport.announce(effect.certificate, set)
    })
    host.advanced()
  }

  /** A note about the vote state as a whole: nothing is signed before it is on the disk. spec C-37, C-38 */
  function noteVotes(note: (held: VoteSigner) => Promise<void>): void {
    noted = noted.then(() => (voter === undefined ? undefined : note(voter)))
    run(noted)
  }

  /** Gives back what was signed once it is on the disk. spec C-24 */
  async function sign({ votes: asked, record }: Extract<Effect, { type: 'sign' }>): Promise<void> {
    await noted
    if (voter === undefined) return
    input({ type: 'signed', votes: await voter.sign(asked, record, blocks.bodiesOf(record)) })
  }

  function membersOf(indices: readonly number[]): readonly Uint8Array[] {
    const set = validators()
    return indices.flatMap(index => set[index]?.member ?? [])
  }

  /** The validators that the replica's indices are of: those of its own height, also in the moment after a commit. spec C-22 */
  function validators(): ValidatorSet {
    return replica.round?.context.validators ?? ledger.validators()
  }

  function indexOf(member: Uint8Array): number | undefined {
    const index = validators().findIndex(validator => equalBytes(validator.member, member))
    return index < 0 ? undefined : index
  }

  /** A link that comes up would be told of; these validators, who were not known as such before, are linked already. */
  function greet(known: ValidatorSet): void {
    const before = new Set(known.map(({ member }) => toHex(member)))
    for (const member of network.linkedMembers()) {
      const peer = before.has(toHex(member)) ? undefined : indexOf(member)
      if (peer !== undefined) input({ type: 'connected', peer })
    }
  }

  /** Validators for a log, by the beginning of their members' identifiers. */
  function namesOf(indices: readonly number[]): string {
    return membersOf(indices)
      .map(member => toHex(member).slice(0, 16))
      .join(' ')
  }

  function self(): Validator | undefined {
    const key = voter?.publicKey
    return key === undefined
      ? undefined
      : ledger.validators().find(validator => equalBytes(validator.consensusKey, key))
  }

  function context(): HeightContext {
    const { head } = ledger
    return {
      height: head.height + 1,
      parentHash: head.hash,
      parentTime: head.time,
      parentCertificate: head.certificate,
      validators: ledger.validators(),
      leadership: ledger.head.leadership
    }
  }

  const blocks = createHeightBlocks({
    ledger,
    pool,
    source,
    now,
    proposer: () => ledger.validators().findIndex(validator => validator === self()),
    membersOf,
    onRefused: components.onRefused
  })

  const transport = createTransport({
    ledger,
    network,
    source,
    scope: { network: ledger.network, recoveryEpoch: RECOVERY_EPOCH },
    validators,
    self,
    holds: message => holdsVote(replica, message),
    onMessage: (from, message) => input({ type: 'message', from, message }),
    onConnected: peer => input({ type: 'connected', peer }),
    onHeard: components.onHeard,
    status: () => ({
      type: 'status',
      height: ledger.head.height,
      headHash: ledger.head.hash,
      view: host.view,
      clock: now(),
      version: PROTOCOL_VERSION
    }),
    log
  })

  function newReplica(self?: Uint8Array): ReplicaState {
    return createReplica({
      network: ledger.network,
      recoveryEpoch: RECOVERY_EPOCH,
      self,
      verify: (publicKey, message, signature) =>
        verifySignature({ algorithm: 'ed25519', bytes: publicKey }, message, signature)
    })
  }

  /** Starts the replica with what this node's key signed so far, or without a key. */
  function startReplica(): void {
    for (const timer of timers.values()) clearTimeout(timer)
    timers.clear()
    const { pending } = replica
    replica = newReplica(voter?.publicKey)
    if (voter !== undefined && voter.first === undefined)
      log('votes of this key are missing: this node follows and does not vote', {})
    const prepared = voter?.last?.prepared?.block
    if (prepared !== undefined) blocks.keep(prepared)
    input({
      type: 'start',
      context: context(),
      voteState: voter?.last,
      begunAt: (voter?.first ?? 1) > 1 ? voter?.first : undefined,
      observe: voter?.first === undefined,
      nonce: randomBytes(NONCE_BYTES),
      override: components.override === true
    })
    if (pending) input({ type: 'work', pending })
    host.work()
  }

  /** Votes with a key in another process, once it is reached; until then this node follows. */
  async function vote(opening: Promise<VoteSigner>): Promise<void> {
    try {
      voter = await opening
    } catch (error) {
      if (stopping.signal.aborted) return
      // What is wrong is said by name: it is the operator's to mend.
      if (!isVitalchainError(error)) throw error
      onFatal(error)
      return
    }
    startReplica()
    greet([])
    components.onReached?.()
  }

  const host: ReplicaHost = {
    async start() {
      stopping = new AbortController()
      voter = signer === undefined ? undefined : await openVoteSigner(signer, votes)
      const bodies = await votes.readBodies()
      const prepared = bodies.flatMap(({ transactions }) => transactions)
      source.keep(prepared.map(bytes => createCandidate(bytes, true)))
      running = true
      statusTimer = setInterval(() => {
        input({ type: 'status' })
        // What a rule refused for a time may take effect now: a day's quota passes with the day.
        host.work()
      }, STATUS_INTERVAL_MS)
      startReplica()
      transport.start()
      if (components.remote !== undefined) run(vote(components.remote(stopping.signal)))
    },
    halt() {
      running = false
      inputs.length = 0
    },
    async stop() {
      running = false
      transport.stop()
      stopping.abort()
      await voter?.close()
      clearInterval(statusTimer)
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
      await ledgerLock.catch(() => undefined)
    },
    work() {
      // Asked at each admission: what the replica knows already is not looked up again.
      if (running && !replica.pending) askForWork()
    },
    advanced() {
      blocks.forget()
      const before = validators()
      input({ type: 'committed', context: context() })
      transport.advanced()
      if (validators() !== before) greet(before)
      if (running) askForWork()
    },
    exclusive(change) {
      const result = ledgerLock.then(change)
      ledgerLock = result.catch(() => undefined)
      return result
    },
    get view() {
      return replica.round?.view ?? 0
    },
    get leader() {
      return host.leaderOf(host.view)
    },
    leaderOf(view) {
      const validators = ledger.validators()
      const eligible = eligibleLeaders(validators, ledger.head.leadership)
      return leaderOf(validators.length, eligible, ledger.head.height + 1, view)
    },
    get self() {
      return self()
    },
    get votes() {
      const { round } = replica
      return round !== undefined && mayVote({ ...replica, round })
    },
    get key() {
      return voter?.publicKey
    },
    giveUp() {
      const former = voter
      voter = undefined
      return former
    },
    proposal: hash => blocks.proposal(hash)
  }
  return host
}
