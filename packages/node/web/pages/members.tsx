import type { JSX } from 'preact'
import type { MembersReport } from '../answers.ts'
import { useAsked } from '../hooks.ts'
import { Answer, Badge, Card, FullHash, Hash, Notice, Pairs, Table, Time } from '../parts/parts.tsx'

/** How often the members are asked for, ms: they change by votes of people. */
const MEMBERS_MS = 10_000

type Change = MembersReport['changes'][number]

/** What becomes of a member; of another kind of change the name says it. */
const TITLES: Readonly<Partial<Record<string, string>>> = {
  add: 'to join',
  remove: 'to leave',
  replace: 'to change its keys'
}

/** Who is a member, and what is to become of the members. */
export function MembersPage(): JSX.Element {
  const asked = useAsked<MembersReport>('/v1/members', MEMBERS_MS)
  return (
    <>
      <h1>Members</h1>
      <Answer asked={asked}>
        {report => (
          <>
            <p>
              {report.validators} hospitals vote; {report.quorum} votes decide; {report.faults} of
              them may fail in any way, lying included.
            </p>
            <Card title="Open votes">
              {report.changes.length === 0 && <Notice>No change of the members is open.</Notice>}
              <ul class="findings">
                {report.changes.map(change => (
                  <li key={change.id}>
                    <OpenVote change={change} />
                  </li>
                ))}
              </ul>
            </Card>
            <ProtocolCard protocol={report.protocol} quorum={report.quorum} />
            <Card title="Hospitals">
              <Table
                caption="Members of the network"
                head={[
                  'Hospital',
                  'Link',
                  'Evidence',
                  'Overrides',
                  'Identifier',
                  'Consensus key',
                  'Checkpoint key'
                ]}
                rows={report.members.map(each => ({
                  key: each.id,
                  cells: [
                    each.name,
                    <LinkBadge self={each.self} linked={each.linked} />,
                    each.evidence === 0 ? '0' : <Badge tone="bad">{each.evidence}</Badge>,
                    each.overrides === 0 ? '0' : <Badge tone="warn">{each.overrides}</Badge>,
                    <Hash hex={each.id} />,
                    <Hash hex={each.consensusKey} />,
                    <Hash hex={each.checkpointKey} />
                  ]
                }))}
              />
              <p class="muted">
                Evidence: proofs on the ledger that a hospital's key broke the rules. Overrides: how
                often it voted again without its record of earlier votes.
              </p>
            </Card>
          </>
        )}
      </Answer>
    </>
  )
}

function LinkBadge({
  self,
  linked
}: {
  readonly self: boolean
  readonly linked: boolean
}): JSX.Element {
  if (self) return <Badge tone="ok">this node</Badge>
  return <Badge tone={linked ? 'ok' : 'bad'}>{linked ? 'linked' : 'no link'}</Badge>
}

function ProtocolCard({
  protocol: { version, next, votes },
  quorum
}: Pick<MembersReport, 'protocol' | 'quorum'>): JSX.Element {
  return (
    <Card title="Protocol">
      <p>
        Version {version} is in force.{' '}
        {next !== undefined && (
          <Badge tone="warn">
            version {next.version} from block {next.height} on
          </Badge>
        )}
      </p>
      {next !== undefined && (
        <p>
          A node that does not know version {next.version} stops before that block: update it first.
        </p>
      )}
      {votes.length > 0 && (
        <p>
          Votes, of which {quorum} equal ones decide:{' '}
          {votes
            .map(
              ({ member, ...vote }) =>
                `${member} for version ${vote.version} from block ${vote.height} on`
            )
            .join('; ')}
        </p>
      )}
    </Card>
  )
}

function OpenVote({ change }: { readonly change: Change }): JSX.Element {
  const { preview, approvals, needed, status, keys } = change
  return (
    <article class="vote">
      <h3>
        {change.name} {TITLES[change.type] ?? change.type}{' '}
        <Badge tone={status === 'approved' ? 'ok' : 'plain'}>
          {status === 'approved'
            ? 'approved, waits for READY'
            : `${approvals.length} of ${needed} approvals`}
        </Badge>
        {change.forced && <Badge tone="warn">forced</Badge>}
      </h3>
      <p>
        <progress max={needed} value={Math.min(needed, approvals.length)} aria-label="Approvals" />{' '}
        approved by {approvals.join(', ')}
      </p>
      <p>
        It would make {preview.after.validators} hospitals of {preview.before.validators}:{' '}
        {preview.after.quorum} votes would decide instead of {preview.before.quorum}, and{' '}
        {preview.after.faults} may fail instead of {preview.before.faults}.
      </p>
      {preview.refusals.map(({ code, message, forcible }) => (
        <Notice key={code} tone="bad">
          {message} <code>{code}</code>
          {forcible ? ' It was forced, or has to be.' : ''}
        </Notice>
      ))}
      {preview.warnings.map(({ code, message }) => (
        <Notice key={code} tone="warn">
          {message}
        </Notice>
      ))}
      <Pairs
        of={[
          ['Proposed by', `${change.proposer}, at height ${change.proposedHeight}`],
          ['Void from', <Time ms={change.expires} />],
          ['Change', <FullHash hex={change.id} />],
          ...(keys === undefined
            ? []
            : ([
                ['Consensus key', <FullHash hex={keys.consensusKey} />],
                ['Operator key', <FullHash hex={keys.operatorKey.key} />]
              ] as const))
        ]}
      />
      {status === 'proposed' && (
        <p>
          Compare the keys with the hospital by another way, then approve on the machine of your
          node: <code>vitalchain member approve {change.id}</code>
        </p>
      )}
    </article>
  )
}
