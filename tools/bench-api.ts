// Reads status and receipts of one node at a steady rate while its network commits, and the same without readers:
//   npm run bench:api -- --seconds 60 --rate 1000
// Prints one JSON object. Ends with 1 when a bound is broken. Readers run in a process of their own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { toHex } from '@vitalchain/core'
import { operatorToken } from '../packages/node/src/cli/node-dir.ts'
import { round, startSteadyNetwork, type Phase } from './bench/steady-network.ts'
import { readFlags, wholeNumber } from './flags.ts'

/** What a reader may wait at the 99th percentile, ms, and by how much commits may become slower. */
const READ_P99_MS = 50
const COMMIT_RATIO_MAX = 1.2

/** Ms of CPU that a process has used; not known outside of Linux. */
function cpuMsOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime and stime, in ticks of 10 ms. proc(5)
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return Number.NaN
  }
}

const flags = readFlags({
  seconds: { type: 'string', default: '60' },
  rate: { type: 'string', default: '1000' },
  devices: { type: 'string', default: '4' },
  every: { type: 'string', default: '250' }
})
const seconds = wholeNumber('seconds', flags.seconds, 1)
const rate = wholeNumber('rate', flags.rate, 1)
const network = await startSteadyNetwork(
  wholeNumber('devices', flags.devices, 1),
  wholeNumber('every', flags.every, 1)
)
try {
  const [hospital] = network.hospitals
  if (hospital === undefined) throw new Error('no hospital')
  const cpuMs = (): number => cpuMsOf(hospital.process.pid)
  const atFirst = cpuMs()
  const before = await network.measure(seconds)
  const alone = cpuMs() - atFirst
  const reader = spawn(
    process.execPath,
    ['--conditions=@vitalchain/source', join(import.meta.dirname, 'bench/api-reader.ts')],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  reader.stdin.end(
    JSON.stringify({
      url: hospital.url,
      token: await operatorToken(hospital.dataDir),
      rate,
      seconds,
      ids: network.recent.map(toHex)
    })
  )
  const withReaders = cpuMs()
  const [during, read] = await Promise.all([
    network.measure(seconds),
    text(reader.stdout),
    once(reader, 'exit')
  ])
  const spent = cpuMs() - withReaders - alone
  const after = await network.measure(Math.min(seconds, 20))
  const reads = JSON.parse(read) as {
    readonly requests: number
    readonly p99: number
    readonly failed: number
  }
  const base: Phase = { ...before, p50: (before.p50 + after.p50) / 2 }
  const ratios = {
    commitP50: round(during.p50 / base.p50),
    batchesPerSecond: round(during.batchesPerSecond / before.batchesPerSecond)
  }
  process.stdout.write(
    `${JSON.stringify(
      {
        machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
        reads: { ...reads, nodeCpuMsEach: round(spent / reads.requests) },
        commits: { without: before, with: during, after },
        ratios
      },
      undefined,
      2
    )}\n`
  )
  if (reads.p99 >= READ_P99_MS || reads.failed > 0 || ratios.commitP50 > COMMIT_RATIO_MAX)
    process.exitCode = 1
} finally {
  await network.stop()
}
