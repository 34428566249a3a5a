import { Option, type Command } from 'commander'
import { countArgument } from './arguments.ts'
import type { CliIo } from './io.ts'
import { settingsIn, withSettings } from './setting-flags.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Days of a century: longer than anything is kept. */
const RETENTION_DAYS_MAX = 36_525

/** A clock further off than this is broken; a message that takes longer is lost, ms. */
const PARAMETER_MS_MAX = 600_000

/** Bytes of payload a day: a terabyte. */
const GIB_A_DAY_MAX = 1_024
const GIB = 1024 ** 3

interface MakeOptions {
  readonly dataDir: string
  readonly passphrase: boolean
  readonly json: boolean
}

/** Adds `vitalchain init`: the directory of a hospital that founds a network. */
export function addInit(program: Command, io: CliIo, run: Run): void {
  making(
    program
      .command('init')
      .description('make the directory and the keys of a hospital that founds a network')
      .requiredOption('--data-dir <dir>', 'the new directory')
      .requiredOption('--name <name>', 'the name of the hospital')
  )
    .addHelpText(
      'after',
      `
Makes keys.json (the secret keys, encrypted with a passphrase), node.json (the settings that flags say), new-keys (that the
keys are new) and member.json, which the hospital gives to the others: its public keys and addresses, signed by all its keys.
The passphrase is asked for, or read from --passphrase-file; then node.json names that file, and start reads it too.

Examples:
  vitalchain init --data-dir /var/lib/vitalchain --name "Hospital 1" \\
    --listen /ip4/0.0.0.0/tcp/4001 --announce /dns4/node.hospital-1.example/tcp/4001
  vitalchain init --data-dir trial --name "Hospital 1" --listen /ip4/127.0.0.1/tcp/4001 --no-passphrase`
    )
    .action((options: MakeOptions & { name: string }) =>
      run(async () =>
        (await import('./init.ts')).initCommand({ ...options, settings: settingsIn(options) }, io)
      )
    )
}

/** Adds `vitalchain join`: the directory of a node that joins a network that runs. */
export function addJoin(program: Command, io: CliIo, run: Run): void {
  making(
    program
      .command('join')
      .description('make the directory of a node that joins a network: a new member, or a follower')
      .requiredOption('--data-dir <dir>', 'the new directory, or one that init made')
      .option('--name <name>', 'the name of the new member')
      .option('--from <address...>', 'nodes of the network: multiaddrs with /p2p/, or https URLs')
      .option('--network <id>', 'the network id, or the fingerprint of it')
      .option('--genesis <file>', "the network's file or genesis.cbor, instead of --from")
      .option(
        '--operator-from <dir>',
        "take the operator's key of this directory: a member's new keys"
      )
  )
    .addHelpText(
      'after',
      `
The genesis document comes from the node that --from names and is checked against the network id, which another hospital
tells you by phone. A new member's keys vote only after the members have approved it: give them member.json.

Examples:
  vitalchain join --data-dir /var/lib/vitalchain --name "Hospital 5" --listen /ip4/0.0.0.0/tcp/4001 \\
    --from /dns4/node.hospital-1.example/tcp/4001/p2p/12D3KooW... --network "7f3a 91c2 0b44 d5e6 1a2b 8c07 e91d 33f4 6ab5 0d28"
  vitalchain join --data-dir reader --follow --genesis network.json --listen /ip4/127.0.0.1/tcp/4009`
    )
    .action(
      (
        options: MakeOptions & {
          name?: string
          follow?: boolean
          from?: readonly string[]
          network?: string
          genesis?: string
          operatorFrom?: string
        }
      ) =>
        run(async () =>
          (await import('./join.ts')).joinCommand({ ...options, settings: settingsIn(options) }, io)
        )
    )
}

interface CreateOptions {
  readonly name: string
  readonly out: string
  readonly clockPrecision: number
  readonly messageDelay: number
  readonly payloadGib: number
  readonly retentionDays: readonly number[]
  readonly unsafeSmallNetwork: boolean
  readonly json: boolean
}

