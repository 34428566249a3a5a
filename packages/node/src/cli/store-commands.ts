import { VitalchainError } from '@vitalchain/core'
import { Option, type Command } from 'commander'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain repair`: a damaged store made anew. */
export function addRepair(program: Command, io: CliIo, run: Run): void {
  program
    .command('repair')
    .description("make a stopped node's damaged store anew, from its own sound blocks")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
Carries the blocks out again, up to the first that is damaged, into a new store, and keeps the old one beside it. The node
fetches the rest from the other hospitals when it starts. What its keys signed is not touched.

Example:
  vitalchain repair --data-dir /var/lib/vitalchain`
    )
    .action((options: { dataDir: string; json: boolean }) =>
      run(async () => (await import('./repair.ts')).repairCommand(options, io))
    )
}

/** Adds `vitalchain export`: readings, or the whole ledger. */
export function addExport(program: Command, io: CliIo, run: Run): void {
  program
    .command('export')
    .description("write a stopped node's readings, decrypted, as CSV, or its whole ledger")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--keys <file>', "the devices' stream keys, as dev writes them")
    .addOption(
      new Option(
        '--custodian <file>',
        "a custodian's secret X25519 key, in hexadecimal, in place of --keys"
      ).conflicts(['keys', 'ledger', 'like'])
    )
    .option('--wrapped <files...>', 'stream keys that were wrapped for the custodian')
    .option('--out <file>', 'where to write, instead of the standard output')
    .option('--like <file>', 'in the form of this replayed file, so that diff can compare them')
    .addOption(
      new Option(
        '--ledger <file>',
        'write the whole ledger into this new file, encrypted as it is'
      ).conflicts(['keys', 'out', 'like'])
    )
    .option('--json', 'what was written as one line of JSON; readings need --out then', false)
    .addHelpText(
      'after',
      `
The columns are time,device,code,unit,value,flag. What cannot be opened is counted and makes the exit code 1.

Examples:
  vitalchain export --data-dir run/hospital-1 --keys run/keys.json --out readings.csv
  vitalchain export --data-dir run/hospital-1 --keys run/keys.json --like ward.csv | diff - ward.csv
  vitalchain export --data-dir run/hospital-1 --custodian custodian.key --wrapped stream-*.keys
  vitalchain export --data-dir run/hospital-1 --ledger ledger.vitalchain`
    )
    .action(
      (options: {
        dataDir: string
        keys?: string
        custodian?: string
        wrapped?: string[]
        out?: string
        like?: string
        ledger?: string
        json: boolean
      }) =>
        run(async () => {
          const { dataDir, keys, custodian, ledger, json } = options
          if (ledger !== undefined)
            return (await import('./export-ledger.ts')).exportLedgerCommand(
              { dataDir, ledger, json },
              io
            )
          if (keys === undefined && custodian === undefined)
            throw new VitalchainError(
              'ERR_USAGE',
              'say what to export: --keys, --custodian or --ledger'
            )
          return (await import('./export.ts')).exportCommand(options, io)
        })
    )
}

/** Adds `vitalchain dump`: everything that a store holds. */
export function addDump(program: Command, io: CliIo, run: Run): void {
  program
    .command('dump')
    .description("write every key and value of a stopped node's stores, a line of JSON each")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--grep <text>', 'only entries that hold this text; exit code 1 when there are none')
    .option('--json', 'as it does in any case: each entry is a line of JSON', false)
    .addHelpText(
      'after',
      `
Example:
  vitalchain dump --data-dir run/hospital-1 --grep "Hospital 1"`
    )
    .action((options: { dataDir: string; grep?: string }) =>
      run(async () => (await import('./dump.ts')).dumpCommand(options, io))
    )
}

/** Adds `vitalchain blame`: who made a fork. */
export function addBlame(program: Command, io: CliIo, run: Run): void {
  program
    .command('blame')
    .description('look for a fork between the ledgers of stopped nodes, and name who made it')
    .requiredOption('--data-dir <dir...>', 'the directories of two or more nodes')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
Two certified blocks at one height mean that more members broke the rules than are tolerated. Those who are proved to have
done so are named; the proofs are signatures in the ledgers and in what the nodes heard. Exit code 1 when there is a fork.

Example:
  vitalchain blame --data-dir a/hospital-1 --data-dir b/hospital-2`
    )
    .action((options: { dataDir: readonly string[]; json: boolean }) =>
      run(async () => {
        if (options.dataDir.length < 2)
          throw new VitalchainError('ERR_USAGE', 'give the directories of two nodes or more')
        return (await import('./blame.ts')).blameCommand(options, io)
      })
    )
}
