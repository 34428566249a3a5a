import {
  blockHash,
  equalBytes,
  errorCode,
  isVitalchainError,
  sha256,
  toHex,
  VitalchainError,
  verifySignature,
  type Block,
  type ErrorValues,
  type Signer,
  type Validator
} from '@vitalchain/core'
import {
  createReplica,
  decodeMessage,
  eligibleLeaders,
  encodeMessage,
  leaderOf,
  step,
  type BlockProposal,
  type Effect,
  type HeightContext,
  type Input,
  type Message,
  type ReplicaState,
  type VoteState
} from '@vitalchain/consensus'
import { createCandidate, type Executed } from '../ledger/execute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'
import type { Pending, Pool } from '../pool/pool.ts'
import type { BlockSource } from './block-source.ts'
import { isStoreFailure } from '../store/store.ts'
import { openVoteSigner, type VoteSigner } from './vote-signer.ts'
import type { PreparedBodies, VoteStore } from './vote-store.ts'

/** How often a node tells the others where it stands, ms. */
export const STATUS_INTERVAL_MS: number = 10_000

/** Doublings of the message delay that a proposal of a late view may have taken. */
const DELAY_DOUBLINGS_MAX = 6

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type Event = Without<Input, 'now'>

/** Carries out what the replica asks for: the one place where consensus meets disk, network and clock. */
export interface ReplicaHost {
  start(): Promise<void>
  stop(): Promise<void>
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
  /** This node in the validator set of the height above the head; undefined when it is not in it. */
  readonly self: Validator | undefined
  /** Whether this node votes: it has a key, and every vote that it ever signed. */
  readonly votes: boolean
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
  /** The consensus key; undefined for a node that only follows. */
  readonly signer: Signer | undefined
  readonly now: () => number
  readonly log: (event: string, values: ErrorValues) => void
  /** Asks for blocks that others have: from this member, or anybody. */
  readonly onBehind: (member: Uint8Array | undefined) => void
  /** Transactions that can never be committed were taken out of the pool. */
  readonly onRefused: (refused: readonly Pending[]) => void
  /** A block is durable. */
  readonly onCommitted: (executed: Executed) => void
  /** Something after which this node must not go on: its state or its disk is not to be trusted. */
  readonly onFatal: (error: VitalchainError) => void
}

