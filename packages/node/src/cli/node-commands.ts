import type { Command } from 'commander'
import type { CliIo } from './io.ts'
import { settingsIn, withSettings } from './setting-flags.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain start`: one node. */
export function addStart(program: Command, io: CliIo, run: Run): void {
  withSettings(
    program
      .command('start')
      .description('run one node, until SIGTERM or SIGINT')
      .requiredOption('--data-dir <dir>', 'the directory of the node')
      .option('--config <file>', 'the file of settings, when it is not in the directory')
      .option('--stop-on-input-end', 'also stop when the standard input ends', false)
      .option(
        '--i-accept-double-sign-risk',
        'vote although the votes of this key are lost; recorded on the chain',
        false
      )
      .option('--json', 'as it does in any case: its output is JSON', false)
  )
    .addHelpText(
      'after',
      `
The directory holds node.json or node.yaml (the settings), genesis.cbor, keys.json (the secret keys, 0600), votes, ledger, and
api-token: the operator's token for the HTTP API, made at the first start. A setting is taken from its flag, else from its
variable, else from the file: vitalchain config show tells. The passphrase of encrypted keys is read from --passphrase-file,
or asked for.

With --signer /path.sock the consensus key is in another process, vitalchain signer, and not in keys.json.

A validator whose votes are missing (a new or restored directory, a key from elsewhere) follows until it is safe to vote
again: two blocks after a quorum of others answered what they have. With too few others it waits for ever, and says so;
then --i-accept-double-sign-risk makes it vote at once, if its operator knows that nothing else runs with its key.

The URL of a broker is mqtt:, mqtts:, ws: or wss:, with the user's name in it if the broker asks for one
(mqtts://node@broker.example:8883); the password is taken from the environment, VITALCHAIN_MQTT_PASSWORD.

One line of JSON on the standard output says that the node is ready and where; logs go to the standard error.

Examples:
  vitalchain start --data-dir /var/lib/vitalchain
  vitalchain start --data-dir /var/lib/vitalchain --passphrase-file /run/credentials/passphrase --http-port 7701`
    )
    .action(
      (options: {
        dataDir: string
        config?: string
        stopOnInputEnd: boolean
        iAcceptDoubleSignRisk: boolean
      }) =>
        run(async () => {
          const { startCommand } = await import('./start.ts')
          return startCommand({ ...options, settings: settingsIn(options) }, io)
        })
    )
}

/** Adds `vitalchain signer`: a consensus key in a process of its own. */
export function addSigner(program: Command, io: CliIo, run: Run): void {
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
    .option('--passphrase-file <file>', 'the passphrase of keys.json; else it is asked for')
    .option('--stop-on-input-end', 'also stop when the standard input ends', false)
    .option('--json', 'as it does in any case: its output is JSON', false)
    .addHelpText(
      'after',
      `
The directory holds genesis.cbor, keys.json with "consensus", the secret seed in hexadecimal (0600), and what the key signed,
in votes. To move a key here, stop the node, move (never copy) "consensus" from its keys.json and its directories votes and
new-keys, and start it with --signer "<path>", or put that into its node.json; then encrypt both files: vitalchain keys passphrase.

The signer serves one node at a time and signs only what may follow what it signed before, whatever the node asks.

Example:
  vitalchain signer --data-dir /var/lib/vitalchain-signer --socket /run/vitalchain/signer.sock`
    )
    .action(
      (options: {
        dataDir: string
        socket: string
        stopOnInputEnd: boolean
        passphraseFile?: string
      }) => run(async () => (await import('./signer.ts')).signerCommand(options, io))
    )
}
