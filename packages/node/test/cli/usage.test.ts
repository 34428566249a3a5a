import { join } from 'node:path'
import t from 'tap'
import { parseKillPlan } from '../../src/dev/kill-plan.ts'
import { run } from './run.ts'

t.test('what was called wrongly ends with 2 and says why', async t => {
  for (const argv of [
    ['fly'],
    ['dev', 'extra'],
    ['dev', '--batch', '0'],
    ['dev', '--batch', '1.5'],
    ['dev', '--validators', '51'],
    ['dev', '--speed', '0'],
    ['dev', '--speed', '-1'],
    ['dev', '--kill', '1@40%'],
    ['dev', '--exit-when-done'],
    ['dev', '--readings', 'x.csv', '--kill', '5@40%'],
    ['dev', '--readings', '/does/not/exist.csv'],
    ['start'],
    ['start', '--data-dir', '/does/not/exist'],
    ['dump'],
    ['export', '--data-dir', 'x']
  ]) {
    const { exit, out, err } = await run(...argv)
    t.equal(exit, 2, argv.join(' '))
    t.same(out, [])
    t.match(err[0], /^error: /)
  }
})

t.test('files and directories that cannot be used end with 2 and a code, in one line', async t => {
  const dir = t.testdir({ 'a.csv': 'minute,HR_bpm\n0,6O\n', 'empty.csv': '', full: { file: '' } })
  for (const [code, ...argv] of [
    ['ERR_CSV_VALUE', 'dev', '--readings', join(dir, 'a.csv')],
    ['ERR_CSV_COLUMN', 'dev', '--readings', join(dir, 'empty.csv')],
    ['ERR_FILE', 'dev', '--readings', dir],
    ['ERR_DATA_DIR_NOT_EMPTY', 'dev', '--data-dir', join(dir, 'full')],
    ['ERR_FILE', 'dev', '--data-dir', join(dir, 'a.csv')],
    ['ERR_FILE', 'dev', '--data-dir', join(dir, 'a.csv', 'below')],
    ['ERR_FILE', 'dump', '--data-dir', join(dir, 'a.csv')]
  ] as const) {
    const { exit, out, err } = await run(...argv)
    t.equal(exit, 2, argv.join(' '))
    t.same(out, [])
    t.equal(err.length, 1)
    t.match(err[0], new RegExp(`^error: .*\\(${code}\\)$`))
  }
})

t.test('help and the version are answers, not faults', async t => {
  const help = await run('--help')
  t.equal(help.exit, 0)
  for (const word of ['start', 'dev', 'member', 'verify', 'export', 'dump', 'blame', 'Exit codes'])
    t.match(help.out.join('\n'), word)
  t.match((await run('--version')).out[0], /^\d+\.\d+\.\d+/)
  for (const command of ['start', 'dev', 'member', 'verify', 'export', 'dump', 'blame']) {
    const { exit, out } = await run(command, '--help')
    t.equal(exit, 0)
    t.match(out.join('\n'), /Examples?:\n  vitalchain/, `${command} shows an example`)
  }
})

t.test('a kill plan names a validator or the primary, and a share', async t => {
  t.same(parseKillPlan('2@40%', 4), { victim: 1, share: 0.4 })
  t.same(parseKillPlan('primary@1%', 4), { victim: 'primary', share: 0.01 })
  for (const text of ['', '2', '0@40%', '5@40%', '2@0%', '2@100%', '2@40', 'leader@40%', '-1@4%']) {
    t.throws(() => parseKillPlan(text, 4), { code: 'ERR_USAGE' }, text)
  }
})
