import type { Command } from 'commander'
import { hashArgument } from './arguments.ts'
import type { BackupOptions } from './backup.ts'
import type { CliIo } from './io.ts'
import type { RestoreCommandOptions } from './restore.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain backup` and `vitalchain restore`. */
export function addBackup(program: Command, io: CliIo, run: Run): void {
  const backup = program
    .command('backup')
    .description('back up the ledger of a node, which may run, into one file')
    .option('--data-dir <dir>', 'the directory of the node, on this machine')
    .option(
      '--url <url>',
      "where the node's administration listens, when the directory does not say"
    )
    .option('--token-file <file>', "with --url alone: the file of the operator's token")
    .option('--out <file>', 'the file to write; it must not exist')
    .option('--with-keys', 'copy keys.json too, which must be encrypted, into FILE.keys', false)
    .option('--json', 'one line of JSON', false)
    .addHelpText(
      'after',
      `
Every block that is committed when it begins, with its certificate, and the payloads that the node has of them. What the
node's keys signed is never in a backup: put back, it could make them sign twice. docs/guides/backup.md has the whole story.

Examples:
  vitalchain backup --data-dir /var/lib/vitalchain --out monday.backup
  vitalchain backup --url http://127.0.0.1:7800 --token-file token --out monday.backup
  vitalchain backup verify monday.backup --network 1f0c...`
    )
    .action((options: BackupOptions) =>
      run(async () => (await import('./backup.ts')).backupCommand(options, io))
    )
  backup
    .command('verify')
    .description('check a backup from its first byte to its last, as a restore would')
    .argument('<file>', 'the backup')
    .option(
      '--network <hex>',
      'the network that it must be of, the SHA-256 of its genesis',
      hashArgument
    )
    .option('--json', 'one line of JSON', false)
    .addHelpText(
      'after',
      `
Every block is carried out again in a scratch directory: every certificate, signature, rule and root, and the hash of every payload.

Example:
  vitalchain backup verify monday.backup`
    )
    .action((file: string, options: { network?: Uint8Array; json: boolean }, command: Command) => {
      // What both commands have, such as --json, the outer one takes.
      const all: typeof options = command.optsWithGlobals()
      return run(async () =>
        (await import('./verify-backup.ts')).verifyBackupCommand(file, all, io)
      )
    })

  program
    .command('restore')
    .description('make the ledger of an empty data directory from a backup')
    .requiredOption(
      '--data-dir <dir>',
      'the directory; node.json and keys.json may be there already'
    )
    .option('--from <file>', 'the backup')
    .option('--keys <file>', 'an encrypted keys.json to put into the directory')
    .option(
      '--network <hex>',
      'the network that it must be of, the SHA-256 of its genesis',
      hashArgument
    )
    .option(
      '--acknowledge',
      'take note of what a restore lost: the node says no more of it after its next start',
      false
    )
    .option('--json', 'one line of JSON', false)
    .addHelpText(
      'after',
      `
Every block is carried out and checked. Cut off, the directory says so, no node starts in it, and the same command begins anew.

The restored node follows until it is safe to vote: two blocks after a quorum of others answered what they have. When all
hospitals were restored there is no such quorum: docs/guides/backup.md says how to go on, and what is lost.

Examples:
  vitalchain restore --from monday.backup --data-dir /var/lib/vitalchain
  vitalchain restore --acknowledge --data-dir /var/lib/vitalchain`
    )
    .action((options: RestoreCommandOptions) =>
      run(async () => (await import('./restore.ts')).restoreCommand(options, io))
    )
}