/** Adds `vitalchain genesis …`: the ceremony in which hospitals found a network. */
export function addGenesis(program: Command, io: CliIo, run: Run): void {
  const genesis = program
    .command('genesis')
    .description('found a network: join the parts of all hospitals, show and accept the outcome')
    .addHelpText(
      'after',
      `
Each hospital runs init and gives its member.json to one of them, who joins all with create. Each then accepts the outcome
and compares the fingerprint with the others by phone. No secret leaves any hospital.

Examples:
  vitalchain genesis create a/member.json b/member.json c/member.json d/member.json --name "Ward network" --out network.json
  vitalchain genesis accept network.json --data-dir /var/lib/vitalchain`
    )
  genesis
    .command('create')
    .description('join the parts of all founders into one file')
    .argument('<part...>', 'the member.json of each hospital')
    .requiredOption('--name <name>', 'what people call the network')
    .requiredOption('--out <file>', 'the new file')
    .addOption(
      new Option('--clock-precision <ms>', 'how far a clock may be from another, ms')
        .argParser(countArgument(1, PARAMETER_MS_MAX))
        .default(500)
    )
    .addOption(
      new Option('--message-delay <ms>', 'how long a proposal may be under way, ms')
        .argParser(countArgument(1, PARAMETER_MS_MAX))
        .default(2_000)
    )
    .addOption(
      new Option('--payload-gib <n>', "payload of one hospital's devices a day, GiB")
        .argParser(countArgument(1, GIB_A_DAY_MAX))
        .default(16)
    )
    .addOption(
      new Option('--retention-days <n...>', 'days that payloads of each class are kept')
        .argParser((text: string, before: readonly number[]) => [
          ...(before === RETENTION_DAYS ? [] : before),
          countArgument(1, RETENTION_DAYS_MAX)(text)
        ])
        .default(RETENTION_DAYS)
    )
    .option('--unsafe-small-network', 'fewer than four hospitals, which tolerate no fault', false)
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
Example:
  vitalchain genesis create a/member.json b/member.json c/member.json d/member.json --name "Ward network" --out network.json`
    )
    .action((parts: readonly string[], options: CreateOptions) =>
      run(async () => {
        const { name, out, json } = options
        const parameters = {
          clockPrecisionMs: options.clockPrecision,
          messageDelayMs: options.messageDelay,
          payloadBytesPerMemberDay: options.payloadGib * GIB,
          retentionDays: options.retentionDays,
          unsafeSmallNetwork: options.unsafeSmallNetwork
        }
        const { genesisCreateCommand } = await import('./genesis.ts')
        return genesisCreateCommand(parts, { name, out, parameters, json }, io)
      })
    )
  genesis
    .command('show')
    .description("show and check a network's file: its hospitals, network id and fingerprint")
    .argument('<file>', 'as create wrote it')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText('after', '\nExample:\n  vitalchain genesis show network.json')
    .action((file: string, options: { json: boolean }) =>
      run(async () => (await import('./genesis.ts')).genesisShowCommand(file, options, io))
    )
  genesis
    .command('accept')
    .description("take a network's file into the own directory, if the own part is in it unchanged")
    .argument('<file>', 'as create wrote it')
    .requiredOption('--data-dir <dir>', 'the directory that init made')
    .option('--network <id>', 'the network id or fingerprint that it must have')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      '\nExample:\n  vitalchain genesis accept network.json --data-dir /var/lib/vitalchain'
    )
    .action((file: string, options: { dataDir: string; network?: string; json: boolean }) =>
      run(async () => (await import('./genesis.ts')).genesisAcceptCommand(file, options, io))
    )
}

/** Ten years for what a physician needs, a year, a month: statements name one of the classes. */
const RETENTION_DAYS: readonly number[] = [3_650, 365, 30]

/** Gives a command what all need that make a directory. */
function making(command: Command): Command {
  return withSettings(command)
    .option('--no-passphrase', 'leave the secret keys unencrypted: whoever reads the file has them')
    .option('--json', 'the answer as one line of JSON', false)
}
