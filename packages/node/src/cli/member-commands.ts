import { Option, type Command } from 'commander'
import { countArgument } from './arguments.ts'
import type { CliIo } from './io.ts'
import type { ChangeFlags } from './member-lookup.ts'
import type { NodeFlags } from './own-node.ts'

/** How long a command waits by default, s, and at most. */
const TIMEOUT_S = 60
const TIMEOUT_S_MAX = 86_400

/** The port of the HTTP API that a new directory gets by default. */
const HTTP_PORT = 7_700
const PORT_MAX = 65_535

/** Runs what a command names. */
export type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain member …`: the members of the network and their change by vote. */
export function addMember(program: Command, io: CliIo, run: Run): void {
  const member = program
    .command('member')
    .description('the members of the network: list them, change them by vote')
    .addHelpText(
      'after',
      `
A change is proposed by one member and approved by others until a quorum of all has. A removal then takes effect at once; a
newcomer, or a member's new keys, when its own node says ready. docs/guides/members.md goes through it.

Examples:
  vitalchain member list --data-dir /var/lib/vitalchain
  vitalchain member propose --add newcomer/member.json --data-dir /var/lib/vitalchain
  vitalchain member approve 1f0c9a --data-dir /var/lib/vitalchain`
    )
  addDirectoryCommands(member, io, run)

  toNode(member.command('list').description('who is a member, and which changes are open')).action(
    (flags: NodeFlags) =>
      run(async () => (await import('./member.ts')).memberListCommand(flags, io))
  )
  toNode(withChange(member.command('preview').description('what a change would do'))).action(
    (flags: NodeFlags & ChangeFlags) =>
      run(async () => (await import('./member.ts')).memberPreviewCommand(flags, io))
  )
  toNode(
    withChange(
      member
        .command('propose')
        .description('propose a change, and approve it')
        .option('--force', 'also one that lowers how many may be faulty', false)
    )
  ).action((flags: NodeFlags & ChangeFlags & { force: boolean }) =>
    run(async () => (await import('./member.ts')).memberProposeCommand(flags, io))
  )
  const change = '<change>'
  const what = 'the beginning of its identifier, as list shows it'
  toNode(
    member.command('approve').description('approve a proposed change').argument(change, what)
  ).action((name: string, flags: NodeFlags) =>
    run(async () => (await import('./member.ts')).memberApproveCommand(name, flags, io))
  )
  toNode(
    member
      .command('withdraw')
      .description('take the own approval back; a change that nobody approves any more is void')
      .argument(change, what)
  ).action((name: string, flags: NodeFlags) =>
    run(async () => (await import('./member.ts')).memberWithdrawCommand(name, flags, io))
  )
  toNode(
    member.command('ready').description('say that this node, which was approved, is up and votes')
  ).action((flags: NodeFlags) =>
    run(async () => (await import('./member.ts')).memberReadyCommand(flags, io))
  )
}

interface InitFlags {
  readonly dataDir: string
  readonly genesis: string
  readonly name: string
  readonly listen: readonly string[]
  readonly announce?: readonly string[]
  readonly bootstrap: readonly string[]
  readonly httpPort: number
  readonly operatorFrom?: string
}

function addDirectoryCommands(member: Command, io: CliIo, run: Run): void {
  member
    .command('init')
    .description('make the directory and the keys of a node that is to become a member')
    .requiredOption('--data-dir <dir>', 'the new directory')
    .requiredOption('--genesis <file>', 'the genesis document of the network')
    .requiredOption('--name <name>', 'the name of the member')
    .requiredOption('--listen <multiaddr...>', 'where the node listens')
    .requiredOption('--bootstrap <multiaddr...>', 'members of the network, with /p2p/')
    .option('--announce <multiaddr...>', 'what to tell others instead of --listen')
    .addOption(
      new Option('--http-port <port>', 'the port of the HTTP API on this machine')
        .argParser(countArgument(0, PORT_MAX))
        .default(HTTP_PORT)
    )
    .option(
      '--operator-from <dir>',
      "take the operator's key of this directory: a member's new keys"
    )
    .addHelpText(
      'after',
      `
Example:
  vitalchain member init --data-dir newcomer --genesis genesis.cbor --name "Hospital 5" \\
    --listen /ip4/0.0.0.0/tcp/4001 --bootstrap /dns4/node.hospital-1.example/tcp/4001/p2p/12D3KooW...`
    )
    .action((flags: InitFlags) =>
      run(async () => {
        const { dataDir, genesis, name, listen, bootstrap, announce, httpPort, operatorFrom } =
          flags
        const config = {
          listen,
          bootstrap,
          ...(announce === undefined ? {} : { announce }),
          http: { host: '127.0.0.1', port: httpPort }
        }
        const from = operatorFrom === undefined ? {} : { operatorFrom }
        const { memberInitCommand } = await import('./member-file.ts')
        return memberInitCommand({ dataDir, genesis, name, config, ...from }, io)
      })
    )
  member
    .command('describe')
    .description("print what others may know of a directory's keys, to propose it")
    .requiredOption('--data-dir <dir>', 'the directory')
    .requiredOption('--name <name>', 'the name of the member')
    .action((options: { dataDir: string; name: string }) =>
      run(async () => (await import('./member-file.ts')).memberDescribeCommand(options, io))
    )
}

/** Gives a command the options of all that ask the own node. */
export function toNode(command: Command): Command {
  return command
    .requiredOption('--data-dir <dir>', 'the directory of the own node, which runs')
    .option('--url <url>', 'where its HTTP API is, when node.json does not say')
    .option('--json', 'the answer as one line of JSON', false)
    .addOption(
      new Option('--timeout <s>', 'seconds to wait until it is committed')
        .argParser(countArgument(1, TIMEOUT_S_MAX))
        .default(TIMEOUT_S)
    )
}

function withChange(command: Command): Command {
  return command
    .option('--add <file>', 'a newcomer, as member init or describe wrote it')
    .option('--remove <member>', 'a member, by its name or identifier')
    .option('--replace <file>', 'a member with its new keys, as member init or describe wrote them')
}
