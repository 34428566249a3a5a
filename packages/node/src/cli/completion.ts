import type { Command, Option } from 'commander'

/** A shell that can complete what is typed. */
export type Shell = 'bash' | 'zsh' | 'fish'

/** The shells that are known. */
export const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

// Each asks this program for the words that may stand there, and offers files where there are none.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_vitalchain() {
  local IFS=$'\\n'
  COMPREPLY=($(vitalchain completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _vitalchain vitalchain`,
  zsh: `#compdef vitalchain
_vitalchain() {
  local -a found
  found=("\${(@f)$(vitalchain completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}
# In a directory of fpath this file is the function's first call; read by eval it only defines it.
if [[ "$funcstack[1]" == _vitalchain ]]; then _vitalchain "$@"; else compdef _vitalchain vitalchain; fi`,
  fish: `function __vitalchain_find
  set -l typed (commandline -opc) (commandline -ct)
  set -g __vitalchain_found (vitalchain completion words -- $typed[2..-1] 2>/dev/null)
  test (count $__vitalchain_found) -gt 0
end
complete -c vitalchain -n __vitalchain_find -f -a '$__vitalchain_found'`
}

/** What a shell reads at its start to complete this command. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

/**
 * The words that may stand where the cursor is.
 *
 * @param typed - the words behind the program's name; the last one is being typed, and may be empty
 */
export function completions(program: Command, typed: readonly string[]): readonly string[] {
  const current = typed.at(-1) ?? ''
  const before = typed.slice(0, -1)
  const command = commandOf(program, before)
  const option = command.options.find(each => isFlag(each, before.at(-1)))
  if (option !== undefined && (option.required || option.optional))
    return matching(option.argChoices ?? [], current)
  if (current.startsWith('-')) {
    const flags = command.options.flatMap(({ long, hidden }) =>
      long === undefined || long === null || hidden ? [] : [long]
    )
    return matching([...flags, '--help'], current)
  }
  const names = command.commands.map(each => each.name())
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  return matching([...names, ...choices], current)
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program
  for (const word of words) {
    const next = command.commands.find(each => each.name() === word)
    if (next !== undefined) command = next
  }
  return command
}

function isFlag({ long, short }: Option, word: string | undefined): boolean {
  return word !== undefined && (word === long || word === short)
}

function matching(words: readonly string[], beginning: string): readonly string[] {
  return words.filter(each => each.startsWith(beginning))
}
