import { InvalidArgumentError, Option, type Command } from 'commander'
import { ROLES } from '../http/roles.ts'
import type { CliIo } from './io.ts'
import type { TokenCreateOptions, TokenFlags } from './token.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain token create`, `list` and `revoke`. */
export function addToken(program: Command, io: CliIo, run: Run): void {
  const token = program
    .command('token')
    .description('give out tokens for the HTTP API of a running node, each with a role')
    .addHelpText(
      'after',
      `
Examples:
  vitalchain token create "ward dashboard" --role monitor --days 365 --data-dir /var/lib/vitalchain
  vitalchain token list --data-dir /var/lib/vitalchain`
    )

  flags(token.command('create'))
    .description('make a token and show it, this once')
    .argument('<name>', 'who it is for, such as "ward dashboard"')
    .addOption(new Option('--role <role>', 'what it opens').choices(ROLES).makeOptionMandatory())
    .option('--days <days>', 'how long it is good; without it until it is revoked', days)
    .addHelpText(
      'after',
      `
Roles: operator may do everything; reader reads everything; monitor reads how the node and the network are, and nothing of
devices or readings. The node keeps a hash of the token: nobody can show it again.

Example:
  vitalchain token create "ward dashboard" --role monitor --days 365 --data-dir /var/lib/vitalchain`
    )
    .action((name: string, options: TokenCreateOptions) =>
      run(async () => (await import('./token.ts')).tokenCreateCommand(name, options, io))
    )

  flags(token.command('list'))
    .description('the tokens that were given out, without the tokens themselves')
    .addHelpText(
      'after',
      `
Example:
  vitalchain token list --data-dir /var/lib/vitalchain`
    )
    .action((options: TokenFlags) =>
      run(async () => (await import('./token.ts')).tokenListCommand(options, io))
    )

  flags(token.command('revoke'))
    .description('take a token back: from now on it opens nothing')
    .argument('<id>', 'its id, as in the list')
    .addHelpText(
      'after',
      `
Example:
  vitalchain token revoke 3f0c5a1b2c3d4e5f --data-dir /var/lib/vitalchain`
    )
    .action((id: string, options: TokenFlags) =>
      run(async () => (await import('./token.ts')).tokenRevokeCommand(id, options, io))
    )
}

function flags(command: Command): Command {
  return command
    .requiredOption('--data-dir <dir>', 'the data directory of the node, which runs')
    .option('--url <url>', 'where its administration listens, when the settings do not say')
    .option('--json', 'one line of JSON', false)
}

function days(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a number of days')
  return Number(text)
}
