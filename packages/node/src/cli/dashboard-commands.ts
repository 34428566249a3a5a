import { Option, type Command } from 'commander'
import { ROLES } from '../http/roles.ts'
import type { DashboardFlags } from './dashboard.ts'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain dashboard`: an address that signs in to the dashboard once. */
export function addDashboard(program: Command, io: CliIo, run: Run): void {
  program
    .command('dashboard')
    .description('the address of the dashboard, with a code that signs in once')
    .requiredOption('--data-dir <dir>', 'the directory of the own node, which runs')
    .option('--url <url>', 'where its HTTP API is, when node.json does not say')
    .addOption(new Option('--role <role>', 'what it opens').choices(ROLES).default('reader'))
    .option('--json', 'one line of JSON', false)
    .addHelpText(
      'after',
      `
Open the address in a browser within two minutes. The session ends after 12 hours, or when the node stops.

Examples:
  vitalchain dashboard --data-dir /var/lib/vitalchain
  vitalchain dashboard --data-dir /var/lib/vitalchain --role monitor`
    )
    .action((flags: DashboardFlags) =>
      run(async () => (await import('./dashboard.ts')).dashboardCommand(flags, io))
    )
}
