import { absenceOf, atAddress } from './absence.ts'
import { place } from './check-members.ts'
import type { Observations } from './observations.ts'
import type { Probe } from './probe.ts'
import type { Finding } from './types.ts'
import { listed, shortId } from './wording.ts'

/** Nodes of another network where one of this network is expected: somebody was started with another genesis. */
export function checkGenesis(seen: Observations): readonly Finding[] {
  const { network, node, addresses } = seen
  if (network === undefined) return []
  const members = node?.members ?? []
  const others = [
    ...members
      .filter(each => absenceOf(each, network) === 'other-network')
      .map(({ report, probes }) => ({ who: report.name, probes })),
    ...addresses
      .filter(({ use, probe, expected, member }) => {
        if (use !== 'bootstrap' || probe === undefined) return false
        // The members were looked at already.
        if (member !== undefined && node !== undefined) return false
        return atAddress(probe, expected, network) === 'other-network'
      })
      .map(({ address, member, probe }) => ({
        who: member ?? place(address),
        probes: probe === undefined ? [] : [probe]
      }))
  ]
  if (others.length === 0) return []
  const met = [
    ...members.filter(
      each => !each.report.self && [undefined, 'connecting'].includes(absenceOf(each, network))
    ),
    ...addresses.filter(
      ({ probe, expected }) =>
        probe !== undefined && atAddress(probe, expected, network) === 'connecting'
    )
  ]
  const names = listed(others.map(({ who }) => who))
  if (met.length === 0)
    return [
      {
        code: 'GENESIS_OWN',
        severity: 'critical',
        text: `This node was started with another genesis than the others: the nodes at ${names} answer and belong to network ${networksOf(others)}, this one to ${shortId(network)}, where nobody answers.`,
        act: 'Compare: `sha256sum genesis.cbor` at the other hospitals and here. Put the right genesis.cbor into a new data directory with the same keys; do not start a ledger of one network with the genesis of another.'
      }
    ]
  return others.map(({ who, probes }) => ({
    code: 'GENESIS_OTHER',
    severity: 'warning',
    subject: who,
    text: `The node at ${who} answers at ${listed(probes.map(({ address }) => place(address)))} and belongs to another network (${networksOf([{ probes }])}; this one is ${shortId(network)}): it was started with another genesis.`,
    act: `Compare the genesis with its operator: \`sha256sum genesis.cbor\` must give the same at both. Whoever has the wrong one puts the right genesis.cbor into a new data directory with the same keys.`
  }))
}

function networksOf(found: readonly { readonly probes: readonly Probe[] }[]): string {
  const networks = found
    .flatMap(({ probes }) => probes)
    .flatMap(({ outcome }) => (outcome.kind === 'node' ? outcome.networks : []))
  return [...new Set(networks)].map(shortId).join(', ')
}