/** Makes the {@link ReplicaHost} of a node. */
export function createReplicaHost(components: ReplicaHostComponents): ReplicaHost {
  const { ledger, pool, network, votes, source, signer, now, log } = components
  const timers = new Map<string, NodeJS.Timeout>()
  const executed = new Map<string, Executed>()
  const proposals = new Map<string, BlockProposal>()
  const inputs: Event[] = []
  /** Hashes of blocks that are being looked for. */
  const searches = new Set<string>()
  let replica: ReplicaState
  let running = false
  let stepping = false
  let stopping = new AbortController()
  /** Signs; undefined while this node only follows. */
  let voter: VoteSigner | undefined
  let statusTimer: NodeJS.Timeout | undefined
  let ledgerLock: Promise<unknown> = Promise.resolve()

  function input(event: Event): void {
    if (!running) return
    inputs.push(event)
    if (stepping) return
    stepping = true
    try {
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
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
    switch (effect.type) {
      case 'sign':
        return run(sign(effect))
      case 'send':
        return send(effect)
      case 'build':
        return build(effect)
      case 'validate':
        return run(validate(effect))
      case 'fetch':
        return run(fetch(effect))
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
          effect.from === undefined ? undefined : ledger.validators()[effect.from]?.member
        )
      case 'evidence':
        return log('validator contradicted itself', {
          kind: effect.kind,
          height: effect.height,
          view: effect.view,
          validator: effect.validator
        })
      case 'event':
        return report(effect)
    }
  }

  /** An effect that takes time. What goes wrong in it and is not handled there is a fault of this node: it stops. */
  function run(work: Promise<void>): void {
    work.catch(fail)
  }

  function fail(cause: unknown): void {
    if (!running) return
    components.onFatal(
      new VitalchainError(
        'ERR_CONSENSUS_HOST',
        'the node could not carry out a step of consensus',
        { cause }
      )
    )
  }

  /**
   * Tells the replica whether something waits that would take effect now. What would not must not count: this node would
   * have every leader replaced that does not propose it, and empty blocks would follow each other.
   */
  function askForWork(): void {
    const lost: Uint8Array[] = []
    try {
      input({ type: 'work', pending: someTakesEffect(lost) })
    } catch (cause) {
      fail(cause)
    }
    drop(lost)
  }

  /** @param lost - takes the hashes of those that never will */
  function someTakesEffect(lost: Uint8Array[]): boolean {
    for (const { hash, transaction } of pool.firsts()) {
      try {
        ledger.check(transaction, now())
        return true
      } catch (error) {
        if (isStoreFailure(error)) throw error
        if (!isVitalchainError(error) || !error.retryable) lost.push(hash)
      }
    }
    return false
  }

  function drop(refused: readonly Uint8Array[]): void {
    const dropped = refused.flatMap(hash => pool.drop(hash) ?? [])
    if (dropped.length > 0) components.onRefused(dropped)
  }

  /** Gives back what was signed once it is on the disk. spec C-24 */
  async function sign({ votes: asked, record }: Extract<Effect, { type: 'sign' }>): Promise<void> {
    if (voter === undefined) return
    input({ type: 'signed', votes: await voter.sign(asked, record, bodiesOf(record)) })
  }

  /**
   * The transactions of the prepared block: they must survive with the promise to propose it again, or a power cut everywhere
   * could leave a block that nobody can build on and nobody can drop.
   */
  function bodiesOf({ prepared }: VoteState): PreparedBodies | undefined {
    if (prepared === undefined) return undefined
    const hash = prepared.certificate.blockHash
    const held = executed.get(toHex(hash))
    return held === undefined
      ? undefined
      : { blockHash: hash, transactions: held.transactions.map(each => each.bytes) }
  }

  function send({ to, message }: Extract<Effect, { type: 'send' }>): void {
    const encoded = encodeMessage(message)
    if (to === 'all') return network.broadcast(encoded)
    const validators = ledger.validators()
    for (const index of to) {
      const member = validators[index]?.member
      if (member !== undefined && member !== self()?.member) network.send(member, encoded)
    }
  }

  function build({ height, view, minTime, allowEmpty }: Extract<Effect, { type: 'build' }>): void {
    if (height !== ledger.head.height + 1) return
    const proposer = ledger.validators().findIndex(validator => validator === self())
    const {
      block,
      executed: result,
      refused
    } = ledger.build(pool.candidates(), { view, proposer, time: Math.max(now(), minTime) })
    drop(refused.filter(({ error }) => !error.retryable).map(({ hash }) => hash))
    if (block.transactions.length === 0 && !allowEmpty)
      return input({ type: 'built', height, view })
    const proposal = proposalOf(block)
    remember(proposal, result)
    return input({ type: 'built', height, view, proposal })
  }

  async function validate(effect: Extract<Effect, { type: 'validate' }>): Promise<void> {
    const { request, proposal, view, from, live, checkTime } = effect
    const refuse = (code: string): void => input({ type: 'validated', request, valid: false, code })
    try {
      if (checkTime && !inTime(proposal.header.time, view)) return refuse('ERR_BLOCK_TIME')
      if (!executed.has(toHex(effect.blockHash))) {
        const result = await execute(proposal, from, live)
        if (result === undefined) return undefined
        remember(proposal, result)
      }
      // spec C-24: nobody votes for readings that a power cut could take from its own disk.
      if (live) await ledger.flushPayloads()
    } catch (error) {
      if (stopping.signal.aborted) return undefined
      // A disk that fails says nothing about the block.
      if (isStoreFailure(error)) throw error
      return refuse(errorCode(error))
    }
    return input({ type: 'validated', request, valid: true })
  }

  /** Gathers a block's transactions and executes it. Undefined when the height is over before they were found. */
  async function execute(
    proposal: BlockProposal,
    from: readonly number[],
    live: boolean
  ): Promise<Executed | undefined> {
    const { height } = proposal.header
    const held = await source.transactions(proposal.transactions, membersOf(from), {
      live,
      signal: stopping.signal,
      isOver: () => ledger.head.height >= height
    })
    if (held === undefined || ledger.head.height !== height - 1) return undefined
    const checked = new Map(held.map(each => [toHex(each.hash), each]))
    return ledger.validate(
      {
        header: proposal.header,
        previousCertificate: proposal.previousCertificate,
        transactions: held.map(each => each.bytes)
      },
      {
        signaturesChecked: hash => checked.has(toHex(hash)),
        known: hash => checked.get(toHex(hash))
      }
    )
  }

  async function fetch({
    height,
    blockHash: wanted,
    from
  }: Extract<Effect, { type: 'fetch' }>): Promise<void> {
    const name = toHex(wanted)
    // Asked again at each resend; one search goes on by itself until the height is over.
    if (searches.has(name)) return
    searches.add(name)
    let proposal: BlockProposal | undefined
    try {
      proposal = await source.proposal(wanted, membersOf(from), {
        signal: stopping.signal,
        isOver: () => ledger.head.height >= height
      })
    } finally {
      searches.delete(name)
    }
    if (proposal !== undefined) input({ type: 'fetched', proposal })
  }

  async function commit({
    blockHash: decided,
    proposal,
    certificate
  }: Extract<Effect, { type: 'commit' }>): Promise<void> {
    await host.exclusive(async () => {
      if (ledger.head.height >= certificate.height) return
      const result =
        executed.get(toHex(decided)) ?? (await execute(proposal, certificate.signers, false))
      if (result === undefined) return
      // The replica verified every signature in it.
      await ledger.commit(result, certificate, { verified: true })
      components.onCommitted(result)
    })
    host.advanced()
  }

  function report(effect: Extract<Effect, { type: 'event' }>): void {
    switch (effect.name) {
      case 'view':
        return log('view change', {
          height: effect.height,
          view: effect.view,
          leader: effect.leader,
          cause: effect.cause
        })
      case 'rejected':
        return log('message rejected', {
          reason: effect.reason,
          height: effect.height,
          message: effect.message,
          from: effect.from ?? -1
        })
      case 'invalid-block':
        return log('leader proposed an invalid block', {
          height: effect.height,
          view: effect.view,
          leader: effect.leader,
          code: effect.code
        })
      case 'foreign-vote':
        return components.onFatal(
          new VitalchainError(
            'ERR_KEY_IN_USE',
            'a vote signed with this key did not come from this node: the key runs elsewhere too',
            { values: { height: effect.height, view: effect.view } }
          )
        )
      case 'diverged':
        return components.onFatal(
          new VitalchainError(
            'ERR_DIVERGED',
            'a certified block does not give the state that it states: the state here differs from the others',
            { values: { height: effect.height, code: effect.code } }
          )
        )
      case 'prepared':
      case 'decided':
        return undefined
    }
  }

  /** A fresh block's time must be about now: spec C-21. */
  function inTime(time: number, view: number): boolean {
    const { clockPrecisionMs, messageDelayMs } = ledger.genesis.parameters
    const late = messageDelayMs * 2 ** Math.min(view, DELAY_DOUBLINGS_MAX)
    return time - clockPrecisionMs <= now() && now() <= time + late + clockPrecisionMs
  }

  function remember(proposal: BlockProposal, result: Executed): void {
    const hash = toHex(blockHash(proposal.header))
    executed.set(hash, result)
    proposals.set(hash, proposal)
    source.hold(result.transactions)
  }

  function membersOf(indices: readonly number[]): readonly Uint8Array[] {
    const validators = ledger.validators()
    return indices.flatMap(index => validators[index]?.member ?? [])
  }

  function self(): Validator | undefined {
    const key = signer?.publicKey.bytes
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

  const host: ReplicaHost = {
    async start() {
      stopping = new AbortController()
      replica = createReplica({
        network: ledger.network,
        recoveryEpoch: 0,
        self: signer?.publicKey.bytes,
        verify: (publicKey, message, signature) =>
          verifySignature({ algorithm: 'ed25519', bytes: publicKey }, message, signature)
      })
      voter =
        signer === undefined
          ? undefined
          : await openVoteSigner(signer, votes, ledger.head.height === 0)
      if (signer !== undefined && voter === undefined)
        log('votes of this key are missing: this node follows and does not vote', {})
      const prepared = voter?.last?.prepared?.block
      if (prepared !== undefined) proposals.set(toHex(blockHash(prepared.header)), prepared)
      const bodies = await votes.readBodies()
      source.keep((bodies?.transactions ?? []).map(bytes => createCandidate(bytes, true)))
      running = true
      network.onMessage((member, encoded) => {
        if (!running) return
        let message: Message
        try {
          message = decodeMessage(encoded)
        } catch (error) {
          return log('malformed message', { code: errorCode(error) })
        }
        const from = ledger
          .validators()
          .findIndex(validator => equalBytes(validator.member, member))
        input({ type: 'message', from: from < 0 ? undefined : from, message })
      })
      network.onLinkUp(member => {
        const peer = ledger
          .validators()
          .findIndex(validator => equalBytes(validator.member, member))
        if (peer >= 0) input({ type: 'connected', peer })
      })
      statusTimer = setInterval(() => {
        input({ type: 'status' })
        // What a rule refused for a time may take effect now: a day's quota passes with the day.
        host.work()
      }, STATUS_INTERVAL_MS)
      input({
        type: 'start',
        context: context(),
        voteState: voter?.last,
        observe: voter === undefined
      })
      host.work()
    },
    async stop() {
      running = false
      stopping.abort()
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
      // Not what was built or checked for the next height: catch-up and consensus may both tell of one block.
      for (const [hash, { block }] of executed)
        if (block.header.height <= ledger.head.height) executed.delete(hash)
      for (const [hash, proposal] of proposals)
        if (proposal.header.height < ledger.head.height) proposals.delete(hash)
      input({ type: 'committed', context: context() })
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
      const validators = ledger.validators()
      const eligible = eligibleLeaders(validators, ledger.head.leadership)
      return leaderOf(validators.length, eligible, ledger.head.height + 1, host.view)
    },
    get self() {
      return self()
    },
    get votes() {
      return voter !== undefined && self() !== undefined
    },
    proposal: hash => proposals.get(toHex(hash))
  }
  return host
}

function proposalOf({ header, previousCertificate, transactions }: Block): BlockProposal {
  return { header, previousCertificate, transactions: transactions.map(sha256) }
}
