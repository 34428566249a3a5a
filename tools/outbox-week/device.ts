// A device in a process of its own, so that nothing but the SDK and the app that records is in its memory.
import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto'
import {
  createSigner,
  deviceAnswerFormat,
  deviceRequestFormat,
  sha256,
  useCryptoBackend,
  utf8,
  type DeviceAnswer,
  type Reading
} from '@vitalchain/core'
import { createDevice, type DeviceTimers, type DeviceTransport } from '@vitalchain/device-sdk'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import type { FromDevice, MemoryUsed, ToDevice } from './messages.ts'

/** What the device's clock says at its start, ms since 1970. */
const START_MS = 1_700_000_000_000

const DAY_S = 86_400

/** Those of the hospitals, which sign each receipt. */
const keys = new Map<string, KeyObject>()

// The functions of a node, without the rest of a node.
useCryptoBackend({
  sha256: bytes => new Uint8Array(hash('sha256', bytes, 'buffer')),
  verifyEd25519(publicKey, message, signature) {
    const x = Buffer.from(publicKey).toString('base64url')
    const key =
      keys.get(x) ?? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    keys.set(x, key)
    return verify(null, message, key, signature)
  }
})

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

function nothing(): void {
  // Nobody waits yet.
}

function tell(message: FromDevice): void {
  process.send?.(message)
}

let up = false
let connections = 0
const inboxes = new Map<number, { take(bytes: Uint8Array): void; end(): void }>()

const transport: DeviceTransport = {
  name: 'program',
  async connect() {
    if (!up) throw new Error('unreachable')
    const connection = connections++
    const queue: Uint8Array[] = []
    let ended = false
    let wake = nothing
    inboxes.set(connection, {
      take(bytes) {
        queue.push(bytes)
        wake()
      },
      end() {
        ended = true
        wake()
      }
    })
    async function* answers(): AsyncGenerator<DeviceAnswer> {
      while (true) {
        const frame = queue.shift()
        if (frame !== undefined) yield deviceAnswerFormat.decode(frame)
        else if (ended) return
        else
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
    }
    tell({ type: 'connect', connection })
    return {
      // Resolves when it is written: the back-pressure of a real connection.
      send: request =>
        new Promise((resolve, reject) => {
          const bytes = deviceRequestFormat.encode(request)
          process.send?.({ type: 'frame', connection, bytes }, (error: Error | null) => {
            if (error === null) resolve()
            else reject(error)
          })
        }),
      answers: answers(),
      async close() {
        inboxes.get(connection)?.end()
        inboxes.delete(connection)
        tell({ type: 'close', connection })
      }
    }
  }
}

function liveBytes(): number {
  // Twice: what the first one finalised is free after the second.
  for (let k = 0; k < 2; k++) (globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Bytes of the most that was ever resident. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

async function run({
  genesis,
  directory,
  days,
  readings
}: Extract<ToDevice, { type: 'start' }>): Promise<void> {
  const signer = createSigner('ed25519', sha256(utf8('device')))
  const device = createDevice({
    signer,
    genesis,
    stream: { id: new Uint8Array(16), generation: 0, secret: sha256(utf8('stream')) },
    transport,
    outbox: fileOutbox(directory),
    batch: { readings, ms: 3_600_000 },
    timers,
    now: () => START_MS + now
  })
  tell({ type: 'registered', device: device.id, publicKey: signer.publicKey.bytes })
  await device.start()
  const idle = { live: liveBytes(), resident: process.memoryUsage.rss() }
  const used = (): MemoryUsed => {
    const [resident, peak] = [process.memoryUsage.rss(), peakBytes()]
    return {
      resident: resident - idle.resident,
      peak: peak - idle.resident,
      live: liveBytes() - idle.live
    }
  }
  const seconds = days * DAY_S
  const perCall = Math.max(1, Math.floor(readings / 5))
  for (let s = 0; s < seconds; s += perCall) {
    const some: Reading[] = []
    for (let k = s; k < Math.min(s + perCall, seconds); k++) some.push(...second(k))
    const recorded = device.record(some)
    // A batch that is full is stored before the next one is begun, as a device with a clock does it.
    if (some.length >= readings) await recorded
    passTime(perCall * 1_000)
  }
  await device.flush()
  tell({ type: 'recorded', memory: used(), statements: device.waiting().length })
  await device.record([{ name: 'alarm', time: 0, value: true }], { urgent: true })
  await back
  passTime(60_000)
  await device.drained()
  tell({ type: 'drained', memory: used() })
  await device.stop()
  process.disconnect()
}

let setBack = nothing
const back = new Promise<void>(resolve => {
  setBack = resolve
})

process.on('message', (message: ToDevice) => {
  if (message.type === 'start') void run(message)
  else if (message.type === 'frame') inboxes.get(message.connection)?.take(message.bytes)
  else if (message.type === 'hangUp') inboxes.get(message.connection)?.end()
  else {
    up = true
    setBack()
  }
})
