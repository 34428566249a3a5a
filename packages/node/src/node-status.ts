import { listMembers } from '@vitalchain/contracts'
import { equalBytes, toHex } from '@vitalchain/core'
import type { RestoredKeeper } from './backup/restored-keeper.ts'
import type { Checkpoints } from './checkpoints/checkpoints.ts'
import type { ReplicaHost } from './consensus/replica-host.ts'
import type { DeviceSessions } from './devices/device-sessions.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { MembershipKeeper } from './members/membership.ts'
import type { Network } from './network/index.ts'
import type { OwnDoor } from './pool/own-door.ts'
import type { Pool } from './pool/pool.ts'
import type { NodeStatus } from './types.ts'

/** As many missing payloads as a status counts. */
const MISSING_SHOWN_MAX = 64

/** The parts of a node that say where it stands. */
export interface StatusSource {
  readonly ledger: Ledger
  readonly network: Pick<Network, 'peer' | 'links' | 'linkedMembers'>
  readonly host: Pick<ReplicaHost, 'view' | 'leader' | 'votes'>
  readonly pool: Pick<Pool, 'size'>
  readonly sessions: Pick<DeviceSessions, 'size'>
  readonly door: Pick<OwnDoor, 'closed'>
  readonly membership: Pick<MembershipKeeper, 'membership'>
  readonly checkpoints: Pick<Checkpoints, 'status'>
  readonly restored: Pick<RestoredKeeper, 'status'>
  /** The own transport public key. */
  readonly transportKey: Uint8Array
}

/** Makes what tells a node's status, as of the moment in which it is asked. */
export function createNodeStatus({
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
}: StatusSource): () => NodeStatus {
  /** The members as of the newest block: each status names several, and reading them takes longer than the rest of it. */
  let named = { head: ledger.head, members: listMembers(ledger.state) }
  const membersNow = (): typeof named.members => {
    const { head } = ledger
    if (named.head !== head) named = { head, members: listMembers(ledger.state) }
    return named.members
  }
  const nameOf = (id: Uint8Array | undefined): string | undefined =>
    id === undefined ? undefined : membersNow().find(member => equalBytes(member.id, id))?.name

  return () => {
    const self = membersNow().find(member => equalBytes(member.transportKey, transportKey))
    const { head } = ledger
    const restore = restored.status()
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
      banned: network
        .links()
        .flatMap(({ member, bannedMs }) => (bannedMs > 0 ? (nameOf(member) ?? []) : [])),
      waiting: pool.size,
      payloadsMissing: ledger.wantedPayloads(MISSING_SHOWN_MAX).length,
      deviceSessions: sessions.size,
      votes: host.votes,
      draining: door.closed,
      membership: membership.membership,
      ...checkpoints.status,
      ...(restore === undefined ? {} : { restored: restore })
    }
  }
}
