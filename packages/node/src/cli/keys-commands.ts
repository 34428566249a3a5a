import type { Command } from 'commander'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain keys …`: the file of a node's secret keys. */
export function addKeys(program: Command, io: CliIo, run: Run): void {
  const keys = program
    .command('keys')
    .description("the file of a node's secret keys")
    .addHelpText(
      'after',
      `
Examples:
  vitalchain keys passphrase --data-dir /var/lib/vitalchain
  vitalchain keys passphrase --data-dir /var/lib/vitalchain --new-passphrase-file new.txt`
    )
  keys
    .command('passphrase')
    .description('encrypt the keys of a stopped node with a new passphrase')
    .requiredOption('--data-dir <dir>', 'the directory of the node, or of a signer')
    .option('--passphrase-file <file>', 'the passphrase of before; else it is asked for')
    .option('--new-passphrase-file <file>', 'the new passphrase; else it is asked for, twice')
    .option('--no-passphrase', 'decrypt the keys: whoever reads the file has them')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
The old file is overwritten. Copies of it elsewhere still open with the old passphrase.

Example:
  vitalchain keys passphrase --data-dir /var/lib/vitalchain`
    )
    .action(
      (options: {
        dataDir: string
        passphraseFile?: string
        newPassphraseFile?: string
        passphrase: boolean
        json: boolean
      }) => run(async () => (await import('./keys.ts')).keysPassphraseCommand(options, io))
    )
}
