import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  callFormat,
  callTransaction,
  equalBytes,
  errorCode,
  sha256,
  signCose,
  toHex,
  useCryptoBackend,
  VitalchainError,
  type ErrorValues,
  type Signer
} from '@vitalchain/core'
import {
  callHead,
  createRules,
  devices,
  listMembers,
  members,
  registerDeviceArgs,
  revokeDeviceArgs,
  type Contract,
  type RegisterDevice,
  type StateReader
} from '@vitalchain/contracts'
import { createBlockSource } from './consensus/block-source.ts'
import { createReplicaHost } from './consensus/replica-host.ts'
import { openVoteStore, type VoteStore } from './consensus/vote-store.ts'
import { nodeCryptoBackend } from './crypto/node-crypto-backend.ts'
import { createNodeSigner } from './crypto/node-signer.ts'
import { createDeviceSessions } from './devices/device-sessions.ts'
import { FIRST_CURSOR, formatCursor, type CommittedEvent, type Cursor } from './ledger/events.ts'
import type { Executed } from './ledger/execute.ts'
import { openLedger, type Ledger, type LedgerInit, type LedgerReader } from './ledger/ledger.ts'
import { createNetwork, transportPublicKey, type MemberPeer } from './network/index.ts'
import { createAdmission } from './pool/admission.ts'
import { createGossip } from './pool/gossip.ts'
import { createOffers } from './pool/offers.ts'
import { createPool, type Pending } from './pool/pool.ts'
import { payloadDigest, type Unit } from './pool/unit.ts'
import { openStore } from './store/store.ts'
import { createCatchUp } from './sync/catch-up.ts'
import { createPayloadRepair } from './sync/payload-repair.ts'

/** The keys of a node. Those it lacks it does not use: without a consensus key it follows. */
export interface NodeKeys {
  /** Ed25519 seed of the libp2p identity, 32 bytes. */
  readonly transport: Uint8Array
  /** Ed25519 seed that signs votes, 32 bytes. */
  readonly consensus?: Uint8Array
  /** Signs what the hospital's operator does. */
  readonly operator?: Signer
}

/** Settings of {@link createLedgerNode}. */
export interface LedgerNodeOptions {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  readonly keys: NodeKeys
  /** Where everything is kept; undefined keeps it in memory, for tests. */
  readonly dataDir?: string
  /** Multiaddrs to listen on. Default: any free port on loopback. */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell others instead, behind a NAT. */
  readonly announce?: readonly string[]
  /** Multiaddrs of any nodes of the network, with `/p2p/…`. The other members are found through them. */
  readonly bootstrap?: readonly string[]
  /** The contracts, as the genesis lists them. Default: members and devices. */
  readonly contracts?: readonly Contract[]
  /** The clock, ms since 1970. */
  readonly now?: () => number
  /** Told what happens, as a short name and values fit for a log: never a secret or anything about a patient. */
  readonly log?: (event: string, values: ErrorValues) => void
}

/** Where a node stands. */
export interface NodeStatus {
  readonly network: string
  /** The own member's name, or undefined for a node that is no member. */
  readonly name: string | undefined
  readonly peer: string
  readonly height: number
  readonly head: string
  readonly stateRoot: string
  readonly transactions: number
  readonly view: number
  /** Name of the member that leads this view. */
  readonly leader: string | undefined
  /** Names of the other members with which a link is up. */
  readonly links: readonly string[]
  readonly waiting: number
  /** Payloads that committed statements name and this node still has to fetch; 64 stands for 64 or more. */
  readonly payloadsMissing: number
  readonly deviceSessions: number
  /** Whether this node votes. */
  readonly votes: boolean
}

