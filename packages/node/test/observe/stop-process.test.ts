import { once } from 'node:events'
import { request } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, networkId, toHex, type VitalchainError } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'
import { registerDevice } from '../../src/dev/register-device.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'

/** How long a node that is told to stop may take in all, ms. */
const STOP_MS_MAX = 10_000

/** Devices that submit at once. */
const DEVICES = 6

async function startHospitals(
  t: Test,
  count: number,
  onEnd: (error: VitalchainError) => void
): Promise<{ network: Uint8Array; hospitals: readonly Hospital[] }> {
  const { hospitals, founded } = await foundHospitals(t.testdir(), count, onEnd)
  t.teardown(async () => {
    await Promise.all(hospitals.map(({ process }) => process.kill()))
  })
  await Promise.all(hospitals.map(({ process }) => process.start()))
  return { network: networkId(founded.document), hospitals }
}

/** What the node logged, of one event. */
async function logged({ dataDir }: Hospital, event: string): Promise<readonly string[]> {
  const text = await readFile(join(dataDir, 'node.log'), 'utf8')
  return text.split('\n').filter(line => line.includes(`"event":"${event}"`))
}

t.test('SIGTERM under load: within 10 s, and what was accepted is on the ledger', async t => {
  const { network, hospitals } = await startHospitals(t, 4, error => t.fail(error.message))
  const [hospital, other] = hospitals
  const devices = Array.from(
    { length: DEVICES },
    (_, k) => new TestDevice({ id: network }, `d${k}`)
  )
  for (const { publicKey } of devices) {
    const device = { publicKey, model: 'monitor', firmware: undefined }
    await registerDevice(hospital!, network, device, AbortSignal.timeout(20_000))
  }
  const accepted: Uint8Array[] = []
  const codes = new Set<string>()
  const load = devices.map(async device => {
    for (;;) {
      const { candidate, payload } = await device.read()
      try {
        await hospital!.api.submit({ transaction: candidate.bytes, payload })
        accepted.push(candidate.transaction.id)
      } catch (error) {
        codes.add(errorCode(error))
        return
      }
    }
  })
  await until('it works', () => accepted.length > 100)
  const begun = performance.now()
  t.equal(await hospital!.process.stop(), true, 'it ends with 0')
  const took = performance.now() - begun
  t.ok(took < STOP_MS_MAX, `${Math.round(took)} ms`)
  await Promise.all(load)
  t.comment(
    `${accepted.length} accepted, stopped in ${Math.round(took)} ms, then ${[...codes].join()}`
  )
  t.same(
    [...codes].filter(code => !['ERR_DRAINING', 'ERR_UNREACHABLE'].includes(code)),
    [],
    'clients are told that it stops, or find it gone'
  )
  t.match(await logged(hospital!, 'drained'), [/"told":2/])
  let missing = accepted
  const end = Date.now() + 20_000
  while (missing.length > 0 && Date.now() < end) {
    const found = await Promise.all(missing.map(id => other!.api.isCommitted(id)))
    missing = missing.filter((_, k) => found[k] !== true)
  }
  t.same(missing.map(toHex), [], 'nothing that was accepted is lost')
})

t.test('the second SIGTERM ends a node at once', async t => {
  const ended = Promise.withResolvers<VitalchainError>()
  const { hospitals } = await startHospitals(t, 1, ended.resolve)
  const [hospital] = hospitals
  const { pid } = hospital!.process
  // A client that takes its time keeps the API from closing for a while.
  const slow = request(new URL('/v1/transactions', hospital!.url), {
    method: 'POST',
    headers: { 'content-type': 'application/cbor', 'content-length': 1_000 }
  })
  slow.on('error', () => undefined)
  slow.write(new Uint8Array(10))
  await once(slow, 'socket')
  await hospital!.api.status()
  process.kill(pid!, 'SIGTERM')
  // What comes within 300 ms counts as the same signal, said twice.
  process.kill(pid!, 'SIGTERM')
  const told = performance.now()
  await until('the signal is another one', () => performance.now() - told > 400)
  t.equal(hospital!.process.pid, pid, 'it stops in good order as long as it is told once')
  process.kill(pid!, 'SIGTERM')
  const { message } = await ended.promise
  t.match(message, /143|SIGTERM/)
  t.ok(performance.now() - told < 1_400, 'before the API closed by itself')
})
