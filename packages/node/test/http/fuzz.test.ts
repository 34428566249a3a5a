import t from 'tap'
import { fuzzApi } from './api-fuzz.ts'
import { startFuzzedService } from './fuzzed-service.ts'

/** Requests of this test, to each server; `npm run fuzz:api` sends 20 000 and more. */
const REQUESTS = 1_500
const SEED = Number(process.env['SEED'] ?? 6)

t.test(`whatever is asked, the answer is as described (SEED=${SEED})`, async t => {
  const service = await startFuzzedService()
  t.teardown(() => service.stop())
  for (const { app, operations, seeds } of [service.api, service.admin]) {
    const report = await fuzzApi(app, operations, seeds, { requests: REQUESTS, seed: SEED })
    t.same(report.findings, [])
    t.ok(report.requests > 0.9 * REQUESTS)
    const missed = operations.filter(({ id }) => !report.succeeded.has(id)).map(({ id }) => id)
    t.comment(`${[...report.statuses].join(' ')}; never as it should: ${missed.join(' ')}`)
  }
  t.same(service.failures, [])
})
