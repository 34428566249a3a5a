import type { Command } from 'commander'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain doctor`: what is wrong, and what to do. */
export function addDoctor(program: Command, io: CliIo, run: Run): void {
  program
    .command('doctor')
    .description('say what is wrong with a node and its network, and what to do')
    .option('--data-dir <dir>', 'the directory of the node, which need not run')
    .option('--config <file>', 'the file of settings, when it is not in the directory')
    .option('--url <url>', 'where the HTTP API of the node is, when the settings do not say')
    .option('--token-file <file>', 'a token for that API, when the directory has none')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
A node that answers is asked: who is missing in the quorum and why, clocks, versions, who breaks the rules, disk, files. Of a node
that does not, the directory is looked at as its start would: settings, keys, genesis, ledger, ports, disk; and what answers at
the addresses of the others. Nothing is changed. Each finding has a stable code; docs/guides/troubleshooting.md lists them.

Exit codes: 0 when nobody has to act, 1 when somebody has, 2 for a wrong call.

Examples:
  vitalchain doctor --data-dir /var/lib/vitalchain
  vitalchain doctor --url http://10.0.0.7:7700 --token-file monitor-token --json`
    )
    .action(
      (options: {
        dataDir?: string
        config?: string
        url?: string
        tokenFile?: string
        json: boolean
      }) => run(async () => (await import('./doctor.ts')).doctorCommand(options, io))
    )
}
