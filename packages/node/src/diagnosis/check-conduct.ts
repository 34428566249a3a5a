import type { MemberObservation, Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { counted, duration } from './wording.ts'

/** So long a proof of broken rules asks for somebody to act, ms: a week. Afterwards it is remembered. */
const EVIDENCE_FRESH_MS = 7 * 86_400_000

/** Views lost by one leader within the last minutes that are more than bad luck. */
const LOST_VIEWS_MIN = 3

/** Refusals that say something about a clock or about this node, and nothing about the leader's honesty. */
const NO_LIE: ReadonlySet<string> = new Set(['ERR_BLOCK_TIME', 'ERR_PAYLOAD_MISSING'])

/** Members that lie, or whose nodes are not sound. */
export function checkConduct({ node, at }: Observations): readonly Finding[] {
  return (node?.members ?? []).flatMap(member =>
    member.report.self ? [] : [...lies(member), ...proofs(member, at), ...slow(member)]
  )
}

function lies({ report, conduct, offences }: MemberObservation): readonly Finding[] {
  const { name } = report
  const { invalidBlocks, invalidCode = '' } = conduct
  const findings: Finding[] = []
  if (invalidBlocks > 0 && !NO_LIE.has(invalidCode))
    findings.push({
      code: 'LEADER_LIES',
      severity: 'warning',
      subject: name,
      text: `${name} proposed ${counted(invalidBlocks, 'invalid block')} in the last minutes (${invalidCode}): its node lies, or its software or its state is damaged. The others refused ${invalidBlocks === 1 ? 'it' : 'them'}, and the next leader went on.`,
      act: `${TELL(name)} Up to one third of the validators may do this without harm to what is committed.`
    })
  const wrong = (offences.signature ?? 0) + (offences.proof ?? 0)
  if (wrong > 0 && !report.banned)
    findings.push({
      code: 'MEMBER_MISBEHAVES',
      severity: 'warning',
      subject: name,
      text: `${name} sent ${counted(wrong, 'message')} with signatures or proofs that do not hold, which were dropped.`,
      act: TELL(name)
    })
  const broken = (offences.malformed ?? 0) + (offences.oversize ?? 0)
  if (broken > 0 && !report.banned)
    findings.push({
      code: 'MEMBER_MALFORMED',
      severity: 'warning',
      subject: name,
      text: `${name} sent ${counted(broken, 'message')} that this node cannot read, which were dropped: it runs other software, or something on the line changes what is sent.`,
      act: `Compare the versions: \`vitalchain --version\` at ${name} and here.`
    })
  return findings
}

const TELL = (name: string): string =>
  `Call ${name} by a number that you know: its keys may be in other hands. If it cannot explain this, the other hospitals vote it out or have its keys replaced (\`vitalchain member\`).`

function proofs({ report, evidence }: MemberObservation, at: number): readonly Finding[] {
  if (evidence === undefined) return []
  const { count, kind, height, recordedAt } = evidence
  const age = at - recordedAt
  return [
    {
      code: 'EVIDENCE',
      severity: age < EVIDENCE_FRESH_MS ? 'warning' : 'note',
      subject: report.name,
      text: `${counted(count, 'proof')} that the validator of ${report.name} broke the rules of consensus ${count === 1 ? 'stands' : 'stand'} on the ledger (${kind} at height ${height}, recorded ${duration(age)} ago): it signed what contradicts what it signed before.`,
      act: `${TELL(report.name)} If it restored a copy of its node or ran its key twice, it must stop one of the two first.`
    }
  ]
}

function slow({ report, conduct }: MemberObservation): readonly Finding[] {
  if (!report.linked || conduct.lostViews < LOST_VIEWS_MIN || conduct.invalidBlocks > 0) return []
  return [
    {
      code: 'LEADER_SLOW',
      severity: 'warning',
      subject: report.name,
      text: `${report.name} is linked and let ${counted(conduct.lostViews, 'turn')} as leader run out of time in the last minutes: its node is overloaded, its line is slow, or it holds back what it should propose.`,
      act: `Ask ${report.name} about the load, the disk and the line of its node.`
    }
  ]
}
