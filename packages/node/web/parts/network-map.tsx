import type { JSX } from 'preact'
import type { MemberReport } from '../answers.ts'
import { duration, signed } from '../format.ts'
import { isSkewed, stateOf } from './members-table.tsx'

const WIDTH = 380
const HEIGHT = 350
const RADIUS_X = 132
const RADIUS_Y = 108

/** Above so many hospitals there is room for their names only. */
const DETAIL_MEMBERS_MAX = 10

interface Placed {
  readonly report: MemberReport
  readonly x: number
  readonly y: number
}

/** The hospitals in a circle, with a line to each that this node has a link with. The table beside it says the same. */
export function NetworkMap({
  members
}: {
  readonly members: readonly MemberReport[]
}): JSX.Element {
  // This node at the top, the others in their order.
  const own = Math.max(
    0,
    members.findIndex(each => each.self)
  )
  const ordered = [...members.slice(own), ...members.slice(0, own)]
  const placed = ordered.map((report, k): Placed => {
    const angle = (2 * Math.PI * k) / members.length - Math.PI / 2
    return {
      report,
      x: WIDTH / 2 + RADIUS_X * Math.cos(angle),
      y: HEIGHT / 2 + RADIUS_Y * Math.sin(angle)
    }
  })
  const self = placed.find(({ report }) => report.self)
  const linked = members.filter(each => each.linked && !each.self).length
  const detailed = members.length <= DETAIL_MEMBERS_MAX
  return (
    <svg
      class="map"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Map of ${members.length} hospitals; this node has a link with ${linked} of the others. The table of hospitals says the same in words.`}
    >
      {self !== undefined &&
        placed
          .filter(({ report }) => !report.self)
          .map(({ report, x, y }) => (
            <g key={report.member}>
              <line
                class={`link ${stateOf(report)[0]}`}
                x1={self.x}
                y1={self.y}
                x2={x}
                y2={y}
                stroke-dasharray={report.linked ? undefined : '4 5'}
              />
              {detailed && report.linked && report.roundTripMs !== undefined && (
                <text class="trip" x={(self.x + 2 * x) / 3} y={(self.y + 2 * y) / 3 - 3}>
                  {duration(report.roundTripMs)}
                </text>
              )}
            </g>
          ))}
      {placed.map(({ report, x, y }) => {
        const [tone, word] = stateOf(report)
        // Where no line leads through.
        const above = y < HEIGHT / 2 - 1
        const name = above ? y - (detailed ? 40 : 16) : y + (detailed ? 32 : 22)
        return (
          <g key={report.member} class={`hospital ${tone}`}>
            <circle
              cx={x}
              cy={y}
              r={detailed ? 17 : 9}
              stroke-dasharray={tone === 'bad' ? '4 3' : undefined}
            />
            {detailed && <path d={`M${x - 7} ${y}h14M${x} ${y - 7}v14`} />}
            <text class="name" x={x} y={name}>
              {report.name}
            </text>
            {detailed && (
              <text class="about" x={x} y={name + 15}>
                {[
                  ...(report.height === undefined ? [word] : [`height ${report.height}`]),
                  ...(report.view !== undefined && report.view > 0 ? [`view ${report.view}`] : []),
                  ...(isSkewed(report) ? [`clock ${signed(report.clockSkewMs ?? 0)}`] : [])
                ].join(', ')}
              </text>
            )}
          </g>
        )
      })}
    </svg>
  )
}
