import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, errorCode, toHex, type VitalchainError } from '@vitalchain/core'
import { createRules, devices, listMembers, members } from '@vitalchain/contracts'
import { createBlockSource } from './consensus/block-source.ts'
import { createReplicaHost } from './consensus/replica-host.ts'
import { openVoteStore, type VoteStore } from './consensus/vote-store.ts'
import { createNodeSigner } from './crypto/node-signer.ts'
import { createDeviceSessions } from './devices/device-sessions.ts'
import type { Executed } from './ledger/execute.ts'
import { openLedger, type Ledger, type LedgerInit } from './ledger/ledger.ts'
import { createNetwork, type MemberPeer } from './network/index.ts'
import { createAdmission } from './pool/admission.ts'
import { createGossip } from './pool/gossip.ts'
import { createOffers } from './pool/offers.ts'
import { createPool, type Pending } from './pool/pool.ts'
import { payloadDigest } from './pool/unit.ts'
import { openStore } from './store/store.ts'
import { createCatchUp } from './sync/catch-up.ts'
import { createPayloadRepair } from './sync/payload-repair.ts'

import type { LedgerNodeOptions, NodeStatus } from './types.ts'

/** As many missing payloads as a status counts. */
const MISSING_SHOWN_MAX = 64

/** How often transactions that waited too long are dropped, ms. */
const EXPIRE_INTERVAL_MS = 60_000

/** What runs between start and stop. */
export interface RunningNode {
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

/** A node's settings with nothing left to default. */
type Settings = LedgerNodeOptions & Required<Pick<LedgerNodeOptions, 'now' | 'log'>>

/** Opens the store and the network and puts the parts of a node together. Either all of them run then, or none. */
export async function startNode(
  settings: Settings,
  transportKey: Uint8Array,
  onFatal: (error: VitalchainError) => void
): Promise<RunningNode> {
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
    onDiverged: onFatal,
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
