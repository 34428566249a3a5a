import type { NodeObservation, Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { listed } from './wording.ts'

/** Members whose software knows another protocol version than this node's. */
export function checkVersions({ node }: Observations): readonly Finding[] {
  if (node === undefined) return []
  const others = node.members.flatMap(({ report }) =>
    report.self || report.version === undefined || report.version === node.version
      ? []
      : [{ name: report.name, version: report.version }]
  )
  const newer = others.filter(({ version }) => version > node.version)
  const older = others.filter(({ version }) => version < node.version)
  const findings: Finding[] = [...activated(node)]
  if (newer.length > 0)
    findings.push({
      code: 'VERSION_OLD',
      severity: 'warning',
      text: `This node knows protocol version ${node.version}; ${newer.map(({ name, version }) => `${name} knows ${version}`).join(', ')}. Once the members activate a version that this node does not know, it stops before it votes.`,
      act: 'Upgrade the software of this node before the members vote on the newer version; restart it, one hospital at a time.'
    })
  if (older.length > 0)
    findings.push({
      code: 'VERSION_OTHER',
      severity: 'warning',
      subject: listed(older.map(({ name }) => name)),
      text: `This node knows protocol version ${node.version}; ${older.map(({ name, version }) => `${name} knows ${version}`).join(', ')} only. A newer version must not be activated before all have it.`,
      act: `Ask ${listed(older.map(({ name }) => name))} to upgrade.`
    })
  return findings
}

/** A version that is decided and that this node does not know. */
function activated({ version, nextProtocol, height }: NodeObservation): readonly Finding[] {
  if (nextProtocol === undefined || nextProtocol.version <= version) return []
  return [
    {
      code: 'VERSION_ENDS',
      severity: 'critical',
      text: `The members activated protocol version ${nextProtocol.version} from block ${nextProtocol.height} on, and this node knows version ${version} only: it stops after block ${nextProtocol.height - 1}; the newest is ${height}.`,
      act: 'Install the version of the software that knows it, and restart this node before that block.'
    }
  ]
}
