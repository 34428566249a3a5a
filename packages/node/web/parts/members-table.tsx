import type { ComponentChildren, JSX } from 'preact'
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
      rows={members.map(each => {
        const [tone, word] = stateOf(each)
        const of = (value: number | undefined, show: (value: number) => ComponentChildren) =>
          value === undefined || each.self ? '–' : show(value)
        return {
          key: each.member,
          cells: [
            each.name,
            <Badge tone={tone}>{word}</Badge>,
            each.height ?? '–',
            each.view ?? '–',
            of(each.roundTripMs, duration),
            of(each.clockSkewMs, ms =>
              isSkewed(each) ? <Badge tone="warn">{signed(ms)}</Badge> : signed(ms)
            ),
            of(each.heardMs, ms => `${duration(ms)} ago`),
            each.version ?? '–'
          ]
        }
      })}
    />
  )
}
