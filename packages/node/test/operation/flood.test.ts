import t from 'tap'
import { LANE_BURST } from '../../src/pool/lane-shares.ts'
import { unitFormat } from '../../src/pool/unit.ts'
import type { SignedReading, TestDevice } from '../ledger/fixture.ts'
import { commit, post, startService, unitOf } from '../http/service.ts'

/** Statements that the hasty device hands over: several times what it may. */
const FLOOD = 4 * LANE_BURST

t.test('a device that floods is refused, the others are not, and the doctor names it', async t => {
  const service = await startService(t)
  const monitor = await service.device('monitor')
  const hasty = await service.device('hasty')
  const { api, node } = service.first
  await commit(service, await monitor.read())

  const readings = await readAll(hasty)
  const answers = await Promise.all(
    readings.map(reading => post(api, unitFormat.encode(unitOf(reading))))
  )
  const taken = answers.filter(({ status }) => status === 202).length
  const refused = answers.find(({ status }) => status !== 202)
  t.equal(refused?.status, 429)
  t.match(refused?.json(), { code: 'ERR_RATE', retryable: true })
  t.match(refused?.headers, { 'retry-after': /^[1-9]\d*$/ })
  t.ok(taken >= LANE_BURST && taken < 2 * LANE_BURST, `${taken} taken: what is sent after a pause`)
  await commit(service, await monitor.read())

  const { findings } = await node.diagnose()
  t.match(
    findings.find(({ code }) => code === 'DEVICE_FLOOD'),
    { severity: 'warning', subject: node.status().name }
  )
})

async function readAll(device: TestDevice): Promise<readonly SignedReading[]> {
  const readings: SignedReading[] = []
  for (let k = 0; k < FLOOD; k++) readings.push(await device.read())
  return readings
}

t.test('a session that floods is held back, and the others are not', async t => {
  const service = await startService(t, 1)
  const monitor = await service.device('monitor')
  const hasty = await service.device('hasty')
  const { node } = service.first
  await commit(service, await monitor.read())

  const readings = await readAll(hasty)
  const codes = new Set<string>()
  let busy = 0
  let done = 0
  const handed = readings.map(async ({ candidate, payload }, request) => {
    const answer = await node.deviceDoor.answer(
      { type: 'submit', request, transaction: candidate.bytes, payload },
      hasty.id
    )
    if (answer.type === 'done') done += 1
    else if (answer.type === 'refused') {
      codes.add(answer.code)
      busy += 1
    }
  })
  await commit(service, await monitor.read())
  t.ok(done < FLOOD, 'the other did not wait for it')
  await Promise.all(handed)
  t.ok(busy > 0, `${busy} refused`)
  t.same([...codes], ['ERR_RATE'])
  t.ok(done >= LANE_BURST, `${done} taken`)
})
