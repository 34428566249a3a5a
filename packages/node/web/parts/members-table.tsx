import type { JSX } from 'preact'
import type { MemberReport } from '../answers.ts'
import { duration, signed } from '../format.ts'
import { Badge, Table, type Tone } from './parts.tsx'

/** A clock that is further off than this is told: proposals of such a node are refused about here, ms. */
const SKEW_MS_WARN = 500

/** How a hospital is, in a word. */
export function stateOf({
  self,
  linked,
  banned,
  validator
}: MemberReport): readonly [Tone, string] {
  if (banned) return ['bad', 'kept out']
  if (self) return ['ok', 'this node']
  if (!linked) return ['bad', 'not reached']
  return validator ? ['ok', 'reached'] : ['plain', 'reached, no vote']
}

/** Whether a clock is off by what matters. */
export function isSkewed({ clockSkewMs }: MemberReport): boolean {
  return clockSkewMs !== undefined && Math.abs(clockSkewMs) > SKEW_MS_WARN
}

/** The hospitals in rows: what the map shows, for who reads it as text. */
export function MembersTable({
  members
}: {
  readonly members: readonly MemberReport[]
}): JSX.Element {
  return (
    <Table
      caption="Hospitals as this node sees them"
      head={['Hospital', 'State', 'Height', 'View', 'Round trip', 'Clock', 'Heard', 'Protocol']}
    >
      {members.map(each => {
        const [tone, word] = stateOf(each)
        return (
          <tr key={each.member}>
            <th scope="row">{each.name}</th>
            <td>
              <Badge tone={tone}>{word}</Badge>
            </td>
            <td class="number">{each.height ?? '–'}</td>
            <td class="number">{each.view ?? '–'}</td>
            <td class="number">
              {each.roundTripMs === undefined || each.self ? '–' : duration(each.roundTripMs)}
            </td>
            <td class="number">
              {each.clockSkewMs === undefined || each.self ? (
                '–'
              ) : isSkewed(each) ? (
                <Badge tone="warn">{signed(each.clockSkewMs)}</Badge>
              ) : (
                signed(each.clockSkewMs)
              )}
            </td>
            <td class="number">
              {each.heardMs === undefined || each.self ? '–' : `${duration(each.heardMs)} ago`}
            </td>
            <td class="number">{each.version ?? '–'}</td>
          </tr>
        )
      })}
    </Table>
  )
}
