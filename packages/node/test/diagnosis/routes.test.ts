import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Diagnosis } from '../../src/diagnosis/types.ts'
import { until } from '../node/wait.ts'
import { bearer, startService } from '../http/service.ts'

t.test('GET /v1/diagnosis says what the node finds, to who may know it', async t => {
  const { members, first } = await startService(t)
  const ask = async (headers: object): Promise<{ status: number; body: Diagnosis }> => {
    const { statusCode, body } = await first.api.app.inject({
      url: '/v1/diagnosis',
      headers: { ...headers }
    })
    return { status: statusCode, body: JSON.parse(body) as Diagnosis }
  }
  t.equal((await ask({})).status, 401)
  await until('the first is linked with all', () => first.node.status().links.length === 3)
  const well = await ask(bearer())
  t.equal(well.status, 200)
  t.match(well.body, { healthy: true, findings: [], quorum: { needed: 3, reachable: 4 } })
  t.same(
    well.body.members.map(({ name, self, linked }) => ({ name, self, linked })),
    [1, 2, 3, 4].map(k => ({ name: `Hospital ${k}`, self: k === 1, linked: true }))
  )

  await Promise.all(members.slice(2).map(({ node }) => node.stop()))
  let short = await ask(bearer())
  while (short.body.quorum.reachable > 2) {
    await pause(50)
    short = await ask(bearer())
  }
  const [worst] = short.body.findings
  t.match(worst, { code: 'QUORUM_SHORT', severity: 'critical' })
  t.equal(short.body.summary, worst?.text)
  t.ok(short.body.findings.every(({ text, act }) => text.length > 0 && act.length > 0))
})
