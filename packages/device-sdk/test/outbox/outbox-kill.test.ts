import t from 'tap'
import { useNodeCrypto } from '../node-crypto.ts'
import { killRun } from './kill-run.ts'
import { powerRun, type RunReport } from './power-run.ts'

useNodeCrypto()

// A few of the runs of `npm run test:outbox`, which says how to run one of them again.

/** Seeds of the runs here. */
const SEEDS = 24

t.test('power cuts at any step of disk and network lose nothing and double nothing', async t => {
  const reports: RunReport[] = []
  for (let seed = 1; seed <= SEEDS; seed++) reports.push(await powerRun(seed))
  const sum = (of: (report: RunReport) => number): number =>
    reports.reduce((all, report) => all + of(report), 0)
  t.ok(sum(({ kills }) => kills) >= SEEDS)
  t.ok(sum(({ readings }) => readings) > 10 * SEEDS)
  t.ok(sum(({ gaps }) => gaps) > 0)
})

t.test('a run is the same again with its seed', async t => {
  t.same(await powerRun(3), await powerRun(3))
})

t.test('a process that is killed and its torn files lose nothing and double nothing', async t => {
  const { kills, statements } = await killRun(1)
  t.ok(kills > 0 && statements > 0)
})
