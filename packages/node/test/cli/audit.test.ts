import { cp, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { toHex, verifyReceipt } from '@vitalchain/core'
import t from 'tap'
import { auditLedger, countProved } from '../../src/dev/audit.ts'
import { createBatchLog } from '../../src/dev/batch-log.ts'
import { summarise, summaryLines, type RunResult, type Summary } from '../../src/dev/summary.ts'
import { heartRates, stoppedNode } from './stopped-node.ts'

const run = {
  receiptsVerified: 0,
  seconds: 2,
  startupMs: 1_234.5,
  rssMb: [null],
  devices: [],
  kill: undefined
}

t.test('what is on a disk is counted from the disk', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70, 71), heartRates(72)], { payloads: 1 })
  const audit = await auditLedger(node.dataDir)
  t.match(audit, { height: 3, readings: 3, duplicates: 0, payloadsMissing: 1, viewChanges: 0 })
  t.equal(audit.statements.size, 1, 'a statement without its payload is not whole')

  const id = toHex(verifyReceipt(node.receipt, node).transaction.id)
  t.notOk(audit.statements.has(id))
  const log = createBatchLog(undefined, () => undefined)
  const summary = (missing: boolean): Summary =>
    summarise({
      ...run,
      log: { ...log, batches: missing ? [{ id, count: 1, file: '' }] : [] },
      audits: [{ name: 'Hospital 1', audit }]
    })
  t.match(summary(true), { lost: 1, committed: 3, blocks: 3, ok: false })
  t.match(summary(false), { lost: 0, readingsPerSecond: 2, startupMs: 1_235 })
})

t.test('only a receipt that is valid and for that batch counts', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const id = toHex(verifyReceipt(node.receipt, node).transaction.id)
  const [dir, file] = [dirname(node.receiptFile), basename(node.receiptFile)]
  const batch = { id, count: 1, file }
  await cp(node.receiptFile, join(dir, 'b.receipt'))
  const damaged = Uint8Array.from(node.receipt)
  damaged[100]! ^= 1
  await writeFile(join(dir, 'c.receipt'), damaged)
  t.equal(await countProved(dir, [batch, { ...batch, file: 'b.receipt' }], node.genesis), 2)
  for (const other of [
    { ...batch, file: 'c.receipt' },
    { ...batch, file: 'none.receipt' },
    { ...batch, id: '00'.repeat(32) }
  ]) {
    t.equal(await countProved(dir, [other], node.genesis), 0)
  }
})

t.test('a run is well only when nothing at all is wrong', async t => {
  const log = createBatchLog(undefined, () => undefined)
  const audit = {
    height: 2,
    head: 'aa',
    state: 'bb',
    readings: 1,
    statements: new Set(['id']),
    duplicates: 0,
    payloadsMissing: 0,
    viewChanges: 0
  }
  const result: RunResult = {
    ...run,
    log: {
      ...log,
      counts: { ...log.counts, recorded: 1 },
      batches: [{ id: 'id', count: 1, file: '' }]
    },
    audits: [
      { name: 'Hospital 1', audit },
      { name: 'Hospital 2', audit }
    ],
    receiptsVerified: 1
  }
  t.equal(summarise(result).ok, true)
  t.match(summaryLines(summarise(result)).at(-1), 'all is well')
  const second = (change: Partial<typeof audit>): RunResult => ({
    ...result,
    audits: [result.audits[0]!, { name: 'Hospital 2', audit: { ...audit, ...change } }]
  })
  for (const [wrong, with_] of [
    ['lost', second({ statements: new Set() })],
    ['twice', second({ duplicates: 1 })],
    ['another head', second({ head: 'ab' })],
    ['another state', second({ state: 'bc' })],
    ['another height', second({ height: 3 })],
    ['fewer readings', second({ readings: 0 })],
    ['not proved', { ...result, receiptsVerified: 0 }]
  ] as const) {
    t.equal(summarise(with_).ok, false, wrong)
    t.match(summaryLines(summarise(with_)).at(-1), 'WRONG')
  }
})
