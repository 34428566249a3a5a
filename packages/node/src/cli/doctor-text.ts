import type { Diagnosis, Finding, MemberReport, QuorumReport } from '../diagnosis/types.ts'
import { duration } from '../diagnosis/wording.ts'
import { printable } from './io.ts'

/** Characters of a line of text, without its indent. */
const WIDTH = 100

const HEADS: readonly string[] = [
  'member',
  'height',
  'view',
  'link',
  'clock',
  'round trip',
  'heard'
]

/** A diagnosis for people: what is wrong and what to do, the worst first, then the members. */
export function diagnosisLines({
  healthy,
  summary,
  findings,
  members,
  quorum
}: Diagnosis): readonly string[] {
  return [
    ...wrapped(healthy ? summary : 'Something is wrong. The worst comes first.', ''),
    ...findings.flatMap(findingLines),
    ...(members.length === 0
      ? []
      : ['', ...table([HEADS, ...members.map(memberCells)]), '', quorumLine(quorum, members)])
  ]
}

/** Who does not vote, such as a follower, needs no quorum of its own links. */
function quorumLine(
  { needed, validators, reachable }: QuorumReport,
  members: readonly MemberReport[]
): string {
  return members.some(({ self, validator }) => self && validator)
    ? `quorum: ${needed} of ${validators} validators are needed, ${reachable} are reached`
    : `quorum: ${needed} of ${validators} validators decide; this node is none of them, and is linked with ${reachable}`
}

function findingLines({ code, severity, subject, text, act }: Finding): readonly string[] {
  return [
    '',
    `${severity}: ${code}${subject === undefined ? '' : ` (${printable(subject)})`}`,
    ...wrapped(text, '  '),
    ...wrapped(`What to do: ${act}`, '  ')
  ]
}

function memberCells(report: MemberReport): readonly string[] {
  const { name, self, validator, linked, banned, height, view } = report
  const role = self ? ' (this node)' : validator ? '' : ' (no validator)'
  const link = self ? '' : banned ? 'kept out' : linked ? 'up' : 'down'
  const told = (value: number | undefined, text: (value: number) => string): string =>
    self ? '' : value === undefined ? '?' : text(value)
  return [
    `${name}${role}`,
    height === undefined ? '?' : `${height}`,
    view === undefined ? '?' : `${view}`,
    link,
    told(report.clockSkewMs, skew => `${skew < 0 ? '-' : '+'}${duration(skew)}`),
    told(report.roundTripMs, duration),
    told(report.heardMs, heard => `${duration(heard)} ago`)
  ].map(printable)
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADS.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  )
}

function wrapped(text: string, indent: string): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(`${indent}${line}`)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, `${indent}${line}`]
}
