import { PATIENCE_MS, quorumOf } from './check-members.ts'
import type { NodeObservation, Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { counted, duration, listed } from './wording.ts'

/** A block is late after so long with a quorum there, ms: several views. */
const STALLED_MS = 30_000

/** What is wrong with this node itself. */
export function checkOwn(seen: Observations): readonly Finding[] {
  const { node } = seen
  if (node === undefined) return []
  return [
    ...checkMembership(node),
    ...checkVotes(node),
    ...checkProgress(node, seen),
    ...checkAlone(node),
    ...checkLedger(node)
  ]
}

const OUTSIDE: Readonly<Partial<Record<NodeObservation['membership'], Finding>>> = {
  waiting: {
    code: 'NOT_APPROVED',
    severity: 'warning',
    text: 'This node is no member yet: it follows once a quorum of the members has approved it.',
    act: 'Ask the members to approve it (`vitalchain member approve`). A node that only follows by choice needs nothing.'
  },
  approved: {
    code: 'NOT_READY',
    severity: 'warning',
    text: 'This node is approved as a member and does not vote before its operator says that it is ready.',
    act: 'When it has caught up: `vitalchain member ready --data-dir DIR`.'
  },
  replaced: {
    code: 'KEYS_REPLACED',
    severity: 'critical',
    text: 'The keys of this node were replaced: another node votes for the member, and this one follows no more.',
    act: 'Stop this node. Its directory is of no use any more, except to prove what it was.'
  },
  removed: {
    code: 'REMOVED',
    severity: 'critical',
    text: 'The members removed this node: it does not vote and gets no more blocks.',
    act: 'Ask the other members why. To come back it is proposed and approved anew.'
  },
  refused: {
    code: 'REFUSED',
    severity: 'critical',
    text: 'More members than can be faulty refuse this node: by their ledgers it is no member any more.',
    act: 'See `vitalchain member list` at another hospital. If it is a member there, ask why they refuse it; otherwise stop this node.'
  }
}

function checkMembership({ membership, members, upMs }: NodeObservation): readonly Finding[] {
  const isAlone = !members.some(({ report }) => !report.self && report.linked)
  if (membership === 'follower' && isAlone && upMs >= PATIENCE_MS)
    return [
      {
        code: 'FOLLOWS_NOBODY',
        severity: 'warning',
        text: 'This node is to follow, and no member lets it.',
        act: "Put its PeerId under `followers` in the settings of a member's node, restart that one, and compare the addresses under `bootstrap`."
      }
    ]
  const finding = OUTSIDE[membership]
  return finding === undefined ? [] : [finding]
}

function checkVotes(node: NodeObservation): readonly Finding[] {
  const { votes, votesWait, membership, upMs } = node
  if (votes || membership !== 'member') return []
  const finding = { code: 'VOTES_NOT', severity: 'warning' } as const
  if (node.signerMissing)
    return [
      {
        ...finding,
        code: 'SIGNER_MISSING',
        text: 'This node does not vote: the process that holds its consensus key is not reached.',
        act: 'Start `vitalchain signer`, and compare its socket with `signer` in the configuration.'
      }
    ]
  if (votesWait?.why === 'height')
    return [
      {
        ...finding,
        severity: 'note',
        text: `Votes of this node's key are missing here (a new or restored directory). It votes again by itself at height ${votesWait.height}.`,
        act: 'Wait; do not use --i-accept-double-sign-risk.'
      }
    ]
  if (votesWait?.why === 'answers') {
    const { needed, answered, silent } = votesWait
    return [
      {
        ...finding,
        text: `This node does not vote: votes of its key are missing here, and before it votes again ${needed} others must tell what they heard from it. ${answered.length} did; ${listed(silent) || 'nobody'} did not.`,
        act: 'Bring the silent hospitals back. Only if all lost their votes at once: `vitalchain help start`, --i-accept-double-sign-risk, at one hospital after the other.'
      }
    ]
  }
  if (upMs < PATIENCE_MS) return []
  return [
    {
      ...finding,
      severity: 'note',
      text: 'This node follows and does not vote: it holds no consensus key of a validator, or waits for the others to tell what they heard from it.',
      act: 'Nothing, if it is meant to follow. Otherwise look for `votes` in its log.'
    }
  ]
}

function checkProgress(node: NodeObservation, seen: Observations): readonly Finding[] {
  const { waiting, stalledMs = 0, height, view } = node
  const { reachable, needed } = quorumOf(seen)
  if (waiting === 0 || stalledMs < STALLED_MS || reachable < needed) return []
  return [
    {
      code: 'STALLED',
      severity: 'critical',
      text: `A quorum is linked, and yet nothing was committed for ${duration(stalledMs)} although ${counted(waiting, 'transaction')} wait (height ${height + 1}, view ${view}).`,
      act: 'Run the doctor at each hospital: another may see what this one cannot. Keep the logs. Do not restart several nodes at once.'
    }
  ]
}

function checkAlone({ peers, members, upMs }: NodeObservation): readonly Finding[] {
  if (peers > 0 || members.length < 2 || upMs < PATIENCE_MS) return []
  return [
    {
      code: 'NO_PEERS',
      severity: 'critical',
      text: 'This node has no connection with anybody.',
      act: 'Check the network cable, the VPN and the firewall of this computer, and the addresses under `bootstrap`.'
    }
  ]
}

function checkLedger(node: NodeObservation): readonly Finding[] {
  const { payloadsMissing, checkpointFault, changes, flooders, restored } = node
  const findings: Finding[] = []
  if (payloadsMissing > 0)
    findings.push({
      code: 'PAYLOADS_MISSING',
      severity: 'note',
      text: `${payloadsMissing >= 64 ? '64 or more payloads' : counted(payloadsMissing, 'payload')} of committed readings are not here yet; the node fetches them from the others.`,
      act: 'Wait. If the number does not fall, the hospitals that hold them are not linked.'
    })
  if (checkpointFault !== undefined)
    findings.push({
      code: 'CHECKPOINT_FAULT',
      severity: checkpointFault === 'ERR_CHECKPOINT_SPLIT' ? 'critical' : 'warning',
      text: `Checkpoints are not as they should be: ${checkpointFault}.`,
      act: 'See docs/guides/members.md, "When something is wrong". Keep the logs; a person must look.'
    })
  for (const { type, subject, approvals, needed, approved } of changes)
    findings.push({
      code: 'CHANGE_WAITS',
      severity: 'note',
      subject,
      text: approved
        ? `The change of members "${type} ${subject}" is approved and waits for its node to say ready.`
        : `The change of members "${type} ${subject}" has ${approvals} of ${needed} approvals.`,
      act: approved
        ? 'Its operator runs `vitalchain member ready` once its node has caught up.'
        : 'See `vitalchain member list`, then approve it or leave it.'
    })
  for (const { name, refused } of flooders)
    findings.push({
      code: 'DEVICE_FLOOD',
      severity: 'warning',
      subject: name,
      text: `Devices of ${name} send more than they may: ${counted(refused, 'transaction')} were refused in the last minute. The others are served as before.`,
      act: `Ask ${name} which device it is; its own node counts it. A device that cannot be stopped is revoked by its owner.`
    })
  if (restored !== undefined) findings.push({ code: 'RESTORED', ...restored })
  return findings
}
