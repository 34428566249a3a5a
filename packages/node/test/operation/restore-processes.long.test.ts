import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { errorCode, useCryptoBackend } from '@vitalchain/core'
import type { Submission } from '@vitalchain/device-sdk'
import t, { type Test } from 'tap'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import {
  createDeviceKeys,
  registerFleet,
  startDevice,
  type FleetDevice
} from '../../src/dev/device-fleet.ts'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'
import type { NodeStatus } from '../../src/index.ts'
import { until } from '../node/wait.ts'
import { startPlainProcesses } from '../plain-processes.ts'

startPlainProcesses()
useCryptoBackend(nodeCryptoBackend)

/** How long the devices may take to be done, ms. */
const WAIT_MS = 60_000

/** How often a device records a batch, ms. */
const BATCH_MS = 100

const OVERRIDE = '--i-accept-double-sign-risk'

const CLI = [
  '--conditions=@vitalchain/source',
  fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
]

/** Four hospitals as processes of the command line, with a device each. */
class Network {
  readonly hospitals: readonly Hospital[]
  readonly fleet: readonly FleetDevice[]
  /** What the devices recorded. */
  readonly submissions: Submission[] = []

  private constructor(hospitals: readonly Hospital[], fleet: readonly FleetDevice[]) {
    this.hospitals = hospitals
    this.fleet = fleet
  }

  static async start(t: Test): Promise<Network> {
    const { hospitals, founded } = await foundHospitals(t.testdir({}), 4, error =>
      t.fail(error.message)
    )
    t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
    await Promise.all(hospitals.map(({ process }) => process.start()))
    const made = createDeviceKeys(hospitals.map(() => []))
    const genesis = founded.document
    await registerFleet(made, hospitals, genesis, AbortSignal.timeout(WAIT_MS))
    const fleet = await Promise.all(
      made.map((each, first) => startDevice(each, { genesis, hospitals, first, batch: 1 }))
    )
    t.teardown(() => Promise.all(fleet.map(({ device }) => device.stop())))
    return new Network(hospitals, fleet)
  }

  /** Each device records, again and again, while it is told to. */
  async record(goesOn: (batch: number) => boolean): Promise<void> {
    await Promise.all(
      this.fleet.map(async ({ device }) => {
        for (let k = 0; goesOn(k); k++) {
          const reading = { name: 'heart-rate', time: Date.now(), value: 71 }
          this.submissions.push(...(await device.record([reading])))
          await pause(BATCH_MS)
        }
      })
    )
  }

  /** Waits until all is proved. @returns the heights of the blocks that hold it, from this submission on */
  async proved(from = 0): Promise<readonly number[]> {
    const signal = AbortSignal.timeout(WAIT_MS)
    await Promise.all(this.fleet.map(({ device }) => device.drained({ signal })))
    const proofs = await Promise.all(this.submissions.slice(from).map(({ proved }) => proved))
    return proofs.map(({ proven }) => proven.header.height)
  }

  /** Takes a backup of each running node. @returns their files */
  async backUp(directory: string): Promise<readonly string[]> {
    return Promise.all(
      this.hospitals.map(async ({ dataDir }, k) => {
        const file = join(directory, `node-${k}.backup`)
        await cli('backup', '--data-dir', dataDir, '--out', file)
        return file
      })
    )
  }

  /** Kills all nodes, deletes all that they have but keys and settings, restores their backups and starts them. */
  async loseAndRestore(files: readonly string[]): Promise<void> {
    await Promise.all(this.hospitals.map(({ process }) => process.kill()))
    for (const [k, { dataDir }] of this.hospitals.entries()) {
      for (const each of ['ledger', 'votes', 'genesis.cbor'])
        await rm(join(dataDir, each), { recursive: true, force: true })
      await cli('restore', '--from', files[k] ?? '', '--data-dir', dataDir)
    }
    await Promise.all(this.hospitals.map(({ process }) => process.start()))
  }

  async restartWithOverride(): Promise<void> {
    await Promise.all(this.hospitals.map(({ process }) => process.stop()))
    await Promise.all(this.hospitals.map(({ process }) => process.start(OVERRIDE)))
  }

  /** What each node says of itself. */
  async statuses(): Promise<readonly NodeStatus[]> {
    const texts = await Promise.all(this.hospitals.map(({ api }) => api.text('/v1/status')))
    return texts.map(text => JSON.parse(text) as NodeStatus)
  }

  /** Waits until all nodes say it. */
  async all(what: string, isSo: (status: NodeStatus) => boolean): Promise<void> {
    await until(what, async () => (await this.statuses()).every(isSo))
  }

  /** Waits until all have the same block. @returns its height and hash */
  async same(): Promise<{ readonly height: number; readonly head: string }> {
    await until('they have the same block', async () => {
      const statuses = await this.statuses()
      return new Set(statuses.map(({ head }) => head)).size === 1
    })
    const [first] = await this.statuses()
    return first!
  }
}

async function cli(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [...CLI, ...args])
}

t.test('four hospitals that lost everything go on from backups of one height', async t => {
  const network = await Network.start(t)
  await network.record(k => k < 15)
  const heights = await network.proved()
  const { height, head } = await network.same()
  t.ok(Math.max(...heights) <= height)
  await network.loseAndRestore(await network.backUp(t.testdirName))
  for (const status of await network.statuses())
    t.match(status, { head, height, votes: false, restored: { state: 'following', height } })

  await network.restartWithOverride()
  await network.all(
    'they say what they went on from',
    ({ restored }) => restored?.state === 'lost' && restored.resumedAt === height
  )
  // The devices go on where they were: nothing of theirs is missing.
  const mark = network.submissions.length
  await network.record(k => k < 5)
  const after = await network.proved(mark)
  t.equal(after.length, 5 * network.fleet.length)
  t.ok(Math.min(...after) > height)
  for (const { restored } of await network.statuses()) t.notOk(restored?.devicesAhead)
})

t.test(
  'what backups under load lack is said by every node, and to every device that had it',
  async t => {
    const network = await Network.start(t)
    const { submissions } = network
    let enough = Infinity
    const feed = network.record(() => submissions.length < enough)
    await until('there is a load', () => submissions.length >= 60)
    const files = await network.backUp(t.testdirName)
    enough = submissions.length + 60
    await feed
    const heights = await network.proved()
    await network.loseAndRestore(files)
    await network.all(
      'they have what they restored',
      ({ height, restored }) => height >= (restored?.height ?? Infinity)
    )
    const { height: last } = await network.same()
    const lost = heights.filter(height => height > last).length
    t.ok(lost > 0, `${lost} of ${heights.length} batches were acknowledged above block ${last}`)
    t.ok(heights.length > lost)

    await network.restartWithOverride()
    await network.all('they say that it is lost', ({ restored }) => restored?.state === 'lost')
    for (const { restored } of await network.statuses()) t.match(restored, { resumedAt: last })

    // Each device had more than the ledger has: none goes on silently.
    const stopped = Promise.all(network.fleet.map(laneStopped))
    await network.record(k => k < 1)
    t.same(
      await stopped,
      network.fleet.map(() => 'ERR_LEDGER_RESTORED')
    )
    await until('the nodes count them', async () => {
      const statuses = await network.statuses()
      return statuses.some(({ restored }) => (restored?.devicesAhead ?? 0) > 0)
    })
  }
)

/** Waits until a device says why it stopped. */
async function laneStopped({ device }: FleetDevice): Promise<string> {
  for await (const event of device.events({ signal: AbortSignal.timeout(WAIT_MS) }))
    if (event.type === 'lane-stopped') return errorCode(event.error)
  return 'no event'
}
