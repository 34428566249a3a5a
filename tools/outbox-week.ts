/**
 * A week without any node, in virtual time and on a real disk: five channels once a second, then a node again. Says what
 * the outbox takes of disk and memory, and how long it drains. The device is a process of its own, of which the most that was
 * ever resident counts.
 *
 *   npm run test:outbox:week                 or: node --conditions=@vitalchain/source tools/outbox-week.ts
 *   ... --days 7 --readings 300              days offline, readings in a batch
 *   ... --plain                              the device runs in a Node without a limit for its heap
 *
 * Exits 1 when it is more than 64 MB of disk, or more than 64 MB of memory above the SDK before its first reading, or
 * when anything is missing or out of order.
 */
import { fork } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { readFlags, wholeNumber } from './flags.ts'
import type { FromDevice, MemoryUsed, ToDevice } from './outbox-week/messages.ts'

/** Bytes of disk that a week may take. */
const DISK_MAX = 64 * 1000 * 1000

/** Bytes of memory that a week may add. */
const MEMORY_MAX = 64 * 1000 * 1000

/** How Node is started where memory is short, MB: else its heap grows far ahead of what is in use. */
const SMALL_FLAGS = ['--max-old-space-size=64']

const DAY_S = 86_400

interface Committed {
  readonly statement: { readonly lane: 0 | 1; readonly count: number; readonly from: number }
}

interface FakeParts {
  readonly FakeLedger: new () => {
    readonly genesis: Uint8Array
    readonly committed: Committed[]
    register(id: Uint8Array, key: unknown): void
  }
  readonly FakeNode: new (
    ledger: unknown,
    faults: object,
    name: string
  ) => {
    serve(
      send: (frame: Uint8Array) => void,
      hangUp: () => void
    ): { take(frame: Uint8Array): void; end(): void }
  }
}

useCryptoBackend(nodeCryptoBackend)
const values = readFlags({
  days: { type: 'string', default: '7' },
  readings: { type: 'string', default: '300' },
  plain: { type: 'boolean', default: false }
})
const days = wholeNumber('days', values.days, 1)
const readings = wholeNumber('readings', values.readings, 1)

// Imported by their address: they are part of another TypeScript project, the tests of the SDK.
const tests = new URL('../packages/device-sdk/test/', import.meta.url)
const { FakeLedger } = (await import(new URL('fake-ledger.ts', tests).href)) as FakeParts
const { FakeNode } = (await import(new URL('fake-node.ts', tests).href)) as FakeParts

const ledger = new FakeLedger()
const node = new FakeNode(ledger, {}, 'node')
const directory = await mkdtemp(join(tmpdir(), 'vitalchain-week-'))
const device = fork(new URL('outbox-week/device.ts', import.meta.url), {
  execArgv: [
    '--conditions=@vitalchain/source',
    '--expose-gc',
    ...(values.plain ? [] : SMALL_FLAGS)
  ],
  serialization: 'advanced'
})
const sessions = new Map<number, { take(frame: Uint8Array): void; end(): void }>()
const recorded = Promise.withResolvers<{ memory: MemoryUsed; statements: number }>()
const drained = Promise.withResolvers<{ memory: MemoryUsed }>()
const ended = new Promise<void>((resolve, reject) => {
  device.once('exit', code => {
    if (code === 0) return resolve()
    const error = new Error(`the device ended with ${code}`)
    recorded.reject(error)
    drained.reject(error)
    reject(error)
  })
})

device.on('message', (message: FromDevice) => {
  switch (message.type) {
    case 'registered':
      return ledger.register(message.device, { algorithm: 'ed25519', bytes: message.publicKey })
    case 'recorded':
      return recorded.resolve(message)
    case 'drained':
      return drained.resolve(message)
    case 'connect': {
      const { connection } = message
      const served = node.serve(
        bytes => tell({ type: 'frame', connection, bytes }),
        () => tell({ type: 'hangUp', connection })
      )
      return void sessions.set(connection, served)
    }
    case 'frame':
      return sessions.get(message.connection)?.take(message.bytes)
    case 'close':
      sessions.get(message.connection)?.end()
  }
})

function tell(message: ToDevice): void {
  if (device.connected) device.send(message)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

async function diskUsed(): Promise<number> {
  let sum = 0
  for (const name of await readdir(directory)) sum += (await stat(join(directory, name))).size
  return sum
}

function shown({ peak, resident, live }: MemoryUsed): string {
  return `${megabytes(peak)} at most, ${megabytes(resident)} in the end, of it ${megabytes(live)} in use`
}

const started = performance.now()
tell({ type: 'start', genesis: ledger.genesis, directory, days, readings })
const backlog = await recorded.promise
const recordedIn = (performance.now() - started) / 1_000
const disk = await diskUsed()
const draining = performance.now()
tell({ type: 'up' })
const { memory } = await drained.promise
const drainedIn = (performance.now() - draining) / 1_000
await ended
const left = await diskUsed()
await rm(directory, { recursive: true })

const batches = ledger.committed.filter(({ statement }) => statement.lane === 0)
const count = batches.reduce((sum, { statement }) => sum + statement.count, 0)
const inOrder = batches.every(
  ({ statement }, k) => statement.from >= (batches[k - 1]?.statement.from ?? 0)
)
const first = ledger.committed[0]?.statement.lane
const lines = [
  `${days} days, ${count} readings in ${backlog.statements} statements of ${readings}: recorded in ${recordedIn.toFixed(0)} s, ${megabytes(disk)} of disk`,
  `resident memory above the idle SDK, offline: ${shown(backlog.memory)}`,
  `the same, drained: ${shown(memory)}`,
  `drained in ${drainedIn.toFixed(0)} s, ${megabytes(left)} left on disk; the alarm, recorded last, came ${first === 1 ? 'first' : 'LATER'}`
]
process.stdout.write(`${lines.join('\n')}\n`)
const good =
  disk <= DISK_MAX &&
  memory.peak <= MEMORY_MAX &&
  count === days * DAY_S * 5 &&
  inOrder &&
  first === 1
process.stdout.write(good ? 'all there, in order, within the limits\n' : 'FAILED\n')
if (!good) process.exitCode = 1
