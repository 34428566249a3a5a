import {
  equalBytes,
  errorCode,
  faultTolerance,
  VitalchainError,
  type Transaction
} from '@vitalchain/core'
import { createRules, devices, listMembers, members } from '@vitalchain/contracts'
import { createCheckpoints, type Checkpoints } from './checkpoints/checkpoints.ts'
import { createRestoredKeeper } from './backup/restored-keeper.ts'
import { readRestoredNote } from './backup/restored-note.ts'
import { createBlockSource } from './consensus/block-source.ts'
import { createReplicaHost, RECOVERY_EPOCH } from './consensus/replica-host.ts'
import { createKeyRetirement } from './consensus/retire-key.ts'
import { createOverrideNote } from './consensus/override-note.ts'
import { openRemoteSigner } from './consensus/remote-signer.ts'
import { createNodeSigner } from './crypto/node-signer.ts'
import {
  createDeviceRequests,
  DEVICE_REQUEST_BYTES_MAX,
  type DeviceRequests
} from './devices/device-requests.ts'
import {
  createDeviceSessions,
  DEVICE_PROTOCOL,
  type DeviceSessions
} from './devices/device-sessions.ts'
import { createTimeService } from './devices/time.ts'
import { createNodeDiagnosis } from './diagnosis/node-diagnosis.ts'
import type { Diagnosis, MemberReport } from './diagnosis/types.ts'
import { createDrain, type Drain } from './drain.ts'
import { serveGenesis } from './genesis/fetch-genesis.ts'
import type { Executed } from './ledger/execute.ts'
import type { Ledger } from './ledger/ledger.ts'
import { createMembershipKeeper } from './members/membership.ts'
import { memberPeers, withFollowers } from './members/peers.ts'
import { unknownProtocol } from './members/protocol.ts'
import { createNetwork, transportKeyOf } from './network/index.ts'
import { createAdmission } from './pool/admission.ts'
import { createDoorRate } from './pool/door-rate.ts'
import { createGossip } from './pool/gossip.ts'
import { createLaneShares } from './pool/lane-shares.ts'
import { createOffers } from './pool/offers.ts'
import { createOwnDoor, type OwnDoor } from './pool/own-door.ts'
import { createPool, type Pending } from './pool/pool.ts'
import { payloadDigest } from './pool/unit.ts'
import { createCatchUp } from './sync/catch-up.ts'
import { createHealer } from './sync/heal.ts'
import { createPayloadRepair } from './sync/payload-repair.ts'
import { openDisk } from './open-disk.ts'
import { createNodeStatus } from './node-status.ts'
import type { LedgerNodeOptions, NodeStatus } from './types.ts'

/** How often transactions that waited too long are dropped, ms. */
const EXPIRE_INTERVAL_MS = 60_000

/** What runs between start and stop. */
export interface RunningNode {
  readonly ledger: Ledger
  readonly network: ReturnType<typeof createNetwork>
  readonly checkpoints: Checkpoints
  readonly door: OwnDoor
  readonly drain: Drain
  readonly requests: DeviceRequests
  readonly sessions: DeviceSessions
  status(): NodeStatus
  members(): readonly MemberReport[]
  diagnose(): Promise<Diagnosis>
  /** The transaction with this identity that waits for a block. */
  waiting(id: Uint8Array): Transaction | undefined
  stop(): Promise<void>
}

/** A node's settings with nothing left to default. */
type Settings = LedgerNodeOptions & Required<Pick<LedgerNodeOptions, 'now' | 'log'>>

