import t from 'tap'
import { codesOf, startWards, untilFound } from './hospitals.ts'

t.test(
  'four hospitals that see each other are well, and each knows where the others stand',
  async t => {
    const { nodes } = await startWards(t)
    const diagnosis = await nodes[0]!.diagnose()
    t.same(codesOf(diagnosis), [], diagnosis.summary)
    t.ok(diagnosis.healthy)
    t.match(diagnosis.quorum, { validators: 4, needed: 3, reachable: 4 })
    t.match(
      diagnosis.members.map(({ name, self, validator, linked, version, height }) => ({
        name,
        self,
        validator,
        linked,
        version,
        known: height !== undefined
      })),
      ['Ahus', 'Bern', 'Caen', 'Dax'].map((name, k) => ({
        name,
        self: k === 0,
        validator: true,
        linked: true,
        version: 1,
        known: true
      }))
    )
    for (const { clockSkewMs } of diagnosis.members) t.ok(Math.abs(clockSkewMs!) < 500)
  }
)

t.test('one validator down: the doctor names it and says that its node does not run', async t => {
  const { nodes } = await startWards(t)
  await nodes[3]!.stop()
  const { diagnosis, finding } = await untilFound(nodes[0]!, 'MEMBER_DOWN', 'Dax')
  t.equal(finding.severity, 'warning')
  t.match(finding.text, /does not run.*nothing listens there; it was linked until/)
  t.match(finding.act, /Ask Dax to start its node/)
  t.same(codesOf(diagnosis), ['MEMBER_DOWN'])
  t.match(diagnosis.quorum, { needed: 3, reachable: 3 })
})

t.test('two validators down: the doctor says which quorum is short and who is missing', async t => {
  const { nodes } = await startWards(t)
  await Promise.all([nodes[2]!.stop(), nodes[3]!.stop()])
  const { diagnosis, finding } = await untilFound(nodes[0]!, 'QUORUM_SHORT')
  t.equal(diagnosis.summary, finding.text)
  t.match(
    finding.text,
    /3 of 4 validators are needed, and this node reaches 2. Missing: Caen and Dax/
  )
  t.same(codesOf(diagnosis), ['QUORUM_SHORT', 'MEMBER_DOWN', 'MEMBER_DOWN'])
  t.match(diagnosis.findings[1], { subject: 'Caen', severity: 'critical' })
  t.match(diagnosis.findings[2], { subject: 'Dax', severity: 'critical' })
})
