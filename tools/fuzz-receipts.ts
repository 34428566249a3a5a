import { useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { readFlags, wholeNumber } from './flags.ts'

// Verifies mutated receipts: bits and bytes changed, cut, spliced, encoded otherwise, changed inside with all hashes made
// anew, signed again with the keys of too few. None may crash the verifier, and none be accepted. The same seed gives
// the same mutants.
//
//   npm run fuzz [-- --seed 1 --count 100000]

interface Report {
  readonly tried: number
  readonly refused: ReadonlyMap<string, number>
  readonly kinds: ReadonlyMap<string, number>
  readonly genuine: number
  readonly faults: readonly string[]
}

interface Fuzzer {
  readonly fuzzReceipts: (options: {
    readonly seed: number
    readonly count: number
  }) => Promise<Report>
}

const values = readFlags({
  seed: { type: 'string', default: '1' },
  count: { type: 'string', default: '100000' }
})
const seed = wholeNumber('seed', values.seed, 0)
const count = wholeNumber('count', values.count, 1)

// Imported by its address: the fuzzer is part of another TypeScript project, the tests of core.
const source = new URL('../packages/core/test/ledger/receipt-fuzz.ts', import.meta.url).href
const { fuzzReceipts } = (await import(source)) as Fuzzer
useCryptoBackend(nodeCryptoBackend)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function table(counts: ReadonlyMap<string, number>): void {
  for (const [name, times] of [...counts].toSorted(([, a], [, b]) => b - a))
    say(`  ${String(times).padStart(8)}  ${name}`)
}

const before = performance.now()
const report = await fuzzReceipts({ seed, count })
const seconds = (performance.now() - before) / 1_000
say(`${report.tried} mutated receipts of seed ${seed} in ${seconds.toFixed(1)} s`)
table(report.kinds)
say('refused:')
table(report.refused)
say(`${report.genuine} came out as another receipt that the ledger gives itself, and were accepted`)
for (const fault of report.faults) say(fault)
say(report.faults.length === 0 ? 'no crash, nothing accepted wrongly' : 'FAULTS, see above')
if (report.faults.length > 0) process.exitCode = 1
