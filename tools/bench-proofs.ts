// Measures the history tree, proofs and receipts from 10^3 to 10^7 leaves, beside what the machine can do at most:
//   npm run bench:proofs
// Prints one JSON object; what is measured comes on the other output as it is measured.
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchProofs } from './bench/proofs.ts'

const dir = await mkdtemp(join(tmpdir(), 'vitalchain-bench-'))
try {
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  const proofs = await benchProofs(dir, point => process.stderr.write(`${JSON.stringify(point)}\n`))
  process.stdout.write(`${JSON.stringify({ machine, ...proofs }, undefined, 2)}\n`)
} finally {
  await rm(dir, { recursive: true })
}
