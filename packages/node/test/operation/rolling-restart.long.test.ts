import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, toHex, useCryptoBackend } from '@vitalchain/core'
import type { Submission } from '@vitalchain/device-sdk'
import t from 'tap'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { createDeviceKeys, registerFleet, startDevice } from '../../src/dev/device-fleet.ts'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'

/** The longest that the timeout of a height is before it grows, ms: on a machine with other work it is that long. spec C-17 */
const BASE_TIMEOUT_MS = 4_000

/** Devices, and how often each records a batch, ms. */
const DEVICES = 4
const BATCH_MS = 150

/** How often the nodes are asked where they stand, ms. */
const LOOK_MS = 25

/** How long it may take in all, ms. */
const LIMIT_MS = 120_000

t.test('four nodes are restarted one by one under load, and no batch is lost', async t => {
  useCryptoBackend(nodeCryptoBackend)
  const limit = AbortSignal.timeout(LIMIT_MS)
  const { hospitals, founded } = await foundHospitals(t.testdir({}), 4, error =>
    t.fail(error.message)
  )
  t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
  await Promise.all(hospitals.map(({ process }) => process.start()))
  const made = createDeviceKeys(Array.from({ length: DEVICES }, () => []))
  const genesis = founded.document
  await registerFleet(made, hospitals, genesis, limit)
  const fleet = await Promise.all(
    made.map((each, first) => startDevice(each, { genesis, hospitals, first, batch: 1 }))
  )
  t.teardown(() => Promise.all(fleet.map(({ device }) => device.stop())))

  const ending = new AbortController()
  const submissions: Submission[] = []
  const feeds = fleet.map(async ({ device }) => {
    while (!ending.signal.aborted) {
      const time = Date.now()
      submissions.push(...(await device.record([{ name: 'heart-rate', time, value: 71 }])))
      await pause(BATCH_MS)
    }
  })
  const stalls = watchStalls(hospitals, ending.signal)
  await pause(2_000)
  for (const hospital of hospitals) {
    t.equal(await hospital.process.stop(), true, `${hospital.name} ends well`)
    await hospital.process.start()
    await votes(hospital)
  }
  await pause(1_000)
  ending.abort()
  await Promise.all(feeds)
  await Promise.all(fleet.map(({ device }) => device.drained({ signal: limit })))
  const proofs = await Promise.allSettled(submissions.map(({ proved }) => proved))
  t.same(
    proofs.filter(({ status }) => status === 'rejected'),
    []
  )
  const ids = new Set(submissions.map(({ id }) => toHex(id)))
  t.equal(ids.size, submissions.length)
  const longest = Math.max(...(await stalls))
  t.comment(`${submissions.length} batches proved, the longest time without a block ${longest} ms`)
  t.ok(longest < 2 * BASE_TIMEOUT_MS, `${longest} ms without a block`)
})

/** Waits until a node votes again. */
async function votes({ api }: Hospital): Promise<void> {
  while (!(await api.status()).votes) await pause(LOOK_MS)
}

/** Looks at the highest node until the end. @returns the times between its blocks, ms, while there was work */
async function watchStalls(
  hospitals: readonly Hospital[],
  end: AbortSignal
): Promise<readonly number[]> {
  const gaps: number[] = []
  let highest = 0
  let since = performance.now()
  while (!end.aborted) {
    const heights = await Promise.all(
      hospitals.map(({ api }) =>
        api.status(1_000).then(
          ({ height }) => height,
          (error: unknown) => {
            if (errorCode(error) !== 'ERR_UNREACHABLE') throw error
            return 0
          }
        )
      )
    )
    const now = performance.now()
    const height = Math.max(...heights)
    if (height > highest) {
      if (highest > 0) gaps.push(Math.round(now - since))
      highest = height
      since = now
    }
    await pause(LOOK_MS)
  }
  return [...gaps, Math.round(performance.now() - since)]
}
