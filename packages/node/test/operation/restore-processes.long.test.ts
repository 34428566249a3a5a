import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
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
import { startPlainProcesses } from '../plain-processes.ts'

startPlainProcesses()
useCryptoBackend(nodeCryptoBackend)

/** How long a command, a start or a step of the network may take, ms. */
const WAIT_MS = 60_000

/** How often the nodes are asked where they stand, and how often a device records a batch, ms. */
const LOOK_MS = 50
const BATCH_MS = 100

const CLI = [
  '--conditions=@vitalchain/source',
  fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
]

/** What a node says of a ledger that was restored. */
interface Restored {
  readonly state: string
  readonly height: number
  readonly resumedAt?: number
  readonly devicesAhead?: number
}

/** Four hospitals as processes of the command line, with devices. */
class Network {
  readonly hospitals: readonly Hospital[]
  readonly fleet: readonly FleetDevice[]
  /** What the devices recorded. */
  readonly submissions: Submission[] = []
  readonly #running = new Map<Hospital, ChildProcess>()

  private constructor(hospitals: readonly Hospital[], fleet: FleetDevice[]) {
    this.hospitals = hospitals
    this.fleet = fleet
  }

  static async start(t: Test): Promise<Network> {
    const { hospitals, founded } = await foundHospitals(t.testdir({}), 4, error => {
      throw error
    })
    const fleet: FleetDevice[] = []
    const network = new Network(hospitals, fleet)
    t.teardown(() => network.kill())
    await network.startAll()
    const made = createDeviceKeys(hospitals.map(() => []))
    const genesis = founded.document
    await registerFleet(made, hospitals, genesis, AbortSignal.timeout(WAIT_MS))
    for (const [first, each] of made.entries())
      fleet.push(await startDevice(each, { genesis, hospitals, first, batch: 1 }))
    t.teardown(() => Promise.all(fleet.map(({ device }) => device.stop())))
    return network
  }

  async startAll(...flags: readonly string[]): Promise<void> {
    await Promise.all(
      this.hospitals.map(async hospital => {
        const args = [...CLI, 'start', '--data-dir', hospital.dataDir, '--stop-on-input-end']
        const node = spawn(process.execPath, [...args, ...flags], {
          stdio: ['pipe', 'pipe', 'ignore']
        })
        this.#running.set(hospital, node)
        const [first] = (await once(node.stdout, 'data', {
          signal: AbortSignal.timeout(WAIT_MS)
        })) as [Buffer]
        if (first.length === 0) throw new Error('it says nothing')
        node.stdout.resume()
      })
    )
  }

  /** SIGKILL to all. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const all = [...this.#running.values()]
    this.#running.clear()
    await Promise.all(
      all.map(async node => {
        if (node.exitCode !== null || node.signalCode !== null) return
        const exit = once(node, 'exit')
        node.kill(signal)
        await exit
      })
    )
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

  /** The heights of the blocks that hold what the devices have receipts of, by submission. */
  async proved(of: readonly Submission[] = this.submissions): Promise<readonly number[]> {
    const proofs = await Promise.all(of.map(({ proved }) => proved))
    return proofs.map(({ proven }) => proven.header.height)
  }

  async drained(): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS)
    await Promise.all(this.fleet.map(({ device }) => device.drained({ signal })))
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

  /** Deletes what each node has but its keys and settings, and restores its backup. */
  async loseAndRestore(files: readonly string[]): Promise<void> {
    for (const [k, { dataDir }] of this.hospitals.entries()) {
      for (const each of ['ledger', 'votes', 'genesis.cbor'])
        await rm(join(dataDir, each), { recursive: true, force: true })
      await cli('restore', '--from', files[k] ?? '', '--data-dir', dataDir)
    }
  }

  /** What each says. */
  async statuses() {
    return Promise.all(
      this.hospitals.map(
        async ({ api }) =>
          JSON.parse(await api.text('/v1/status')) as {
            readonly height: number
            readonly head: string
            readonly votes: boolean
            readonly restored?: Restored
          }
      )
    )
  }

  /** Waits until they say it. */
  async until(what: string, isSo: (statuses: Awaited<ReturnType<Network['statuses']>>) => boolean) {
    const late = performance.now() + WAIT_MS
    for (;;) {
      const statuses = await this.statuses()
      if (isSo(statuses)) return statuses
      if (performance.now() > late)
        throw new Error(
          `not in time: ${what}: ${JSON.stringify(statuses.map(each => each.restored))}`
        )
      await pause(LOOK_MS)
    }
  }
}

