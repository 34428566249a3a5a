import { absenceOf, type Absence } from './absence.ts'
import type { MemberObservation, NodeObservation, Observations } from './observations.ts'
import type { Finding, QuorumReport } from './types.ts'
import { counted, duration, listed } from './wording.ts'

/** Members that fell silent within this time of each other most likely did so for one reason, ms: two rounds of pings. */
const TOGETHER_MS = 25_000

/** A link may take so long to come up after a start, ms, before anybody is missed: a dial and its retry. */
export const PATIENCE_MS: number = 10_000

/** A validator that is behind by so many blocks is of no use for the next one. */
const BEHIND_BLOCKS = 8

/** What a node is that the members link with. */
const LINKED: ReadonlySet<NodeObservation['membership']> = new Set(['member', 'approved'])

/** How many validators are needed, and how many this node can count on. */
export function quorumOf({ node, network }: Observations): QuorumReport {
  if (node === undefined) return { validators: 0, needed: 0, reachable: 0 }
  return {
    validators: node.validators,
    needed: node.needed,
    reachable: validatorsOf(node).filter(each => counts(each, node, network)).length
  }
}

function validatorsOf({ members }: NodeObservation): readonly MemberObservation[] {
  return members.filter(({ report }) => report.validator)
}

function counts(
  member: MemberObservation,
  { votes }: NodeObservation,
  network: string | undefined
): boolean {
  return member.report.self ? votes : absenceOf(member, network) === undefined
}

/** The quorum, and each validator that is missing in it. */
export function checkMembers(seen: Observations): readonly Finding[] {
  const { node, network } = seen
  // The others let nobody else link with all of them.
  if (node === undefined || !LINKED.has(node.membership)) return []
  // Who was not met yet may only be slow to be found; who was there and is gone is missed at once.
  const isEarly = node.upMs < PATIENCE_MS
  const missing = node.members.flatMap(member => {
    const absence = absenceOf(member, network)
    return absence === undefined || (isEarly && !member.wasLinked) ? [] : [{ member, absence }]
  })
  const quorum = quorumOf(seen)
  const isShort = quorum.reachable < quorum.needed && (!isEarly || missing.length > 0)
  const findings: Finding[] = []
  if (isShort) {
    const names = validatorsOf(node)
      .filter(each => !counts(each, node, network))
      .map(({ report }) => (report.self ? 'this node, which does not vote' : report.name))
    findings.push({
      code: 'QUORUM_SHORT',
      severity: 'critical',
      text: `Nothing can be committed: ${quorum.needed} of ${quorum.validators} validators are needed, and this node reaches ${quorum.reachable}. Missing: ${listed(names)}.`,
      act: 'Bring the missing hospitals back, as said for each of them; nothing that was accepted is lost meanwhile. Do not restore or delete anything, and do not remove members.'
    })
  }
  findings.push(...checkCut(missing))
  for (const { member, absence } of missing) {
    if (absence === 'other-network') continue
    const severity = isShort && member.report.validator ? 'critical' : 'warning'
    findings.push({ ...MISSING[absence](member, node), severity, subject: member.report.name })
  }
  return findings
}

/** Several that fell silent at once: the line is more likely than all their computers. */
function checkCut(
  missing: readonly { readonly member: MemberObservation; readonly absence: Absence }[]
): readonly Finding[] {
  const silent = missing.filter(
    ({ member, absence }) => member.wasLinked && (absence === 'no-answer' || absence === 'silent')
  )
  const times = silent.flatMap(({ member }) => member.downMs ?? member.report.heardMs ?? [])
  if (times.length < 2 || Math.max(...times) - Math.min(...times) > TOGETHER_MS) return []
  return [
    {
      code: 'NETWORK_CUT',
      severity: 'critical',
      text: `${listed(silent.map(({ member }) => member.report.name))} stopped answering at the same time, ${duration(Math.max(...times))} ago, and their computers do not refuse connections: most likely the network between them and this hospital is cut, or a firewall drops what is sent.`,
      act: 'Ask the network operator about the line, the VPN and the firewall between the hospitals; ask one of them whether its own doctor says the same of you. Restart nothing: committing goes on within seconds once the line is back.'
    }
  ]
}

type Wording = (
  member: MemberObservation,
  node: NodeObservation
) => Pick<Finding, 'code' | 'text' | 'act'>

/** Since when a member is missed. */
function since({ wasLinked, downMs }: MemberObservation): string {
  if (!wasLinked) return 'it was not linked since this node started'
  return `it was linked until ${duration(downMs ?? 0)} ago`
}

function addresses({ probes }: MemberObservation): string {
  return listed(probes.map(({ address }) => place(address)))
}

/** An address without the PeerId, which nobody reads. */
export function place(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '')
}

