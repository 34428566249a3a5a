import type { Command } from 'commander'

/** Puts an example into the help of each command below another one, by its name: without them nobody remembers the flags. */
export function addExamples(parent: Command, examples: Readonly<Record<string, string>>): void {
  for (const command of parent.commands) {
    const example = examples[command.name()]
    if (example === undefined) continue
    const name = `vitalchain ${parent.name()} ${command.name()}`
    command.addHelpText('after', `\nExample:\n  ${name} ${example}`)
  }
}
