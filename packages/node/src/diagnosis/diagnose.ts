import { checkAddresses } from './check-addresses.ts'
import { checkClocks } from './check-clocks.ts'
import { checkConduct } from './check-conduct.ts'
import { checkGenesis } from './check-genesis.ts'
import { checkMachine } from './check-machine.ts'
import { checkBehind, checkMembers, PATIENCE_MS, quorumOf } from './check-members.ts'
import { checkOwn } from './check-own.ts'
import { checkStart } from './check-start.ts'
import { checkVersions } from './check-versions.ts'
import type { Observations } from './observations.ts'
import type { Diagnosis, Finding, Severity } from './types.ts'

/** One question, asked of what was observed. The same observations give the same findings. */
type Check = (seen: Observations) => readonly Finding[]

/** All of them. Among findings of one severity the earlier check comes first: causes before what follows of them. */
const CHECKS: readonly Check[] = [
  checkMachine,
  checkStart,
  checkGenesis,
  checkMembers,
  checkClocks,
  checkConduct,
  checkVersions,
  checkOwn,
  checkAddresses,
  checkBehind
]

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, note: 2 }

/** Says what is wrong, the worst first, and what to do. No I/O and no clock: a function of what was observed. */
export function diagnose(seen: Observations): Diagnosis {
  const findings = CHECKS.flatMap(check => check(seen)).toSorted(
    (a, b) => RANK[a.severity] - RANK[b.severity]
  )
  const healthy = findings.every(({ severity }) => severity === 'note')
  return {
    at: seen.at,
    healthy,
    summary: summaryOf(seen, findings, healthy),
    findings,
    members: (seen.node?.members ?? []).map(({ report }) => report),
    quorum: quorumOf(seen)
  }
}

function summaryOf(seen: Observations, findings: readonly Finding[], healthy: boolean): string {
  const [worst] = findings
  if (!healthy && worst !== undefined) return worst.text
  if (seen.node === undefined)
    return 'Nothing is wrong with this directory; the node is not running.'
  if (seen.node.membership === 'follower')
    return `All is well: this node follows, and has block ${seen.node.height}.`
  const { reachable, validators, needed } = quorumOf(seen)
  if (reachable < needed && seen.node.upMs < PATIENCE_MS)
    return `This node has just started and looks for the others: ${reachable} of ${validators} validators are reached so far.`
  return `All is well: ${reachable} of ${validators} validators are reached, and nothing waits for longer than it should.`
}