/** A running node of the ledger. */
export interface LedgerNode {
  /** Opens the store and the network. Resolves when this node takes part. */
  start(): Promise<void>
  /** Closes everything it opened. */
  stop(): Promise<void>
  /** Own multiaddrs with `/p2p/…`; empty before start. */
  addresses(): readonly string[]
  /** Where it stands now. @throws VitalchainError `ERR_NOT_STARTED` */
  status(): NodeStatus
  /** The network id. */
  readonly network: Uint8Array
  /** The own transport public key, 32 bytes. */
  readonly transportKey: Uint8Array
  /** The durable ledger; for reading. @throws VitalchainError `ERR_NOT_STARTED` before start */
  readonly ledger: LedgerReader
  /** The committed state, for the readers that contracts offer, such as `getDevice`. */
  readonly state: StateReader
  /**
   * Hands a transaction over. Accepted means checked and passed on, not committed.
   *
   * @returns the identity to ask for
   * @throws VitalchainError with the code of the refusal
   */
  submit(unit: Unit): Promise<Uint8Array>
  /**
   * Signs a call with the operator's key, hands it over and waits until it is committed.
   *
   * @returns its receipt
   */
  call(
    method: string,
    args: Uint8Array,
    options?: { readonly signal?: AbortSignal }
  ): Promise<Uint8Array>
  /** Registers a device of this member. */
  registerDevice(
    device: RegisterDevice,
    options?: { readonly signal?: AbortSignal }
  ): Promise<Uint8Array>
  /** Revokes a device of this member: from the next block on nothing of it is taken. */
  revokeDevice(device: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Committed transactions in order: from behind the cursor, or from the first; then each new one, until the signal aborts. */
  events(options?: {
    readonly from?: string
    readonly signal?: AbortSignal
  }): AsyncIterable<CommittedEvent>
  /** The receipt of a statement or call. @throws VitalchainError `ERR_NOT_COMMITTED` (retryable) */
  receipt(id: Uint8Array): Uint8Array
  /** Waits for the receipt of a statement or call. */
  committed(id: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Resolves with the error after which the node stopped itself; never when it goes well. */
  readonly failed: Promise<VitalchainError>
}

/** How often transactions that waited too long are dropped, ms. */
const EXPIRE_INTERVAL_MS = 60_000

/** As many missing payloads as a status counts. */
const MISSING_SHOWN_MAX = 64

/** Makes a node of the ledger. Nothing is opened before `start()`. */
export function createLedgerNode(options: LedgerNodeOptions): LedgerNode {
  useCryptoBackend(nodeCryptoBackend)
  const { genesis, keys, now = Date.now, log = () => undefined } = options
  const transportKey = transportPublicKey(keys.transport)
  const networkId = sha256(genesis)
  let running: Running | undefined
  let changing: Promise<void> = Promise.resolve()
  let fail: (error: VitalchainError) => void
  const failed = new Promise<VitalchainError>(resolve => {
    fail = resolve
  })

  const parts = (): Running => {
    if (running === undefined)
      throw new VitalchainError('ERR_NOT_STARTED', 'the node is not running')
    return running
  }

  const start = async (): Promise<void> => {
    if (running !== undefined) return
    running = await startParts({ ...options, now, log }, transportKey, error => {
      log('node stops', { code: error.code, message: error.message })
      fail(error)
      void halt()
    })
  }
  const stop = async (): Promise<void> => {
    const stopping = running
    running = undefined
    await stopping?.stop()
  }
  const halt = async (): Promise<void> => {
    try {
      await node.stop()
    } catch (error) {
      log('node not stopped cleanly', { code: errorCode(error) })
    }
  }

  const node: LedgerNode = {
    network: networkId,
    transportKey,
    failed,
    // One after the other, also when the caller does not wait.
    start: () => (changing = changing.then(start, start)),
    stop: () => (changing = changing.then(stop, stop)),
    addresses: () => running?.network.addresses() ?? [],
    status: () => parts().status(),
    get ledger() {
      return parts().ledger
    },
    get state() {
      return parts().ledger.state
    },
    submit: async unit => (await parts().admission.submit(unit)).transaction.id,
    async call(method, args, { signal } = {}) {
      const { ledger } = parts()
      const operator = keys.operator
      const author =
        operator === undefined
          ? undefined
          : listMembers(ledger.state).find(each =>
              equalBytes(each.operatorKey.bytes, operator.publicKey.bytes)
            )?.id
      if (operator === undefined || author === undefined)
        throw new VitalchainError(
          'ERR_NO_OPERATOR',
          "this node does not hold a member's operator key"
        )
      const previous = callHead(ledger.state, author)
      if (previous === undefined)
        throw new VitalchainError('ERR_AUTHOR_UNKNOWN', 'the member may not make calls')
      const cose = await signCose(
        operator,
        callFormat.encode({ network: networkId, author, previous, method, args })
      )
      const id = await node.submit({ transaction: callTransaction(cose), payload: undefined })
      return node.committed(id, signal === undefined ? {} : { signal })
    },
    registerDevice: (device, wait) =>
      node.call('devices.register', registerDeviceArgs(device), wait),
    revokeDevice: (device, wait) => node.call('devices.revoke', revokeDeviceArgs({ device }), wait),
    events: wait => parts().ledger.events(wait ?? {}),
    receipt(id) {
      const { ledger } = parts()
      const leaf = ledger.findTransaction(id)
      if (leaf === undefined)
        throw new VitalchainError(
          'ERR_NOT_COMMITTED',
          'nothing with this identity is on the ledger',
          { retryable: true }
        )
      return ledger.receipt(leaf)
    },
    async committed(id, { signal } = {}) {
      const { ledger } = parts()
      const ended = new AbortController()
      const wait = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
      // Listen first, look then: nothing can be committed between the two unseen.
      const events = ledger.events({ from: newestCursor(ledger), signal: wait })
      try {
        if (ledger.findTransaction(id) !== undefined) return node.receipt(id)
        for await (const event of events)
          if (equalBytes(event.transaction.id, id)) return node.receipt(id)
      } finally {
        ended.abort()
      }
      signal?.throwIfAborted()
      throw new VitalchainError(
        'ERR_NOT_STARTED',
        'the node stopped before the transaction was committed',
        { retryable: true }
      )
    }
  }
  return node
}

/** The cursor of the newest event: a stream from it holds only what comes. */
function newestCursor(ledger: Ledger): Cursor {
  const header = ledger.header(ledger.head.height)
  // A block without transactions, from a late view, holds no event: begin at the block, not in it.
  if (header === undefined || header.history.size === 0) return FIRST_CURSOR
  const leaf = header.history.size - 1
  const height = ledger.heightOf(leaf)
  const first = ledger.header(height)
  return first === undefined
    ? FIRST_CURSOR
    : formatCursor({ height, index: first.transactionCount - 1 })
}

/** What runs between start and stop. */
interface Running {
  readonly ledger: Ledger
  readonly network: ReturnType<typeof createNetwork>
  readonly admission: ReturnType<typeof createAdmission>
  status(): NodeStatus
  stop(): Promise<void>
}

/** Opens what is on disk. What was opened before a failure is closed again, or the directory would stay locked. */
async function openDisk(
  dataDir: string | undefined,
  init: Omit<LedgerInit, 'store'>
): Promise<{ readonly ledger: Ledger; readonly votes: VoteStore }> {
  if (dataDir !== undefined) await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const store = await openStore(dataDir === undefined ? 'memory' : join(dataDir, 'ledger'))
  let votes: VoteStore | undefined
  try {
    votes = await openVoteStore(dataDir === undefined ? 'memory' : join(dataDir, 'votes'))
    return { votes, ledger: await openLedger({ store, ...init }) }
  } catch (error) {
    await votes?.close()
    await store.close()
    throw error
  }
}

type Settings = LedgerNodeOptions & Required<Pick<LedgerNodeOptions, 'now' | 'log'>>

async function startParts(
  settings: Settings,
  transportKey: Uint8Array,
  onFatal: (error: VitalchainError) => void
): Promise<Running> {
  const { genesis, keys, now, log, dataDir } = settings
  const rules = createRules(settings.contracts ?? [members, devices])
  const { ledger, votes } = await openDisk(dataDir, { genesis, rules, now })
  const stopping = new AbortController()

  const memberPeers = (): readonly MemberPeer[] =>
    listMembers(ledger.state).map(({ id, transportKey: key }) => ({
      member: id,
      transportKey: key,
      addresses: []
    }))
  const network = createNetwork({
    privateKey: keys.transport,
    networkId: ledger.network,
    listen: settings.listen ?? ['/ip4/127.0.0.1/tcp/0'],
    ...(settings.announce === undefined ? {} : { announce: settings.announce }),
    bootstrap: settings.bootstrap ?? [],
    members: memberPeers,
    log
  })
  const pool = createPool(rules, ledger.state)
  const admission = createAdmission({
    ledger,
    pool,
    now,
    onAdmitted(_pending, unit) {
      gossip.tell(unit)
      source.arrived()
      offers.wake()
      host.work()
    },
    onRefused: refused => discard([refused])
  })
  const gossip = createGossip({ network, admission, log })
  const offers = createOffers({
    ledger,
    pool,
    network,
    admission,
    leader: () => {
      const validator = ledger.validators()[host.leader]
      return validator === host.self ? undefined : validator?.member
    },
    now,
    log
  })
  const source = createBlockSource({
    ledger,
    pool,
    network,
    admission,
    proposals: hash => host.proposal(hash),
    onUnused: fetched => discard(fetched),
    log
  })

  /** Frees the payloads of what will never be committed, unless something else that waits or is committed names them. */
  const discard = (dropped: Iterable<Pick<Pending, 'transaction'>>): void => {
    for (const { transaction } of dropped) {
      const digest = payloadDigest(transaction)
      if (digest === undefined || pool.names(digest)) continue
      ledger
        .discardPayload(digest)
        .catch((error: unknown) => log('payload not discarded', { code: errorCode(error) }))
    }
  }
  const onCommitted = ({ transactions }: Executed): void => {
    const lost = pool.remove(transactions)
    source.keep(transactions)
    discard(lost)
    sessions.committed(transactions.map(each => each.transaction))
    repair.wake()
  }
  const host = createReplicaHost({
    ledger,
    pool,
    network,
    votes,
    source,
    signer: keys.consensus === undefined ? undefined : createNodeSigner(keys.consensus),
    now,
    log,
    onBehind: member => void catchUp.run(member),
    onRefused: refused => discard(refused),
    onCommitted,
    onFatal
  })
  const catchUp = createCatchUp({
    ledger,
    network,
    signal: () => stopping.signal,
    exclusive: change => host.exclusive(change),
    onCommitted(executed) {
      onCommitted(executed)
      host.advanced()
    },
    log
  })
  const repair = createPayloadRepair({ ledger, network, log })
  const sessions = createDeviceSessions({ ledger, network, admission, node: transportKey, log })
  const expiry = setInterval(() => discard(pool.expire(now())), EXPIRE_INTERVAL_MS)

  const nameOf = (id: Uint8Array | undefined): string | undefined =>
    id === undefined
      ? undefined
      : listMembers(ledger.state).find(member => equalBytes(member.id, id))?.name

  const stop = async (): Promise<void> => {
    stopping.abort()
    clearInterval(expiry)
    gossip.stop()
    offers.stop()
    // Each of them, also when one before fails: what stays open would keep the directory locked.
    let failure: { readonly cause: unknown } | undefined
    for (const close of [
      () => host.stop(),
      () => repair.stop(),
      () => network.stop(),
      () => votes.close(),
      () => ledger.close()
    ]) {
      try {
        await close()
      } catch (cause) {
        failure ??= { cause }
      }
    }
    if (failure !== undefined) throw failure.cause
  }
  try {
    await network.start()
    await host.start()
    repair.start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ledger,
    network,
    admission,
    stop,
    status() {
      const self = listMembers(ledger.state).find(member =>
        equalBytes(member.transportKey, transportKey)
      )
      const { head } = ledger
      return {
        network: toHex(ledger.network),
        name: self?.name,
        peer: network.peer,
        height: head.height,
        head: toHex(head.hash),
        stateRoot: toHex(head.stateRoot),
        transactions: head.history.size,
        view: host.view,
        leader: nameOf(ledger.validators()[host.leader]?.member),
        links: network.linkedMembers().flatMap(member => nameOf(member) ?? []),
        waiting: pool.size,
        payloadsMissing: ledger.wantedPayloads(MISSING_SHOWN_MAX).length,
        deviceSessions: sessions.size,
        votes: host.votes
      }
    }
  }
}
