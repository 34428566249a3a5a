import t from 'tap'
import { createPainter } from '../../src/cli/painter.ts'
import { liveLines, sparkline, type DevGlance } from '../../src/dev/live-view.ts'

const status = { height: 12, view: 0, leader: 'Hospital 2', links: 3, waiting: 1 }
const GLANCE: DevGlance = {
  hospitals: [
    { name: 'Hospital 1', state: 'up', last: status },
    { name: 'Hospital 2', state: 'up', last: status },
    { name: 'Hospital 3', state: 'silent', last: { ...status, height: 9 } },
    { name: 'Hospital 4', state: 'down', last: status }
  ],
  counts: { accepted: 300, committed: 240, batches: 5, proved: 4 },
  readings: 480,
  latency: [81.4, 160],
  history: [0, 60, 120, 60],
  seconds: 7
}

t.test('the view shows where each hospital is, who leads, and what was committed', async t => {
  const lines = liveLines(GLANCE, 120)
  t.match(lines.join('\n'), /^ {2}Hospital 1 +up +12 +0 +3 +1$/m)
  t.match(lines.join('\n'), /^\* Hospital 2 /m)
  t.match(lines.join('\n'), /^ {2}Hospital 3 +silent +9 /m)
  t.match(lines.join('\n'), /^ {2}Hospital 4 +down +- +- +- +-$/m)
  t.match(lines.join('\n'), /240 committed of 480, 60 a second/)
  t.match(lines.join('\n'), /81 ms median, 160 ms of 99 %/)
  t.match(lines.join('\n'), /\[#{20}\.{20}\] 50 %/)
  t.ok(
    liveLines(GLANCE, 30).every(line => line.length < 30),
    'no line breaks'
  )
})

t.test('a row of bars is scaled to its highest figure', async t => {
  t.equal(sparkline([0, 60, 120, 60]), '▁▅█▅')
  t.equal(sparkline([0, 0]), '▁▁')
})

/** A terminal that knows the two sequences that the painter writes. */
function terminal(): { write: (text: string) => void; lines: () => readonly string[] } {
  const escape = String.fromCodePoint(27)
  const parts = new RegExp(`${escape}\\[\\d+[FJ]|\\r|\\n|[^${escape}\\r\\n]+`, 'g')
  const rows: string[] = ['']
  let row = 0
  return {
    write(text) {
      for (const [part] of text.matchAll(parts)) {
        if (part === '\n') {
          row++
          rows[row] ??= ''
        } else if (part.endsWith('F') && part.startsWith(escape))
          row -= Number(/\d+/.exec(part)?.[0])
        else if (part.endsWith('J') && part.startsWith(escape)) rows.splice(row, rows.length, '')
        else if (part !== '\r') rows[row] += part
      }
    },
    lines: () => rows
  }
}

t.test('the block stays below what is written, and goes without a trace', async t => {
  const screen = terminal()
  const painter = createPainter(screen.write)
  const say = (line: string): void => painter.above(() => screen.write(`${line}\n`))
  say('one')
  painter.paint(['a', 'b'])
  say('two')
  painter.paint(['c', 'd', 'e'])
  t.same(screen.lines(), ['one', 'two', 'c', 'd', 'e', ''])
  painter.paint(['f'])
  say('three')
  t.same(screen.lines(), ['one', 'two', 'three', 'f', ''])
  painter.paint([])
  t.same(screen.lines(), ['one', 'two', 'three', ''])
})
