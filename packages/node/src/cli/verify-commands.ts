import { VitalchainError } from '@vitalchain/core'
import { Option, type Command } from 'commander'
import { hashArgument } from './arguments.ts'
import type { CliIo } from './io.ts'

type Run = (command: () => Promise<number>) => Promise<void>

interface VerifyFlags {
  readonly dataDir?: string
  readonly ledger?: string
  readonly all: boolean
  readonly genesis?: string
  readonly network?: Uint8Array
  readonly pin?: string
  readonly validators?: string
  readonly transaction?: string
  readonly quiet: boolean
  readonly json: boolean
}

/** Adds `vitalchain verify`: of proofs, and of whole ledgers. */
export function addVerify(program: Command, io: CliIo, run: Run): void {
  program
    .command('verify')
    .description(
      'verify receipts and other proofs offline: VALID and what it proves, or INVALID and why'
    )
    .argument('[proof...]', 'files, or directories of files that end in .receipt')
    .addOption(
      new Option(
        '--data-dir <dir>',
        "check a stopped node's whole ledger and stores instead"
      ).conflicts(['ledger', 'quiet'])
    )
    .addOption(
      new Option('--ledger <file>', 'check a whole exported ledger instead').conflicts('quiet')
    )
    .option('--all', 'with --data-dir: list all faults, up to 1000, and not the first alone', false)
    .addOption(new Option('--genesis <file>', 'trust the network of this genesis document'))
    .addOption(
      new Option('--network <hex>', 'trust this network id, the SHA-256 of its genesis')
        .argParser(hashArgument)
        .conflicts('genesis')
    )
    .option('--pin <file>', 'trust this checkpoint too: what contradicts it is INVALID')
    .option('--validators <file>', 'a receipt that leads to the hospitals that sign a checkpoint')
    .option('--transaction <file>', 'what a COSE receipt is about: a transaction or its receipt')
    .option('--quiet', 'one line for each proof', false)
    .option('--json', 'one line of JSON for each proof', false)
    .addHelpText(
      'after',
      `
A proof is told by its content: a receipt in CBOR or JSON, a state proof, a completeness proof, a tlog-proof, a COSE receipt,
a checkpoint. The file of --pin holds a checkpoint, a line "size root" in hexadecimal, or a proof that was verified before.
docs/guides/proofs.md says what each of them proves.

Examples:
  vitalchain verify monitor-1-0-0-7.receipt --genesis genesis.cbor
  vitalchain verify receipts --genesis genesis.cbor --quiet
  vitalchain verify old.receipt --genesis genesis.cbor --pin checkpoint.txt
  vitalchain verify a.cose --transaction a.receipt --genesis genesis.cbor
  vitalchain verify --data-dir run/hospital-1
  vitalchain verify --ledger ledger.vitalchain --genesis genesis.cbor`
    )
    .action((files: string[], flags: VerifyFlags) =>
      run(async () => {
        const from = ledgerOf(flags)
        if (from === undefined && files.length === 0)
          throw new VitalchainError('ERR_USAGE', 'say what to verify')
        if (from === undefined)
          return (await import('./verify.ts')).verifyCommand({ files, ...flags }, io)
        if (files.length > 0)
          throw new VitalchainError('ERR_USAGE', 'give proofs or a ledger, not both')
        const [{ verifyLedgerCommand }, { readPin }] = await Promise.all([
          import('./verify-ledger.ts'),
          import('./verify-trust.ts')
        ])
        const { genesis, network, all, json } = flags
        const pin = flags.pin === undefined ? undefined : await readPin(flags.pin, network)
        return verifyLedgerCommand({ from, genesis, network, pin, all, json }, io)
      })
    )
}

function ledgerOf({
  dataDir,
  ledger
}: VerifyFlags): { readonly dataDir: string } | { readonly ledger: string } | undefined {
  if (dataDir !== undefined) return { dataDir }
  return ledger === undefined ? undefined : { ledger }
}
