import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { useCryptoBackend } from '@vitalchain/core'
import type { Submission } from '@vitalchain/device-sdk'
import t from 'tap'
import { runCli } from '../../src/cli/main.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { createDeviceKeys, registerFleet, startDevice } from '../../src/dev/device-fleet.ts'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { run } from '../cli/run.ts'

/** How long it may take in all, ms. */
const LIMIT_MS = 60_000

t.test(
  'a device with more than the restored ledger stops its lane and says why, and the operator sees it',
  async t => {
    useCryptoBackend(nodeCryptoBackend)
    const root = t.testdir({})
    const limit = AbortSignal.timeout(LIMIT_MS)
    const { hospitals, founded } = await foundHospitals(join(root, 'network'), 1, error =>
      t.fail(error.message)
    )
    const { dataDir, process: node } = hospitals[0]!
    t.teardown(() => node.kill())
    await node.start()
    const made = createDeviceKeys([[]])
    const genesis = founded.document
    await registerFleet(made, hospitals, genesis, limit)
    const { device } = await startDevice(made[0]!, { genesis, hospitals, first: 0, batch: 1 })
    t.teardown(() => device.stop())
    let time = Date.now()
    const record = async (): Promise<Submission> => {
      const [submission] = await device.record([{ name: 'heart-rate', time: time++, value: 71 }])
      return submission!
    }
    const first = await record()
    await first.proved
    const file = join(root, 'a.backup')
    t.match(await run('backup', '--data-dir', dataDir, '--out', file), { exit: 0 })
    const second = await record()
    await second.proved
    await node.stop()

    // Everything that a disk held but the settings and the keys.
    for (const name of ['ledger', 'votes']) await rm(join(dataDir, name), { recursive: true })
    t.match(await run('restore', '--from', file, '--data-dir', dataDir), { exit: 0 })
    t.match(await run('restore', '--acknowledge', '--data-dir', dataDir), {
      exit: 2,
      err: [/ERR_USAGE/]
    })
    const stopped = Promise.withResolvers<unknown>()
    void (async () => {
      for await (const event of device.events())
        if (event.type === 'lane-stopped') stopped.resolve(event.error)
    })()
    const stop = new AbortController()
    const ready = Promise.withResolvers<undefined>()
    const log: string[] = []
    const ended = runCli(['start', '--data-dir', dataDir, '--i-accept-double-sign-risk'], {
      out: () => ready.resolve(undefined),
      err: line => log.push(line),
      stop: stop.signal,
      inputEnd: () => new Promise(() => undefined)
    })
    await Promise.race([ready.promise, ended])
    await record()
    t.match(await stopped.promise, { code: 'ERR_LEDGER_RESTORED' })
    const status = await run('status', '--data-dir', dataDir, '--json')
    t.match(JSON.parse(status.out[0]!), {
      votes: true,
      restored: { state: 'lost', resumedAt: 2, devicesAhead: 1 }
    })
    t.match(
      (await run('status', '--data-dir', dataDir)).out.join('\n'),
      /restored +lost above block 2/
    )
    const doctor = await run('doctor', '--data-dir', dataDir, '--json')
    t.match(doctor.out.join('\n'), /RESTORED.*above that block/s)
    t.match(log.join('\n'), /device ahead of the restored ledger/)
    stop.abort()
    t.equal(await ended, 0)
    t.match(await run('restore', '--acknowledge', '--data-dir', dataDir), { exit: 0 })
    await node.start()
    t.notMatch((await run('status', '--data-dir', dataDir, '--json')).out[0], 'restored')
  }
)
