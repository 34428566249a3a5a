import type { JsonReader } from './json-file.ts'

/** Hexadecimal digits of an identifier or key that people are shown. */
const SHORT = 12

/** The members and open changes of a `GET /v1/members`, for people. */
export function membersText(report: JsonReader): readonly string[] {
  const count = report.field('validators').integer()
  const summary =
    `${count} validators at height ${report.field('height').integer()}: ${report.field('quorum').integer()} votes decide, ` +
    `${report.field('faults').integer()} may be faulty. This node: ${report.field('membership').text()}.`
  const members = report
    .field('members')
    .list()
    .map(each => [
      each.field('name').text(),
      short(each.field('id').text()),
      short(each.field('consensusKey').text()),
      each.field('self').boolean()
        ? 'this node'
        : each.field('linked').boolean()
          ? 'up'
          : 'no link',
      String(each.field('evidence').integer()),
      String(each.field('overrides').integer())
    ])
  const changes = report.field('changes').list()
  return [
    summary,
    '',
    ...columns([['member', 'id', 'consensus key', 'link', 'evidence', 'overrides'], ...members]),
    '',
    ...(changes.length === 0 ? ['No change is open.'] : ['Open changes:']),
    ...changes.flatMap(changeText),
    '',
    ...protocolText(report)
  ]
}

/** Which protocol version holds, which one will, and who votes for which. */
export function protocolText(report: JsonReader): readonly string[] {
  const protocol = report.field('protocol')
  const next = protocol.optional('next')
  const votes = protocol.field('votes').list()
  return [
    `Protocol version ${protocol.field('version').integer()}` +
      (next === undefined
        ? '.'
        : `; version ${next.field('version').integer()} from block ${next.field('height').integer()} on.`),
    ...votes.map(
      vote =>
        `  ${vote.field('member').text()} votes for version ${vote.field('version').integer()} from block ${vote.field('height').integer()} on`
    )
  ]
}

/** An open change, for people: whoever approves it should compare the keys with those the newcomer told. */
export function changeText(change: JsonReader): readonly string[] {
  const id = short(change.field('id').text())
  const approvals = change
    .field('approvals')
    .list()
    .map(each => each.text())
  const state =
    change.field('status').text() === 'approved'
      ? 'approved, waits until its node is ready'
      : `${approvals.length} of ${change.field('needed').integer()} approvals`
  const keys = change.optional('keys')
  return [
    `  ${id}  ${change.field('type').text()} ${change.field('name').text()}: ${state} (${approvals.join(', ')})` +
      (change.field('forced').boolean() ? ', forced' : ''),
    ...(keys === undefined
      ? []
      : [
          `    operator ${short(keys.field('operatorKey').field('key').text())}, consensus ${short(keys.field('consensusKey').text())}, ` +
            `checkpoint ${short(keys.field('checkpointKey').text())}, transport ${short(keys.field('transportKey').text())}`
        ])
  ]
}

/** What a change would do, for people. */
export function previewText(preview: JsonReader): readonly string[] {
  const strength = (name: string, key: string): number => preview.field(name).field(key).integer()
  const line = (what: string, key: string): string[] => [
    what,
    String(strength('before', key)),
    String(strength('after', key))
  ]
  const away = preview
    .field('away')
    .list()
    .map(each => each.text())
  return [
    ...columns([
      ['', 'now', 'then'],
      line('validators', 'validators'),
      line('votes that decide', 'quorum'),
      line('may be faulty', 'faults')
    ]),
    ...(away.length === 0 ? [] : [`This node does not reach: ${away.join(', ')}.`]),
    ...preview
      .field('warnings')
      .list()
      .map(each => `warning: ${each.field('message').text()}`),
    ...preview
      .field('refusals')
      .list()
      .map(
        each =>
          `refused${each.field('forcible').boolean() ? ' unless forced' : ''}: ` +
          `${each.field('message').text()} (${each.field('code').text()})`
      )
  ]
}

/** An identifier as people are shown it; as much of it is enough to name a change. */
export function short(hex: string): string {
  return hex.slice(0, SHORT)
}

/** Rows of a table with its columns below each other. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, k) => Math.max(...rows.map(row => row[k]?.length ?? 0))) ?? []
  return rows.map(row =>
    `  ${row.map((cell, k) => cell.padEnd(widths[k] ?? 0)).join('  ')}`.trimEnd()
  )
}
