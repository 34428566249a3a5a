import { listMembers } from '@vitalchain/contracts'
import type { Ledger } from '../ledger/ledger.ts'
import { toHex } from '@vitalchain/core'
import { peerNameOf, type Network } from '../network/index.ts'
import type { PeerStatus } from '../network/types.ts'
import type { AddressObservation } from './observations.ts'
import { LASTING_MS, type ProbeCache } from './probe-cache.ts'

/** What {@link observeAddresses} looks at. */
export interface AddressesInit {
  readonly ledger: Ledger
  readonly network: Network
  readonly probes: ProbeCache
  /** Addresses that the operator configured. */
  readonly bootstrap: readonly string[]
  readonly announce: readonly string[]
  readonly deny: ((peer: string) => boolean) | undefined
  readonly signal: AbortSignal
}

/** The addresses that the operator configured, looked at where no connection proves them. */
export async function observeAddresses({
  ledger,
  network,
  probes,
  bootstrap,
  announce,
  deny,
  signal
}: AddressesInit): Promise<readonly AddressObservation[]> {
  const peers = (): ReadonlyMap<string, PeerStatus> =>
    new Map(network.peers().map(each => [each.peer, each]))
  const before = peers()
  const names = new Map(
    listMembers(ledger.state).map(member => [peerNameOf(member.transportKey), member.name])
  )
  const configured = [
    ...bootstrap.map(address => ({ address, use: 'bootstrap' as const })),
    ...announce.map(address => ({ address, use: 'announce' as const }))
  ]
  const unproved = configured.flatMap(({ address, use }) => {
    const expected = use === 'announce' ? network.peer : peerOf(address)
    const connection = before.get(expected ?? '')
    // A connection to this very address proves it.
    if (connection?.direction === 'outbound' && connection.addresses.includes(address)) return []
    if (use === 'bootstrap' && expected !== undefined && deny?.(expected) === true) return []
    const member = expected === undefined ? undefined : names.get(expected)
    return [{ address, use, expected, member }]
  })
  const found = await probes.look(
    unproved.map(({ address }) => address),
    LASTING_MS,
    signal
  )
  const after = peers()
  const linked = new Set(network.linkedMembers().map(toHex))
  return unproved.map(seen => {
    const connection = after.get(seen.expected ?? '')
    const { member } = connection ?? {}
    // A member that stops closes its links first, then its port, and its connections last.
    const connected =
      connection !== undefined && (member === undefined || linked.has(toHex(member)))
    const probe = found.get(seen.address)
    // Who came after it was tried may well be there now.
    const isStale = connected && probe !== undefined && connection.connectedAt > probe.at
    return { ...seen, connected, probe: isStale ? undefined : probe }
  })
}

/** The PeerId that an address names. */
export function peerOf(address: string): string | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1]
}
