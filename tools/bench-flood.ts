// Measures the others' time to a verified receipt while one device hands over a hundred times as much as they do:
//   npm run bench:flood -- --seconds 60
// Prints one JSON object. Ends with 1 when the 99th percentile more than doubles, or the device is not refused.
import { setTimeout as pause } from 'node:timers/promises'
import {
  CONTENT_FORMAT_SENML_CBOR,
  deviceId,
  sha256,
  signCose,
  statementFormat,
  statementId,
  statementTransaction
} from '@vitalchain/core'
import { unitFormat } from '../packages/node/src/pool/unit.ts'
import { round, startSteadyNetwork } from './bench/steady-network.ts'
import { readFlags, wholeNumber } from './flags.ts'

/** By how much the others may become slower. */
const RATIO_MAX = 2

/** Requests of the device under way at once. */
const AT_ONCE = 16

const flags = readFlags({
  // 360 batches of the others: of fewer the 99th percentile is one or two of them.
  seconds: { type: 'string', default: '60' },
  devices: { type: 'string', default: '6' },
  every: { type: 'string', default: '1000' },
  times: { type: 'string', default: '100' }
})
const seconds = wholeNumber('seconds', flags.seconds, 1)
const devices = wholeNumber('devices', flags.devices, 2)
const every = wholeNumber('every', flags.every, 1)
const times = wholeNumber('times', flags.times, 1)
const network = await startSteadyNetwork(devices, every)
const { idle: signer } = network
const device = deviceId(signer.publicKey)

/** The statements of the device, in order: each is signed when it is reached first. */
const units: Promise<Uint8Array>[] = []
let previous: Uint8Array = new Uint8Array(32)
function unitAt(seq: number): Promise<Uint8Array> {
  const known = units[seq]
  if (known !== undefined) return known
  const payload = sha256(new Uint8Array([seq & 255, (seq >> 8) & 255, (seq >> 16) & 255]))
  const time = Date.now()
  const statement = statementFormat.encode({
    type: 'readings',
    network: network.network,
    device,
    lane: 0,
    boot: 0,
    seq,
    previous,
    from: time,
    to: time,
    clock: undefined,
    count: 1,
    stream: new Uint8Array(16),
    generation: 0,
    epoch: 0,
    flags: 0,
    retention: 0,
    contentFormat: CONTENT_FORMAT_SENML_CBOR,
    payloadSize: payload.length,
    payloadDigest: sha256(payload),
    commitment: new Uint8Array(32)
  })
  previous = statementId(statement)
  const made = signCose(signer, statement).then(cose =>
    unitFormat.encode({ transaction: statementTransaction(cose), payload })
  )
  units[seq] = made
  return made
}

const answers = new Map<string, number>()
let retryAfter: string | null = null
let next = 0
let taken = 0

/** Hands one over. What was refused is next again, with all behind it. */
async function handOver(url: string, seq: number): Promise<void> {
  const answer = await fetch(new URL('/v1/transactions', url), {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: Uint8Array.from(await unitAt(seq))
  })
  await answer.arrayBuffer()
  const { status } = answer
  answers.set(String(status), (answers.get(String(status)) ?? 0) + 1)
  if (status === 202 || status === 409) taken = Math.max(taken, seq + 1)
  else next = Math.min(next, Math.max(taken, seq))
  if (status === 429) retryAfter = answer.headers.get('retry-after')
}

async function flood(url: string, end: AbortSignal): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const begin = performance.now()
  for (let sent = 0; !end.aborted; sent++) {
    const due = begin + (sent * every) / times
    await pause(Math.max(0, due - performance.now()))
    if (underWay.size >= AT_ONCE) await Promise.race(underWay)
    const work = handOver(url, next).finally(() => underWay.delete(work))
    next += 1
    underWay.add(work)
  }
  await Promise.all(underWay)
}

try {
  const before = await network.measure(seconds)
  const [hospital] = network.hospitals
  if (hospital === undefined) throw new Error('no hospital')
  const end = new AbortController()
  const flooding = flood(hospital.url, end.signal)
  const during = await network.measure(seconds)
  end.abort()
  await flooding
  const ratio = round(during.p99 / before.p99)
  const refused = answers.get('429') ?? 0
  process.stdout.write(
    `${JSON.stringify({ before, during, ratio, flooder: { ...Object.fromEntries(answers), retryAfter } }, undefined, 2)}\n`
  )
  if (ratio > RATIO_MAX || refused === 0 || retryAfter === null) process.exitCode = 1
} finally {
  await network.stop()
}
