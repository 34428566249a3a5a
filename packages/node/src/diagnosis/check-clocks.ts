import type { NodeObservation, Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { duration, listed } from './wording.ts'

/** Clocks that differ by less are not worth a word, ms: a busy node's status is late by more than a good clock is wrong. */
const TOLERANCE_MIN_MS = 1_000

/** So many others must agree that this node's clock is the wrong one. */
const WITNESSES_MIN = 2

/** Whose clock is wrong: that of one member, or the own one when most others agree with each other. */
export function checkClocks({ node }: Observations): readonly Finding[] {
  if (node === undefined) return []
  const tolerance = Math.max(TOLERANCE_MIN_MS, node.clockPrecisionMs)
  const told = node.members.flatMap(({ report }) =>
    report.self || report.clockSkewMs === undefined
      ? []
      : [{ name: report.name, skew: report.clockSkewMs }]
  )
  const middle = median(told.map(({ skew }) => skew))
  const own = told.length >= WITNESSES_MIN && Math.abs(middle) > tolerance ? -middle : 0
  const findings: Finding[] = []
  if (own !== 0)
    findings.push({
      code: 'CLOCK_OWN',
      severity: 'warning',
      text: `The clock of this node's computer is ${direction(own)} by ${duration(own)}, by the clocks of ${listed(agreeing(told, middle, tolerance))}. The node votes, but the others refuse blocks that it proposes, and it gives its devices a wrong time.`,
      act: SET_CLOCK
    })
  for (const { name, skew } of told) {
    const off = skew + own
    if (Math.abs(off) <= tolerance) continue
    findings.push({
      code: 'CLOCK_OTHER',
      severity: 'warning',
      subject: name,
      text: `The clock of ${name} is ${direction(off)} by ${duration(off)}. It votes, but the others refuse blocks that it proposes, and each turn of its costs a view.`,
      act: `Tell the operator of ${name}: ${SET_CLOCK}`
    })
  }
  return findings.concat(checkTimes(node, findings.length > 0))
}

const SET_CLOCK =
  'Switch on time synchronisation (NTP: `timedatectl set-ntp true`, or chrony) on that computer. The node need not be restarted.'

function direction(skew: number): string {
  return skew > 0 ? 'ahead' : 'behind'
}

function agreeing(
  told: readonly { readonly name: string; readonly skew: number }[],
  middle: number,
  tolerance: number
): readonly string[] {
  return told.flatMap(({ name, skew }) => (Math.abs(skew - middle) <= tolerance ? name : []))
}

/** Blocks that were refused for their time although no clock stands out. */
function checkTimes({ members }: NodeObservation, isExplained: boolean): readonly Finding[] {
  if (isExplained) return []
  return members.flatMap(({ report, conduct }): readonly Finding[] =>
    conduct.invalidBlocks > 0 && conduct.invalidCode === 'ERR_BLOCK_TIME'
      ? [
          {
            code: 'BLOCK_TIME',
            severity: 'note',
            subject: report.name,
            text: `A block of ${report.name} was refused for its time: its clock or this one jumps, or the line was slow for a while.`,
            act: 'If it comes again, look at the time synchronisation of both computers.'
          }
        ]
      : []
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  // The lower one of two: of two witnesses that differ the one that accuses less decides.
  const [low = 0, high = low] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)]
  ]
  return Math.abs(low) < Math.abs(high) ? low : high
}
