// Measures what this machine can do at most, then what the ledger does of it, in one run; the last part, of proofs,
// alone is `npm run bench:proofs`:
//   npm run bench
// Prints one JSON object. Ratios travel between machines; absolute numbers do not.
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { createServer, connect, type AddressInfo } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  createSigner,
  generateSecretKey,
  useCryptoBackend,
  verifySignature
} from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { benchProofs } from './bench/proofs.ts'

const bin = join(import.meta.dirname, '../packages/node/src/cli/bin.ts')

/** Ed25519 checks a second on one thread: what bounds every design that checks each signature. */
async function signatureChecksPerSecond(): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  const message = new Uint8Array(400)
  const signature = await signer.sign(message)
  for (let k = 0; k < 500; k++) verifySignature(signer.publicKey, message, signature)
  const from = performance.now()
  for (let k = 0; k < 5_000; k++) verifySignature(signer.publicKey, message, signature)
  return Math.round(5_000 / ((performance.now() - from) / 1_000))
}

/** Median time to make 4 KiB durable, ms: each block and each vote costs one such wait. */
async function syncMs(dir: string): Promise<number> {
  const file = await open(join(dir, 'sync'), 'w')
  const times: number[] = []
  for (let k = 0; k < 200; k++) {
    const from = performance.now()
    await file.write(new Uint8Array(4096))
    await file.datasync()
    times.push(performance.now() - from)
  }
  await file.close()
  return median(times)
}

/** Median round trip of 200 bytes over TCP on loopback, ms. */
async function roundTripMs(): Promise<number> {
  const server = createServer(socket => socket.pipe(socket))
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const times: number[] = []
  for (let k = 0; k < 500; k++) {
    const from = performance.now()
    socket.write(new Uint8Array(200))
    await new Promise(resolve => {
      socket.once('data', resolve)
    })
    times.push(performance.now() - from)
  }
  socket.destroy()
  server.close()
  return median(times)
}

interface Run {
  readonly batches: number
  readonly batchesPerSecond: number
  readonly readingsPerSecond: number
  readonly blocks: number
  readonly seconds: number
  readonly startupMs: number
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly rssMb: readonly number[]
}

/** Four hospitals and three devices as real processes on this machine. */
async function replay(dir: string, minutes: number, batch: number): Promise<Run> {
  const readings = join(dir, `${minutes}.csv`)
  await writeFile(readings, vitalsCsv(minutes))
  const argv = ['dev', '--readings', readings, '--batch', `${batch}`, '--exit-when-done', '--json']
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', bin, ...argv],
    {
      timeout: 600_000
    }
  )
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run
}

/** A monitor's file: seven channels a minute, slow waves, one decimal. */
function vitalsCsv(minutes: number): string {
  const header = 'minute,HR_bpm,ABPSys_mmHg,ABPDias_mmHg,ABPMean_mmHg,PULSE_bpm,RESP_pm,SpO2_%'
  const means = [72, 118, 64, 82, 72, 15, 97]
  const rows = Array.from({ length: minutes }, (_, minute) => {
    const cells = means.map((mean, k) =>
      (mean * (1 + 0.02 * Math.sin(minute / (7 + k)))).toFixed(1)
    )
    return [minute, ...cells].join(',')
  })
  return [header, ...rows, ''].join('\n')
}

function median(values: readonly number[]): number {
  return Number((values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(3))
}

function summary(run: Run, limit: { checks: number; sync: number; trip: number }): object {
  return {
    batches: run.batches,
    batchesPerSecond: run.batchesPerSecond,
    readingsPerSecond: run.readingsPerSecond,
    blocks: run.blocks,
    seconds: run.seconds,
    latencyMs: run.latencyMs,
    startupMs: run.startupMs,
    rssMb: run.rssMb,
    // Four validators check each batch once, on a machine that can do so many a second in all.
    ofSignatureLimit: Number(
      ((run.batchesPerSecond * 4) / (limit.checks * availableParallelism())).toFixed(4)
    ),
    // A commit is three message delays and two syncs (prepare, commit) on the way.
    p50OfLatencyLimit: Number((run.latencyMs.p50 / (3 * limit.trip + 2 * limit.sync)).toFixed(1))
  }
}

const dir = await mkdtemp(join(tmpdir(), 'vitalchain-bench-'))
try {
  const limit = {
    checks: await signatureChecksPerSecond(),
    sync: await syncMs(dir),
    trip: await roundTripMs()
  }
  const report = {
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
    limits: {
      signatureChecksPerSecondPerThread: limit.checks,
      syncMs: limit.sync,
      roundTripMs: limit.trip
    },
    oneReadingABatch: summary(await replay(dir, 300, 1), limit),
    sixtyReadingsABatch: summary(await replay(dir, 3_000, 60), limit),
    proofs: await benchProofs(dir)
  }
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
} finally {
  await rm(dir, { recursive: true })
}
