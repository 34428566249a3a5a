import { VALIDATORS_MAX, VitalchainError } from '@vitalchain/core'
import { Command, CommanderError, Option } from 'commander'
import { countArgument, factorArgument } from './arguments.ts'
import { addDevice } from './device-commands.ts'
import { errorExit, errorLine, EXIT, type CliIo } from './io.ts'
import { addMember } from './member-commands.ts'
import { addProve, addReceipt } from './proof-commands.ts'
import { namedFault } from './system-fault.ts'
import { addVerify } from './verify-commands.ts'
import { version } from './version.ts'

/** Devices that one process simulates: each is a libp2p host. */
const DEVICES_MAX = 64

/** Readings in a batch: more do not fit its payload. */
const BATCH_MAX = 5_000

const EXIT_CODES = `
Exit codes:
  0  it went well; for verify: every proof is valid; for dump --grep: the text was found
  1  it did not: an invalid proof, a text not found, something lost, a run that was interrupted, or a node that stopped
     with an error
  2  it was called wrongly, or a file or directory that it was given cannot be used`

/**
 * Runs the command that the arguments name.
 *
 * @param argv - without the program's name
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const result: { exit: number } = { exit: EXIT.ok }
  const program = createProgram(io, async command => {
    result.exit = await command()
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return result.exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const named = namedFault(error)
    io.err(errorLine(named))
    return errorExit(named)
  }
}

type Run = (command: () => Promise<number>) => Promise<void>

// Each command loads what it needs: verifying a receipt does not load libp2p.
function createProgram(io: CliIo, run: Run): Command {
  const program = new Command('vitalchain')
    .description('A ledger that hospitals run together.')
    .version(version())
    .addHelpText('after', `${EXIT_CODES}\n\nvitalchain help COMMAND says more, with examples.`)
  // Before the commands: they take these settings over.
  program.exitOverride().configureOutput({
    writeOut: text => io.out(text.replace(/\n$/, '')),
    writeErr: text => io.err(text.replace(/\n$/, ''))
  })
  addStart(program, io, run)
  addSigner(program, io, run)
  addDev(program, io, run)
  addMember(program, io, run)
  addDevice(program, io, run)
  addVerify(program, io, run)
  addReceipt(program, io, run)
  addProve(program, io, run)
  addRepair(program, io, run)
  addExport(program, io, run)
  addDump(program, io, run)
  addBlame(program, io, run)
  return program
}

function addStart(program: Command, io: CliIo, run: Run): void {
  program
    .command('start')
    .description('run one node, until SIGTERM or SIGINT')
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--stop-on-input-end', 'also stop when the standard input ends', false)
    .option(
      '--i-accept-double-sign-risk',
      'vote although the votes of this key are lost; recorded on the chain',
      false
    )
    .option('--mqtt <url>', 'an MQTT 5 broker at which devices reach this node too')
    .addHelpText(
      'after',
      `
The directory holds node.json ({"listen": [multiaddr, ...], "bootstrap": [multiaddr, ...], "http": {"host", "port", "allowOrigins"}}),
genesis.cbor, and keys.json with the node's secret seeds in hexadecimal. The seeds are not encrypted: the file must be
readable by its owner alone (0600). The operator's token for the HTTP API is made at the first start, in api-token.

With "signer": "/path.sock" in node.json the consensus key is in another process, vitalchain signer, and not in keys.json.

A validator whose votes are missing (a new or restored directory, a key from elsewhere) follows until it is safe to vote
again: two blocks after a quorum of others answered what they have. With too few others it waits for ever, and says so;
then --i-accept-double-sign-risk makes it vote at once, if its operator knows that nothing else runs with its key.

The URL of a broker is mqtt:, mqtts:, ws: or wss:, with the user's name in it if the broker asks for one
(mqtts://node@broker.example:8883); the password is taken from the environment, VITALCHAIN_MQTT_PASSWORD.

One line of JSON on the standard output says that the node is ready and where; logs go to the standard error.

Example:
  vitalchain start --data-dir /var/lib/vitalchain`
    )
    .action(
      (options: {
        dataDir: string
        stopOnInputEnd: boolean
        iAcceptDoubleSignRisk: boolean
        mqtt?: string
      }) => run(async () => (await import('./start.ts')).startCommand(options, io))
    )
}

function addSigner(program: Command, io: CliIo, run: Run): void {
  program
    .command('signer')
    .description(
      "hold a validator's consensus key in a process of its own, until SIGTERM or SIGINT"
    )
    .requiredOption('--data-dir <dir>', 'the directory of the signer')
    .requiredOption(
      '--socket <path>',
      'where its node connects: a Unix socket (mode 0600), or a pipe on Windows'
    )
    .option('--stop-on-input-end', 'also stop when the standard input ends', false)
    .addHelpText(
      'after',
      `
The directory holds genesis.cbor, keys.json with "consensus", the secret seed in hexadecimal (0600), and what the key signed,
in votes. To move a key here, stop the node, move (never copy) "consensus" from its keys.json and its directories votes and
new-keys, and put "signer": "<path>" into its node.json.

The signer serves one node at a time and signs only what may follow what it signed before, whatever the node asks.

Example:
  vitalchain signer --data-dir /var/lib/vitalchain-signer --socket /run/vitalchain/signer.sock`
    )
    .action((options: { dataDir: string; socket: string; stopOnInputEnd: boolean }) =>
      run(async () => (await import('./signer.ts')).signerCommand(options, io))
    )
}

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

function addDev(program: Command, io: CliIo, run: Run): void {
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
Progress is a line a second: each hospital's height/view, "down" while it does not run, "?" while it does not answer; the readings accepted and committed, the median time from a
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

function addRepair(program: Command, io: CliIo, run: Run): void {
  program
    .command('repair')
    .description("make a stopped node's damaged store anew, from its own sound blocks")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .addHelpText(
      'after',
      `
Carries the blocks out again, up to the first that is damaged, into a new store, and keeps the old one beside it. The node
fetches the rest from the other hospitals when it starts. What its keys signed is not touched.

Example:
  vitalchain repair --data-dir /var/lib/vitalchain`
    )
    .action((options: { dataDir: string }) =>
      run(async () => (await import('./repair.ts')).repairCommand(options, io))
    )
}

function addExport(program: Command, io: CliIo, run: Run): void {
  program
    .command('export')
    .description("write a stopped node's readings, decrypted, as CSV, or its whole ledger")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--keys <file>', "the devices' stream keys, as dev writes them")
    .option('--out <file>', 'where to write, instead of the standard output')
    .option('--like <file>', 'in the form of this replayed file, so that diff can compare them')
    .addOption(
      new Option(
        '--ledger <file>',
        'write the whole ledger into this new file, encrypted as it is'
      ).conflicts(['keys', 'out', 'like'])
    )
    .addHelpText(
      'after',
      `
The columns are time,device,code,unit,value,flag. What cannot be opened is counted and makes the exit code 1.

Examples:
  vitalchain export --data-dir run/hospital-1 --keys run/keys.json --out readings.csv
  vitalchain export --data-dir run/hospital-1 --keys run/keys.json --like ward.csv | diff - ward.csv
  vitalchain export --data-dir run/hospital-1 --ledger ledger.vitalchain`
    )
    .action(
      (options: { dataDir: string; keys?: string; out?: string; like?: string; ledger?: string }) =>
        run(async () => {
          const { dataDir, keys, ledger } = options
          if (ledger !== undefined)
            return (await import('./export-ledger.ts')).exportLedgerCommand({ dataDir, ledger }, io)
          if (keys === undefined)
            throw new VitalchainError('ERR_USAGE', 'say what to export: --keys or --ledger')
          return (await import('./export.ts')).exportCommand({ ...options, keys }, io)
        })
    )
}

function addDump(program: Command, io: CliIo, run: Run): void {
  program
    .command('dump')
    .description("write every key and value of a stopped node's stores, a line of JSON each")
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--grep <text>', 'only entries that hold this text; exit code 1 when there are none')
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

function addBlame(program: Command, io: CliIo, run: Run): void {
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

function count(flags: string, description: string, max: number): Option {
  return new Option(flags, description).argParser(countArgument(1, max))
}
