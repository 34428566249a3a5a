import { Argument, type Command } from 'commander'
import { completions, completionScript, SHELLS, type Shell } from './completion.ts'
import { EXIT, type CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain completion …`: what a shell needs to complete commands, flags and their values. */
export function addCompletion(program: Command, io: CliIo, run: Run): void {
  const completion = program
    .command('completion')
    .description('what a shell needs to complete commands and flags')
    .addHelpText(
      'after',
      `
Examples:
  vitalchain completion script bash > ~/.local/share/bash-completion/completions/vitalchain
  vitalchain completion script zsh > ~/.zfunc/_vitalchain
  vitalchain completion script fish > ~/.config/fish/completions/vitalchain.fish`
    )
  completion
    .command('script')
    .description('the script that a shell reads at its start')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .option('--json', 'the script as a text of JSON', false)
    .addHelpText('after', '\nExample:\n  eval "$(vitalchain completion script bash)"')
    .action((shell: Shell, { json }: { json: boolean }) =>
      run(async () => {
        const script = completionScript(shell)
        io.out(json ? JSON.stringify({ script }) : script)
        return EXIT.ok
      })
    )
  completion
    .command('words')
    .description('the words that may stand where the cursor is; the scripts ask this')
    .argument('[word...]', "what was typed behind the program's name")
    .option('--json', 'as a list of JSON', false)
    .addHelpText('after', '\nExample:\n  vitalchain completion words -- member ""')
    .action((words: readonly string[], { json }: { json: boolean }) =>
      run(async () => {
        const found = completions(program, words)
        if (json) io.out(JSON.stringify({ words: found }))
        else for (const word of found) io.out(word)
        return EXIT.ok
      })
    )
}
