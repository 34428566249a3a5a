// Asks both HTTP servers of a node whatever their descriptions allow, and what they do not: `npm run fuzz:api -- --requests 40000 --seed 7`.
// Ends with 1 when an answer is not as described, was a fault of the node, or memory grew.
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fuzzApi } from './api-fuzz.ts'
import { startFuzzedService } from './fuzzed-service.ts'
import { TOKEN } from './service.ts'
import { fuzzSocket } from './socket-fuzz.ts'

/** How much the heap may grow from the first tenth of a run to its end, bytes: a leak of 1 kB a request would be 20 MB. */
const GROWTH_BYTES_MAX = 16 * 1024 * 1024

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) }
  }
})
const requests = Number(values.requests)
const seed = Number(values.seed)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const print = (line: string): void => void process.stdout.write(`${line}\n`)

function heapUsed(): number {
  collect()
  return process.memoryUsage().heapUsed
}

const service = await startFuzzedService()
print(`seed ${seed}`)
let isRight = true

function show(
  name: string,
  { requests: sent, statuses, findings }: Awaited<ReturnType<typeof fuzzSocket>>
): void {
  const counts = [...statuses].toSorted(([a], [b]) => a - b).map(pair => pair.join(': '))
  print(`${name}: ${sent} requests; ${counts.join(', ')}; ${findings.length} findings`)
  for (const finding of findings) print(`  ${finding}`)
  if (findings.length > 0) isRight = false
}

for (const [name, { app, operations, seeds }, share] of [
  ['API', service.api, 0.8],
  ['administration', service.admin, 0.2]
] as const) {
  const warm = await fuzzApi(app, operations, seeds, { requests: 0.1 * share * requests, seed })
  const before = heapUsed()
  const rest = await fuzzApi(app, operations, seeds, {
    requests: 0.9 * share * requests,
    seed: seed + 1
  })
  const growth = heapUsed() - before
  show(name, warm)
  show(name, rest)
  const missed = operations.filter(({ id }) => !rest.succeeded.has(id)).map(({ id }) => id)
  print(`  never with success: ${missed.join(', ')}`)
  print(`  heap: ${(growth / 1024 / 1024).toFixed(1)} MB more`)
  if (growth > GROWTH_BYTES_MAX) isRight = false
}
const url = await service.listen()
show('socket', await fuzzSocket(url, TOKEN, { requests: Math.ceil(requests / 20), seed }))
for (const failure of service.failures) print(`  failed: ${failure}`)
if (service.failures.length > 0) isRight = false
await service.stop()
process.exitCode = isRight ? 0 : 1
