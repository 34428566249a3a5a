import { atAddress, type Absence } from './absence.ts'
import { place } from './check-members.ts'
import type { AddressObservation, Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { listed } from './wording.ts'

/** What is found at an address instead of the node that should be there. */
const FOUND: Readonly<Partial<Record<Absence, string>>> = {
  'other-peer': 'another node answers there',
  down: 'its computer answers and nothing listens there',
  'no-answer': 'nothing answers there',
  silent: 'something takes connections there and says nothing',
  'no-node': 'what answers there is no node of a ledger',
  'no-name': 'its name cannot be resolved',
  'no-address': 'it is no address of TCP or WebSocket'
}

/** Addresses that the operator configured and that lead nowhere, or to somebody else. */
export function checkAddresses(seen: Observations): readonly Finding[] {
  return [...checkConfigured(seen), ...checkReached(seen)]
}

/** Whether others can connect to this node, by the word of one that tried. */
function checkReached({ node }: Observations): readonly Finding[] {
  const dialled = node?.dialledBack
  if (dialled === undefined || dialled.reached) return []
  const places = listed(dialled.addresses.map(place))
  return [
    {
      code: 'NOT_REACHED',
      severity: 'warning',
      subject: places,
      text: `${dialled.by} could not connect to this node at ${places}, and nobody else has: a firewall, a NAT or a wrong address keeps others out. This node works as long as it reaches them itself, and devices cannot find it.`,
      act: 'Let its port (TCP) in at the firewall of this computer and of the hospital, or correct `listen` and `announce`.'
    }
  ]
}

function checkConfigured({ addresses, node, network }: Observations): readonly Finding[] {
  return addresses.flatMap((seen): readonly Finding[] => {
    const { address, use, expected, member, connected, probe } = seen
    if (probe === undefined) return []
    const found = FOUND[atAddress(probe, expected, network)]
    if (found === undefined) return []
    const where = place(address)
    if (use === 'announce') return [announced(where, found)]
    // A member that is missed is spoken of where the members are.
    if (node !== undefined && member !== undefined && !connected) return []
    return [bootstrap(seen, where, found, member ?? 'another node')]
  })
}

function announced(where: string, found: string): Finding {
  return {
    code: 'ANNOUNCE_WRONG',
    severity: 'warning',
    subject: where,
    text: `Others are told to find this node at ${where}, and from this computer ${found}. They can be reached from here; a firewall, a NAT or a wrong address may keep them from reaching this node.`,
    act: 'Correct the address under `announce`, or let the gateway forward its port to this node. Some gateways do not answer from inside: ask another hospital to try.'
  }
}

function bootstrap(
  { connected, member }: AddressObservation,
  where: string,
  found: string,
  who: string
): Finding {
  return {
    code: 'ADDRESS_WRONG',
    severity: 'warning',
    subject: where,
    text: connected
      ? `The configured address ${where} of ${who} is wrong: ${found}. This node found ${who} in another way; at its next start it may not.`
      : `The configured address ${where}${member === undefined ? '' : ` of ${member}`} is of no use: ${found}.`,
    act: `Ask ${member ?? 'the hospital'} for the address of its node, and correct it under \`bootstrap\`.`
  }
}