async function cli(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...CLI, ...args])
  return stdout
}

t.test('four hospitals that lost everything go on from backups of one height', async t => {
  const network = await Network.start(t)
  await network.record(k => k < 15)
  await network.drained()
  const heights = await network.proved()
  const [before] = await network.until('they have the same block', statuses =>
    statuses.every(({ head }) => head === statuses[0]?.head)
  )
  const files = await network.backUp(t.testdirName)
  await network.kill()
  await network.loseAndRestore(files)
  await network.startAll()
  const { height = 0, head } = before ?? {}
  t.ok(Math.max(...heights) <= height)
  for (const status of await network.statuses())
    t.match(status, { head, height, votes: false, restored: { state: 'following', height } })

  await network.stop()
  await network.startAll('--i-accept-double-sign-risk')
  await network.until('all say what they went on from', statuses =>
    statuses.every(({ restored }) => restored?.state === 'lost' && restored.resumedAt === height)
  )
  // The devices go on where they were: nothing of theirs is missing.
  const mark = network.submissions.length
  await network.record(k => k < 5)
  await network.drained()
  const after = await network.proved(network.submissions.slice(mark))
  t.equal(after.length, 5 * network.fleet.length)
  t.ok(Math.min(...after) > height)
  for (const { restored } of await network.statuses()) t.notOk(restored?.devicesAhead)
})

t.test(
  'what backups under load lack is said by every node, and to every device that had it',
  async t => {
    const network = await Network.start(t)
    const ending = new AbortController()
    const feed = network.record(() => !ending.signal.aborted)
    await pause(2_000)
    const files = await network.backUp(t.testdirName)
    await pause(2_000)
    ending.abort()
    await feed
    await network.drained()
    const heights = await network.proved()
    await network.kill()
    await network.loseAndRestore(files)
    await network.startAll()
    const [restored] = await network.until(
      'they have what any of them has',
      statuses =>
        statuses.every(({ head }) => head === statuses[0]?.head) &&
        statuses.every(({ height, restored: own }) => height >= (own?.height ?? Infinity))
    )
    const last = restored?.height ?? 0
    const lost = heights.filter(height => height > last).length
    t.ok(lost > 0, `${lost} of ${heights.length} batches were acknowledged above block ${last}`)
    t.ok(heights.length > lost)

    await network.stop()
    await network.startAll('--i-accept-double-sign-risk')
    const said = await network.until('all say that it is lost', statuses =>
      statuses.every(each => each.restored?.state === 'lost')
    )
    for (const each of said) t.match(each.restored, { resumedAt: last })

    // Each device had more than the ledger has: none goes on silently.
    const stopped = Promise.all(network.fleet.map(each => laneStopped(each)))
    await network.record(k => k < 1)
    t.same(
      await stopped,
      network.fleet.map(() => 'ERR_LEDGER_RESTORED')
    )
    await network.until('the nodes count them', statuses =>
      statuses.some(each => (each.restored?.devicesAhead ?? 0) > 0)
    )
  }
)

/** Waits until a device says why it stopped. */
async function laneStopped({ device }: FleetDevice): Promise<string> {
  for await (const event of device.events({ signal: AbortSignal.timeout(WAIT_MS) }))
    if (event.type === 'lane-stopped') return errorCode(event.error)
  return 'no event'
}
