import { VitalchainError } from '@vitalchain/core'
import { Command, CommanderError } from 'commander'
import { addCompletion } from './completion-commands.ts'
import { addConfig } from './config-commands.ts'
import { addDashboard } from './dashboard-commands.ts'
import { addDev } from './dev-commands.ts'
import { addBackup } from './backup-commands.ts'
import { addDevice } from './device-commands.ts'
import { addDoctor } from './doctor-commands.ts'
import { errorExit, errorJson, errorLine, EXIT, type CliIo } from './io.ts'
import { addKeys } from './keys-commands.ts'
import { addMember } from './member-commands.ts'
import { addGenesis, addInit, addJoin } from './network-commands.ts'
import { addSigner, addStart } from './node-commands.ts'
import { addProve, addReceipt } from './proof-commands.ts'
import { addBlame, addDump, addExport, addRepair } from './store-commands.ts'
import { namedFault } from './system-fault.ts'
import { addToken } from './token-commands.ts'
import { addVerify } from './verify-commands.ts'
import { addEvents, addStatus } from './watch-commands.ts'
import { version } from './version.ts'

const EXIT_CODES = `
Exit codes:
  0  it went well; for verify: every proof is valid; for dump --grep: the text was found
  1  it did not: an invalid proof, a text not found, something lost, a run that was interrupted, or a node that stopped
     with an error
  2  it was called wrongly, or a file or directory that it was given cannot be used`

/**
 * Runs the command that the arguments name.
 *
 * @param argv - without the program's name
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const result: { exit: number } = { exit: EXIT.ok }
  const json = argv.includes('--json')
  const program = createProgram(
    io,
    async command => {
      result.exit = await command()
    },
    json
  )
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return result.exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const named = namedFault(error)
    io.err(json ? errorJson(named) : errorLine(named))
    return errorExit(named)
  }
}

type Run = (command: () => Promise<number>) => Promise<void>

/** What is wrong with the call itself, for who asked for JSON. */
function usageJson(text: string): string {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ')
  return errorJson(new VitalchainError('ERR_USAGE', message))
}

/** The whole command line. Each command loads what it needs: verifying a receipt does not load libp2p. */
export function createProgram(io: CliIo, run: Run, json = false): Command {
  const program = new Command('vitalchain')
    .description('A ledger that hospitals run together.')
    .version(version())
    .addHelpText('after', `${EXIT_CODES}\n\nvitalchain help COMMAND says more, with examples.`)
  // Before the commands: they take these settings over.
  program.exitOverride().configureOutput({
    writeOut: text => io.out(text.replace(/\n$/, '')),
    writeErr: text => io.err(text.replace(/\n$/, '')),
    outputError: (text, write) => write(json ? usageJson(text) : text)
  })
  program.commandsGroup('Create and join a network:')
  addInit(program, io, run)
  addGenesis(program, io, run)
  addJoin(program, io, run)
  program.commandsGroup('Run a node:')
  addStart(program, io, run)
  addSigner(program, io, run)
  addConfig(program, io, run)
  addKeys(program, io, run)
  addToken(program, io, run)
  addBackup(program, io, run)
  program.commandsGroup('See how it is:')
  addStatus(program, io, run)
  addDoctor(program, io, run)
  addEvents(program, io, run)
  addDashboard(program, io, run)
  program.commandsGroup('Change what is on the ledger:')
  addMember(program, io, run)
  addDevice(program, io, run)
  program.commandsGroup('Prove and verify:')
  addReceipt(program, io, run)
  addProve(program, io, run)
  addVerify(program, io, run)
  program.commandsGroup("A stopped node's files:")
  addRepair(program, io, run)
  addExport(program, io, run)
  addDump(program, io, run)
  addBlame(program, io, run)
  program.commandsGroup('Try it:')
  addDev(program, io, run)
  addCompletion(program, io, run)
  readDataDirFromEnvironment(program)
  return program
}

/** Who runs one node on a machine need not name its directory in each command. */
function readDataDirFromEnvironment(command: Command): void {
  for (const option of command.options) {
    if (option.long !== '--data-dir' || option.variadic) continue
    option.env('VITALCHAIN_DATA_DIR')
    // What commander does itself for an option that had its variable when it was added.
    command.on(`optionEnv:${option.name()}`, (value: string) =>
      command.setOptionValueWithSource(option.attributeName(), value, 'env')
    )
  }
  for (const each of command.commands) readDataDirFromEnvironment(each)
}
