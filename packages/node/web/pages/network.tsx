import type { JSX } from 'preact'
import type { Diagnosis, NodeStatus, ReportsJson } from '../answers.ts'
import { count } from '../format.ts'
import { useAsked } from '../hooks.ts'
import { Charts } from '../parts/charts.tsx'
import { LiveTransactions } from '../parts/live-transactions.tsx'
import { MembersTable } from '../parts/members-table.tsx'
import { NetworkMap } from '../parts/network-map.tsx'
import { Answer, Badge, Card, Hash, Tile } from '../parts/parts.tsx'
import { to } from '../router.ts'
import { DIAGNOSIS_MS, toneOf } from './diagnosis.tsx'

/** How often the hospitals and the numbers are asked for, ms. */
const NETWORK_MS = 2_000

/** The network as this node sees it. */
export function NetworkPage(): JSX.Element {
  const status = useAsked<NodeStatus>('/v1/status', NETWORK_MS)
  const reports = useAsked<ReportsJson>('/v1/members/reports', NETWORK_MS)
  const diagnosis = useAsked<Diagnosis>('/v1/diagnosis', DIAGNOSIS_MS)
  return (
    <>
      <h1>Network</h1>
      {diagnosis.data !== undefined && (
        <p class={`summary ${toneOf(diagnosis.data)}`} role="status">
          <Badge tone={toneOf(diagnosis.data)}>
            {diagnosis.data.healthy ? 'healthy' : 'somebody has to act'}
          </Badge>{' '}
          {diagnosis.data.summary}{' '}
          {!diagnosis.data.healthy && <a href={to('diagnosis')}>What to do</a>}
        </p>
      )}
      <Answer asked={status}>
        {data => (
          <dl class="tiles">
            <Tile name="Height">{count(data.height)}</Tile>
            <Tile name="View">{data.view}</Tile>
            <Tile name="Leader">{data.leader ?? '–'}</Tile>
            <Tile name="Transactions">{count(data.transactions)}</Tile>
            <Tile name="Waiting">{count(data.waiting)}</Tile>
            <Tile name="Device sessions">{count(data.deviceSessions)}</Tile>
            <Tile name="This node">
              <Badge tone={data.votes ? 'ok' : 'plain'}>
                {data.votes ? 'votes' : `${data.membership}, does not vote`}
              </Badge>
            </Tile>
            <Tile name="Network id">
              <Hash hex={data.network} />
            </Tile>
          </dl>
        )}
      </Answer>
      <div class="columns">
        <Card title="Map">
          <Answer asked={reports}>{({ members }) => <NetworkMap members={members} />}</Answer>
        </Card>
        <Charts />
      </div>
      <Card title="Hospitals">
        <Answer asked={reports}>{({ members }) => <MembersTable members={members} />}</Answer>
      </Card>
      <LiveTransactions />
    </>
  )
}
