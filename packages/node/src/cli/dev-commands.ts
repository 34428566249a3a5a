import { VALIDATORS_MAX, VitalchainError } from '@vitalchain/core'
import { Option, type Command } from 'commander'
import { countArgument, factorArgument } from './arguments.ts'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Devices that one process simulates: each is a libp2p host. */
const DEVICES_MAX = 64

/** Readings in a batch: more do not fit its payload. */
const BATCH_MAX = 5_000

interface DevFlags {
  readonly validators: number
  readonly devices: number
  readonly batch: number
  readonly readings?: string
  readonly subject?: string
  readonly speed?: number
  readonly kill?: string
  readonly dataDir?: string
  readonly exitWhenDone: boolean
  readonly json: boolean
  readonly note?: string
}

/** Adds `vitalchain dev`: a whole network on this machine. */
export function addDev(program: Command, io: CliIo, run: Run): void {
  program
    .command('dev')
    .description('run a whole network on this machine: hospitals as processes, simulated devices')
    .addOption(count('--validators <n>', 'how many hospitals', VALIDATORS_MAX).default(4))
    .addOption(count('--devices <n>', 'how many devices', DEVICES_MAX).default(3))
    .addOption(count('--batch <n>', 'readings in a batch', BATCH_MAX).default(60))
    .option('--readings <file>', 'replay this CSV file instead of simulating patients')
    .option('--subject <id>', 'whose rows to replay, in a file with a column id')
    .option('--speed <x>', 'replay at x times real time', factorArgument)
    .option(
      '--kill <who@share>',
      'kill a validator during the replay, such as 2@40% or primary@40%'
    )
    .option('--data-dir <dir>', 'keep everything in this new directory')
    .option('--exit-when-done', 'end when all readings are proved, with a summary', false)
    .option('--json', 'the summary as one line of JSON, progress on the standard error', false)
    .option('--note <text>', 'record this text first, encrypted, on every device')
    .addHelpText(
      'after',
      `
On a terminal a view shows each hospital (* leads), the readings, the latency, and what was committed in the last minute.
Else progress is a line a second: each hospital's height/view, "down" while it does not run, "?" while it does not answer; the readings accepted and committed, the median time from a
batch signed to its receipt verified. With --exit-when-done a replay goes as fast as proofs come back, unless --speed is
given. The summary is computed from the hospitals' disks and the devices' receipts, after the nodes stopped.

The directory holds genesis.cbor, hospital-1 and so on, receipts, and keys.json with the devices' stream keys.

Examples:
  vitalchain dev
  vitalchain dev --validators 7 --devices 10
  vitalchain dev --readings ward.csv --data-dir run --kill primary@40% --exit-when-done --json`
    )
    .action((flags: DevFlags) =>
      run(async () => {
        const [{ devCommand }, { parseKillPlan }] = await Promise.all([
          import('./dev.ts'),
          import('../dev/kill-plan.ts')
        ])
        if (flags.readings === undefined) requireNone(flags)
        const { kill, ...options } = flags
        const plan = kill === undefined ? {} : { kill: parseKillPlan(kill, flags.validators) }
        return devCommand({ ...options, ...plan }, io)
      })
    )
}

function requireNone({ exitWhenDone, kill, speed, note }: DevFlags): void {
  if (exitWhenDone || kill !== undefined || speed !== undefined || note !== undefined) {
    throw new VitalchainError(
      'ERR_USAGE',
      '--exit-when-done, --kill, --speed and --note go with --readings: simulated patients have no end'
    )
  }
}

function count(flags: string, description: string, max: number): Option {
  return new Option(flags, description).argParser(countArgument(1, max))
}
