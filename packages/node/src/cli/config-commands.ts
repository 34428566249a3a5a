import type { Command } from 'commander'
import type { CliIo } from './io.ts'
import { settingsIn, withSettings } from './setting-flags.ts'

type Run = (command: () => Promise<number>) => Promise<void>

interface ConfigOptions {
  readonly dataDir?: string
  readonly config?: string
  readonly json: boolean
}

/** Adds `vitalchain config …`: what a node is set to, and by what. */
export function addConfig(program: Command, io: CliIo, run: Run): void {
  const config = program
    .command('config')
    .description('what a node is set to: show it, check it, its JSON Schema')
    .addHelpText(
      'after',
      `
A setting is taken from its flag, else from its variable of the environment, else from the file, else it has its default.
The file is node.json or node.yaml in the data directory, or the one that --config or VITALCHAIN_CONFIG names.

Examples:
  vitalchain config show --data-dir /var/lib/vitalchain
  VITALCHAIN_HTTP_PORT=7701 vitalchain config validate --data-dir /var/lib/vitalchain`
    )
  layered(config.command('show').description('every setting, its value and where that comes from'))
    .addHelpText(
      'after',
      '\nSecrets are hidden.\n\nExample:\n  vitalchain config show --data-dir /var/lib/vitalchain'
    )
    .action((options: ConfigOptions) =>
      run(async () => {
        const { configShowCommand } = await import('./config.ts')
        return configShowCommand({ ...options, settings: settingsIn(options) }, io)
      })
    )
  layered(
    config.command('validate').description('check the settings; exit code 2 when one is wrong')
  )
    .addHelpText('after', '\nExample:\n  vitalchain config validate --data-dir /var/lib/vitalchain')
    .action((options: ConfigOptions) =>
      run(async () => {
        const { configValidateCommand } = await import('./config.ts')
        return configValidateCommand({ ...options, settings: settingsIn(options) }, io)
      })
    )
  config
    .command('set')
    .description('change one setting in the file; the node takes it at its next start')
    .argument('<setting>', 'such as http.port')
    .argument('[value...]', 'several for a list; none takes the setting out of the file')
    .requiredOption('--data-dir <dir>', 'the directory of the node')
    .option('--json', 'the answer as one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  vitalchain config set http.port 7701 --data-dir /var/lib/vitalchain
  vitalchain config set followers 12D3KooW... --data-dir /var/lib/vitalchain`
    )
    .action(
      (name: string, values: readonly string[], options: { dataDir: string; json: boolean }) =>
        run(async () => (await import('./config.ts')).configSetCommand(name, values, options, io))
    )
  config
    .command('schema')
    .description('the JSON Schema of the file, for editors')
    .option('--json', 'on one line', false)
    .addHelpText('after', '\nExample:\n  vitalchain config schema > node-config.schema.json')
    .action((options: { json: boolean }) =>
      run(async () => (await import('./config.ts')).configSchemaCommand(options, io))
    )
}

function layered(command: Command): Command {
  return withSettings(
    command
      .option('--data-dir <dir>', 'the directory of the node')
      .option('--config <file>', 'the file of settings, when it is not in the directory')
  ).option('--json', 'the answer as one line of JSON', false)
}