/** Opens the store and the network and puts the parts of a node together. Either all of them run then, or none. */
export async function startNode(
  settings: Settings,
  transportKey: Uint8Array,
  onFatal: (error: VitalchainError) => void
): Promise<RunningNode> {
  const { genesis, keys, now, log, dataDir, meters } = settings
  const rules = createRules(settings.contracts ?? [members, devices])
  if (settings.acceptDoubleSignRisk === true && keys.operator === undefined)
    throw new VitalchainError(
      'ERR_NO_OPERATOR',
      'the override is recorded with the operator key, which this node does not hold'
    )
  const signer = keys.consensus === undefined ? undefined : createNodeSigner(keys.consensus)
  const followers = [
    ...(settings.followers ?? []).map(transportKeyOf),
    ...(settings.follow === true ? [transportKey] : [])
  ]
  const restoredNote = dataDir === undefined ? undefined : await readRestoredNote(dataDir)
  const { store, ledger, votes, lock } = await openDisk(
    dataDir,
    signer?.publicKey.bytes,
    { genesis, rules, now },
    onFatal
  )
  const stopping = new AbortController()
  const restored = createRestoredKeeper({
    dataDir,
    note: restoredNote,
    isCommitted: id => ledger.findTransaction(id) !== undefined,
    log
  })

  const network = createNetwork({
    privateKey: keys.transport,
    networkId: ledger.network,
    listen: settings.listen ?? ['/ip4/127.0.0.1/tcp/0'],
    ...(settings.announce === undefined ? {} : { announce: settings.announce }),
    bootstrap: settings.bootstrap ?? [],
    ...(settings.deny === undefined ? {} : { deny: settings.deny }),
    members: () => withFollowers(memberPeers(ledger.state), followers),
    log
  })
  serveGenesis(network, genesis)
  const pool = createPool(rules, ledger.state)
  const lanes = createLaneShares(stopping.signal)
  const rate = createDoorRate({ ledger, lanes, now: () => performance.now() })
  const admission = createAdmission({
    ledger,
    pool,
    now,
    rate,
    restored,
    onAdmitted(pending, unit) {
      meters?.admitted(pending)
      diagnosis.admitted()
      gossip.tell(unit)
      source.arrived()
      offers.wake()
      host.work()
    },
    onRefused: refused => discard([refused])
  })
  const door = createOwnDoor(admission, meters)
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
  const waitedFor = (committed: Executed['transactions']): readonly number[] => {
    const time = now()
    return committed.flatMap(({ hash }) => {
      const pending = pool.get(hash)
      return pending === undefined ? [] : [Math.max(0, time - pending.since)]
    })
  }
  let validators = ledger.validators()
  const onCommitted = (executed: Executed, by: 'consensus' | 'catch-up'): void => {
    const { transactions } = executed
    meters?.committed({ executed, by, waitedMs: waitedFor(transactions) })
    const lost = pool.remove(transactions)
    source.keep(transactions)
    discard(lost)
    const committed = transactions.map(each => each.transaction)
    requests.committed(committed)
    sessions.committed(committed)
    membership.committed(committed)
    override.committed(committed)
    restored.committed(executed)
    diagnosis.committed()
    const unknown = unknownProtocol(ledger.state, ledger.head.height)
    if (unknown !== undefined) {
      // Before the height of those rules begins: nothing is signed in it.
      host.halt()
      onFatal(unknown)
    }
    checkpoints.committed()
    drain.committed()
    if (ledger.validators() !== validators) {
      validators = ledger.validators()
      // Behind the commit: as a validator of this block the node still has to tell others of it.
      setImmediate(() => retirement.look())
    }
    repair.wake()
  }
  const reachSigner = (path: string) => async (signal: AbortSignal) => {
    const reached = await openRemoteSigner({
      path,
      scope: { network: ledger.network, recoveryEpoch: RECOVERY_EPOCH },
      store: votes,
      signal,
      log
    })
    const owner = listMembers(ledger.state).find(member =>
      equalBytes(member.consensusKey, reached.publicKey)
    )
    if (owner === undefined || equalBytes(owner.transportKey, transportKey)) return reached
    // The node would vote in the place of another, which votes too.
    await reached.close()
    throw new VitalchainError(
      'ERR_KEYS_NOT_OF_MEMBER',
      `the signer holds the consensus key of ${owner.name}`
    )
  }
  const host = createReplicaHost({
    ledger,
    pool,
    network,
    votes,
    source,
    signer,
    ...(settings.signer === undefined ? {} : { remote: reachSigner(settings.signer) }),
    onReached: () => retirement.look(),
    override: settings.acceptDoubleSignRisk ?? false,
    async onOverride() {
      await restored.overridden(ledger.head.height)
      await override.record()
    },
    now,
    timings: settings.timings ?? false,
    ...(meters === undefined ? {} : { meters }),
    log,
    onHeard: (member, message) => diagnosis.onHeard(member, message),
    onEvent: (event, set) => diagnosis.onEvent(event, set),
    onBehind: member => void catchUp.run(member),
    onRefused: refused => discard(refused),
    // As any other transaction: the pool, the topic, and a block of whoever leads. Another node may be faster.
    onEvidence: transaction =>
      void admission
        .submit({ transaction, payload: undefined })
        .catch((error: unknown) => log('evidence not admitted', { code: errorCode(error) })),
    onCommitted: executed => onCommitted(executed, 'consensus'),
    onFatal
  })
  const retirement = createKeyRetirement({
    ledger,
    host,
    onRetired: async key => settings.onKeyRetired?.('consensus', key),
    log
  })
  const override = createOverrideNote({
    ledger,
    admission,
    votes,
    operator: keys.operator,
    key: () => host.self?.consensusKey,
    log
  })
  const catchUp = createCatchUp({
    ledger,
    network,
    signal: () => stopping.signal,
    exclusive: change => host.exclusive(change),
    onCommitted(executed) {
      onCommitted(executed, 'catch-up')
      host.advanced()
    },
    onDiverged: onFatal,
    lastHeightOf: peer => membership.lastHeightOf(peer),
    log
  })
  const membership = createMembershipKeeper({
    ledger,
    network,
    catchUp,
    own: {
      transportKey,
      consensusKey: signer?.publicKey.bytes ?? keys.retiredConsensus
    },
    bootstrap: settings.bootstrap ?? [],
    follows: settings.follow ?? false,
    log
  })
  const repair = createPayloadRepair({ ledger, network, log })
  const healer = createHealer({ ledger, network, log })
  const checkpointSigner =
    keys.checkpoint === undefined ? undefined : createNodeSigner(keys.checkpoint)
  const checkpoints = createCheckpoints({
    ledger,
    network,
    store,
    signer: checkpointSigner,
    dataDir,
    now,
    log
  })
  const drain = createDrain({
    door,
    offers,
    pool,
    leads: () => host.votes && ledger.validators()[host.leader] === host.self,
    trust: () => faultTolerance(ledger.validators().length) + 1,
    log
  })
  /** Whether no validator but this node itself can be told of anything. */
  const isolated = (): boolean => {
    const others = ledger.validators().filter(validator => validator !== host.self)
    const linked = network.linkedMembers()
    return (
      others.length > 0 &&
      !others.some(({ member }) => linked.some(each => equalBytes(each, member)))
    )
  }
  const requests = createDeviceRequests({
    ledger,
    door,
    isolated,
    ...(meters === undefined ? {} : { meters }),
    time: createTimeService({ ledger, network, signer: checkpointSigner, now, log }),
    signer: createNodeSigner(keys.transport)
  })
  const sessions = createDeviceSessions({ ledger, requests, node: transportKey, log })
  network.handleStream(
    DEVICE_PROTOCOL,
    { maxFrameBytes: DEVICE_REQUEST_BYTES_MAX },
    (frames, { peer }) => sessions.serve(frames, { peer, authenticated: true })
  )
  const expiry = setInterval(() => {
    discard(pool.expire(now()))
    override.remind()
    retirement.look()
  }, EXPIRE_INTERVAL_MS)

  const status = createNodeStatus({
    ledger,
    network,
    host,
    pool,
    sessions,
    door,
    membership,
    checkpoints,
    restored,
    transportKey
  })
  const diagnosis = createNodeDiagnosis({
    ledger,
    network,
    host,
    status,
    transportKey,
    hasSigner: settings.signer !== undefined,
    dataDir,
    bootstrap: settings.bootstrap ?? [],
    announce: settings.announce ?? [],
    deny: settings.deny,
    flooders: () => rate.flooders(),
    now,
    log
  })

  const stop = async (): Promise<void> => {
    stopping.abort()
    clearInterval(expiry)
    diagnosis.stop()
    gossip.stop()
    offers.stop()
    // Each of them, also when one before fails: what stays open would keep the directory locked.
    let failure: { readonly cause: unknown } | undefined
    for (const close of [
      () => membership.stop(),
      () => host.stop(),
      () => retirement.stop(),
      () => repair.stop(),
      () => healer.stop(),
      () => checkpoints.stop(),
      () => network.stop(),
      () => votes.close(),
      async () => lock?.release(),
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
    const unknown = unknownProtocol(ledger.state, ledger.head.height)
    if (unknown !== undefined) throw unknown
    await checkpoints.open()
    await network.start()
    await host.start()
    retirement.look()
    repair.start()
    healer.start()
    checkpoints.start()
    membership.start()
    diagnosis.start()
    override.remind()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ledger,
    network,
    door,
    drain,
    checkpoints,
    requests,
    sessions,
    stop,
    waiting: id => pool.find(id)?.transaction,
    status,
    members: () => diagnosis.members(),
    diagnose: () => diagnosis.diagnose()
  }
}
