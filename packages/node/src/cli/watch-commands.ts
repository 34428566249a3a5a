import { Option, type Command } from 'commander'
import { countArgument, textArgument } from './arguments.ts'
import type { EventsFlags } from './events.ts'
import type { CliIo } from './io.ts'
import type { NodeFlags } from './own-node.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Seconds that `status` waits at most: the node answers at once or is not there. */
const STATUS_TIMEOUT_S = 5

/** Events that one run writes at most when it counts them. */
const COUNT_MAX = 999_999_999

const identity = textArgument(
  /^[0-9a-f]{64}$/,
  '64 hexadecimal digits in lower case, as --json has them'
)

/** Adds `vitalchain status`: where the own node stands. */
export function addStatus(program: Command, io: CliIo, run: Run): void {
  running(
    program.command('status').description('where a node stands: height, view, links, what waits')
  )
    .addHelpText('after', '\nExample:\n  vitalchain status --data-dir /var/lib/vitalchain')
    .action((flags: Omit<NodeFlags, 'timeout'>) =>
      run(async () => {
        const { statusCommand } = await import('./status.ts')
        return statusCommand({ ...flags, timeout: STATUS_TIMEOUT_S }, io)
      })
    )
}

/** Adds `vitalchain events`: what is committed, as it is. */
export function addEvents(program: Command, io: CliIo, run: Run): void {
  running(
    program.command('events').description('committed transactions as they come, until told to end')
  )
    .option(
      '--from <cursor>',
      'begin behind this event: height.index, 0.0 or latest',
      textArgument(/^(latest|\d{1,15}\.\d{1,9})$/, 'height.index, such as 12.0, or latest'),
      'latest'
    )
    .addOption(
      new Option('--count <n>', 'end after so many').argParser(countArgument(1, COUNT_MAX))
    )
    .option('--kind <types>', 'only these: statement, call, readings, gap, ... with commas between')
    .option('--device <id>', 'only of this device', identity)
    .option('--member <id>', 'only of this member and its devices', identity)
    .addHelpText(
      'after',
      `
Each line begins with the cursor of its event: with --from it goes on behind that one. Identities are cut to 12 digits; with
--json they are whole, as other commands take them. When the node goes away, it is asked
again until it is back, and no event is missed or told twice.

Examples:
  vitalchain events --data-dir /var/lib/vitalchain
  vitalchain events --data-dir /var/lib/vitalchain --from 0.0 --kind call --json`
    )
    .action((flags: EventsFlags) =>
      run(async () => (await import('./events.ts')).eventsCommand(flags, io))
    )
}

function running(command: Command): Command {
  return command
    .requiredOption('--data-dir <dir>', 'the directory of the own node, which runs')
    .option('--url <url>', 'where its HTTP API is, when node.json does not say')
    .option('--json', 'each answer as one line of JSON', false)
}
