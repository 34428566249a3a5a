/**
 * A week without any node, in virtual time and on a real disk: five channels once a second, then a node again. Says what
 * the outbox takes of disk and memory, and how long it drains.
 *
 *   npm run test:outbox:week                 or: node --expose-gc --conditions=@vitalchain/source tools/outbox-week.ts
 *   ... --days 7 --readings 300              days offline, readings in a batch
 *
 * Exits 1 when it is more than 64 MB of disk, or more than 64 MiB of memory above the SDK before its first reading, or
 * when anything is missing or out of order.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigner, sha256, useCryptoBackend, utf8, type Reading } from '@vitalchain/core'
import { createDevice, type DeviceTimers, type DeviceTransport } from '@vitalchain/device-sdk'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import { nodeCryptoBackend } from '@vitalchain/node'
import { readFlags, wholeNumber } from './flags.ts'

/** Bytes of disk that a week may take. */
const DISK_MAX = 64 * 1000 * 1000

/** Bytes of memory that a week may add. */
const MEMORY_MAX = 64 * 1024 * 1024

const DAY_S = 86_400

interface Committed {
  readonly statement: { readonly lane: 0 | 1; readonly count: number; readonly from: number }
}

interface FakeParts {
  readonly FakeLedger: new () => {
    readonly genesis: Uint8Array
    readonly committed: Committed[]
    readonly chain: unknown[]
    register(id: Uint8Array, key: unknown): void
  }
  readonly FakeNode: new (ledger: unknown, faults: object, name: string) => DeviceTransport
}

useCryptoBackend(nodeCryptoBackend)
const values = readFlags({
  days: { type: 'string', default: '7' },
  readings: { type: 'string', default: '300' }
})
const days = wholeNumber('days', values.days, 1)
const readings = wholeNumber('readings', values.readings, 1)

// Imported by their address: they are part of another TypeScript project, the tests of the SDK.
const tests = new URL('../packages/device-sdk/test/', import.meta.url)
const { FakeLedger } = (await import(new URL('fake-ledger.ts', tests).href)) as FakeParts
const { FakeNode } = (await import(new URL('fake-node.ts', tests).href)) as FakeParts

/** What the device's clock says at its start, ms since 1970. */
const START_MS = 1_700_000_000_000

/** Time that the program moves on. */
let now = 0
const alarms = new Map<number, { readonly at: number; readonly callback: () => void }>()
let alarmsMade = 0
const timers: DeviceTimers = {
  elapsed: () => now,
  after(ms, callback) {
    const id = alarmsMade++
    alarms.set(id, { at: now + ms, callback })
    return () => void alarms.delete(id)
  }
}

function passTime(ms: number): void {
  now += ms
  for (const [id, { at, callback }] of alarms) {
    if (at > now) continue
    alarms.delete(id)
    callback()
  }
}

/** Five channels of a monitor as a body gives them: slow waves with a little noise, as many digits as such a monitor has. */
function second(s: number): readonly Reading[] {
  const time = START_MS + s * 1_000
  const wave = (period: number, of: number): number => of * Math.sin((2 * Math.PI * s) / period)
  const noise = (of: number, step: number): number =>
    (((s * 2_654_435_761 + of * 97) >>> 7) % 3) * step
  return [
    { name: '8867-4', unit: '/min', time, value: Math.round(72 + wave(900, 8)) + noise(1, 1) },
    { name: '59408-5', unit: '%', time, value: Math.round(97 + wave(1_300, 1)) },
    { name: '9279-1', unit: '/min', time, value: Math.round(15 + wave(700, 2)) + noise(2, 1) },
    { name: '8310-5', unit: 'Cel', time, value: Math.round(370 + wave(40_000, 4)) / 10 },
    { name: '8478-0', unit: 'mm[Hg]', time, value: Math.round(90 + wave(2_000, 6)) + noise(3, 1) }
  ]
}

function memory(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

async function diskUsed(directory: string): Promise<number> {
  let sum = 0
  for (const name of await readdir(directory)) sum += (await stat(join(directory, name))).size
  return sum
}

const ledger = new FakeLedger()
const node = new FakeNode(ledger, {}, 'node')
let up = false
const transport: DeviceTransport = {
  name: 'node',
  connect: async options => {
    if (!up) throw new Error('unreachable')
    return node.connect(options)
  }
}
const directory = await mkdtemp(join(tmpdir(), 'vitalchain-week-'))
const signer = createSigner('ed25519', sha256(utf8('device')))
const device = createDevice({
  signer,
  genesis: ledger.genesis,
  stream: { id: new Uint8Array(16), generation: 0, secret: sha256(utf8('stream')) },
  transport,
  outbox: fileOutbox(directory),
  batch: { readings, ms: 3_600_000 },
  timers,
  now: () => START_MS + now
})
ledger.register(device.id, signer.publicKey)
await device.start()
const idle = memory()
const idleRss = process.memoryUsage.rss()
const started = performance.now()
const seconds = days * DAY_S
const perCall = Math.max(1, Math.floor(readings / 5))
for (let s = 0; s < seconds; s += perCall) {
  const some = Array.from({ length: Math.min(perCall, seconds - s) }, (_, k) =>
    second(s + k)
  ).flat()
  const recorded = device.record(some)
  // A batch that is full is stored before the next one is begun, as a device with a clock does it.
  if (some.length >= readings) await recorded
  passTime(perCall * 1_000)
}
await device.flush()
const recordedIn = (performance.now() - started) / 1_000
const backlog = memory() - idle
const rss = process.memoryUsage.rss() - idleRss
const disk = await diskUsed(directory)
const statements = device.waiting().length
await device.record([{ name: 'alarm', time: 0, value: true }], { urgent: true })
up = true
const draining = performance.now()
passTime(60_000)
await device.drained()
const drainedIn = (performance.now() - draining) / 1_000
const left = await diskUsed(directory)
await device.stop()
await rm(directory, { recursive: true })

const batches = ledger.committed.filter(({ statement }) => statement.lane === 0)
const count = batches.reduce((sum, { statement }) => sum + statement.count, 0)
const inOrder = batches.every(
  ({ statement }, k) => statement.from >= (batches[k - 1]?.statement.from ?? 0)
)
const first = ledger.committed[0]?.statement.lane
const lines = [
  `${days} days, ${count} readings in ${statements} statements of ${readings}: recorded in ${recordedIn.toFixed(0)} s`,
  `disk ${megabytes(disk)}, memory ${megabytes(backlog)} above the idle SDK (resident, with the garbage of this program, ${megabytes(rss)})`,
  `drained in ${drainedIn.toFixed(0)} s, ${megabytes(left)} left on disk; the alarm, recorded last, came ${first === 1 ? 'first' : 'LATER'}`
]
process.stdout.write(`${lines.join('\n')}\n`)
const good =
  disk <= DISK_MAX && backlog <= MEMORY_MAX && count === seconds * 5 && inOrder && first === 1
process.stdout.write(good ? 'all there, in order, within the limits\n' : 'FAILED\n')
if (!good) process.exitCode = 1