/** Of another network: see the check of the genesis. */
const MISSING: Readonly<Record<Exclude<Absence, 'other-network'>, Wording>> = {
  banned: ({ report, offences }) => ({
    code: 'MEMBER_BANNED',
    text: `${report.name} is kept out for half a minute at a time because its node sends what no sound node sends (${offencesText(offences)}).`,
    act: `Tell the operator of ${report.name}: its software is of another version, damaged, or not its own any more. It is let in again by itself.`
  }),
  denied: ({ report }) => ({
    code: 'MEMBER_DENIED',
    text: `This node was told to have no connection with ${report.name}.`,
    act: 'Take the member out of the setting `deny`, if that was not meant.'
  }),
  'other-peer': member => ({
    code: 'ADDRESS_WRONG',
    text: `At ${addresses(member)} another node answers than that of ${member.report.name}.`,
    act: `Ask ${member.report.name} for the address of its node and correct it under \`bootstrap\`.`
  }),
  refuses: ({ report }) => ({
    code: 'MEMBER_REFUSES',
    text: `${report.name} answers and refuses: in its ledger this node is no member.`,
    act: `If this node joined just now, wait until ${report.name} has caught up. Otherwise this node was removed: see \`vitalchain member list\` at another hospital.`
  }),
  down: member => ({
    code: 'MEMBER_DOWN',
    text: `The node of ${member.report.name} does not run: its computer answers at ${addresses(member)} and nothing listens there; ${since(member)}.`,
    act: member.wasLinked
      ? `Ask ${member.report.name} to start its node, and to look into its log for why it stopped.`
      : `Ask ${member.report.name} whether its node runs and whether address and port are right.`
  }),
  'no-answer': member => ({
    code: 'MEMBER_UNREACHABLE',
    text: `${member.report.name} cannot be reached: nothing answers at ${addresses(member)}; ${since(member)}. Its computer is off, or the network or a firewall between drops what is sent.`,
    act: `Ask ${member.report.name} whether its computer runs, then the network operators about the line and the firewall.`
  }),
  silent: member => ({
    code: 'MEMBER_SILENT',
    text: member.report.linked
      ? `${member.report.name} is linked and has said nothing for ${duration(member.report.heardMs ?? 0)}: its node hangs, or its computer is overloaded.`
      : `Something at ${addresses(member)} takes connections for ${member.report.name} and says nothing: the node hangs, or a proxy or firewall stands before it; ${since(member)}.`,
    act: `Ask ${member.report.name} to look at the load and the log of its node, and to restart it if it hangs.`
  }),
  'no-node': member => ({
    code: 'ADDRESS_WRONG',
    text: `What answers at ${addresses(member)} for ${member.report.name} is no node of a ledger.`,
    act: `Ask ${member.report.name} for the address of its node and correct it under \`bootstrap\`.`
  }),
  'no-name': member => ({
    code: 'ADDRESS_WRONG',
    text: `The name in ${addresses(member)}, the address of ${member.report.name}, cannot be resolved.`,
    act: 'Correct the name under `bootstrap`, or ask the network operator about the DNS.'
  }),
  'no-address': ({ report }) => ({
    code: 'ADDRESS_UNKNOWN',
    text: `This node knows no address of ${report.name}, and no other node told one: it was not there since this node started.`,
    act: `Ask ${report.name} to start its node; or add its address under \`bootstrap\`.`
  }),
  connecting: ({ report, failure }) => ({
    code: 'MEMBER_CONNECTING',
    text: `${report.name} answers at its address, and the link is not up${failure === undefined ? '' : ` (${failure})`}.`,
    act: `Wait a minute. If it stays, both operators compare what their logs say about the link.`
  })
}

function offencesText(offences: MemberObservation['offences']): string {
  return (
    listed(Object.entries(offences).map(([offence, count]) => `${offence}: ${count}`)) ||
    'no details'
  )
}

/** Validators that are there and far behind. */
export function checkBehind({ node, network }: Observations): readonly Finding[] {
  if (node === undefined) return []
  const heights = node.members
    .filter(each => absenceOf(each, network) === undefined)
    .map(({ report }) => report.height ?? 0)
  const highest = Math.max(node.height, ...heights)
  return node.members.flatMap(({ report }): readonly Finding[] => {
    const behind = highest - (report.height ?? highest)
    if (behind < BEHIND_BLOCKS) return []
    const blocks = counted(behind, 'block')
    if (report.self)
      return [
        {
          code: 'NODE_BEHIND',
          severity: 'note',
          text: `This node is ${blocks} behind the others and catches up.`,
          act: 'Wait. If the height does not grow, look for `catch-up` in the log.'
        }
      ]
    return [
      {
        code: 'MEMBER_BEHIND',
        severity: 'note',
        subject: report.name,
        text: `${report.name} is ${blocks} behind: until it has caught up its vote does not count.`,
        act: `Wait. If it stays, ask ${report.name} about its disk and its log.`
      }
    ]
  })
}
