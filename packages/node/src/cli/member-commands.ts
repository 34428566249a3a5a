import { Option, type Command } from 'commander'
import { countArgument } from './arguments.ts'
import { addExamples } from './examples.ts'
import type { CliIo } from './io.ts'
import type { DescribeFlags } from './member-file.ts'
import type { ChangeFlags } from './member-lookup.ts'
import type { NodeFlags } from './own-node.ts'

/** How long a command waits by default, s, and at most. */
const TIMEOUT_S = 60
const TIMEOUT_S_MAX = 86_400

/** Protocol versions are 32 bits wide. */
const VERSION_MAX = 2 ** 32 - 1

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
  const what = 'the name of the member that it is about, or the beginning of its identifier'
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
  toNode(
    member
      .command('activate')
      .description('vote for a newer protocol version; a quorum of equal votes activates it')
      .argument(
        '<version>',
        'the version, which every node should know',
        countArgument(1, VERSION_MAX)
      )
      .addOption(
        new Option('--at <height>', 'the first block that follows it')
          .argParser(countArgument(1, Number.MAX_SAFE_INTEGER))
          .makeOptionMandatory()
      )
  ).action((version: number, flags: NodeFlags & { at: number }) =>
    run(async () => (await import('./member.ts')).memberActivateCommand(version, flags, io))
  )
  addExamples(member, {
    list: '--data-dir /var/lib/vitalchain',
    preview: '--add member.json --data-dir /var/lib/vitalchain',
    propose: '--remove "Hospital 5" --data-dir /var/lib/vitalchain',
    approve: '"Hospital 5" --data-dir /var/lib/vitalchain',
    withdraw: '1f0c9a --data-dir /var/lib/vitalchain',
    activate: '2 --at 120000 --data-dir /var/lib/vitalchain',
    ready: '--data-dir /var/lib/vitalchain'
  })
}

function addDirectoryCommands(member: Command, io: CliIo, run: Run): void {
  member
    .command('describe')
    .description("print what others may know of a directory's keys, to propose it")
    .requiredOption('--data-dir <dir>', 'the directory')
    .requiredOption('--name <name>', 'the name of the member')
    .option('--passphrase-file <file>', 'the passphrase of keys.json; else it is asked for')
    .option('--json', 'on one line', false)
    .addHelpText(
      'after',
      '\nExample:\n  vitalchain member describe --data-dir /var/lib/vitalchain --name "Hospital 5" > member.json'
    )
    .action((options: DescribeFlags) =>
      run(async () => (await import('./member-file.ts')).memberDescribeCommand(options, io))
    )
}

/** Gives a command the options of all that ask the own node. */
export function toNode(command: Command): Command {
  return command
    .requiredOption('--data-dir <dir>', 'the directory of the own node, which runs')
    .option('--url <url>', 'where its HTTP API is, when node.json does not say')
    .option('--passphrase-file <file>', 'the passphrase of its keys.json, when one is needed')
    .option('--json', 'the answer as one line of JSON', false)
    .addOption(
      new Option('--timeout <s>', 'seconds to wait until it is committed')
        .argParser(countArgument(1, TIMEOUT_S_MAX))
        .default(TIMEOUT_S)
    )
}

function withChange(command: Command): Command {
  return command
    .option('--add <file>', 'a newcomer, as join or describe wrote it')
    .option('--remove <member>', 'a member, by its name or identifier')
    .option('--replace <file>', 'a member with its new keys, as join or describe wrote them')
}
