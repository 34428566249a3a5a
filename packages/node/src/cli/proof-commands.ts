import { Option, type Command } from 'commander'
import { countArgument, hashArgument, hexArgument, placeArgument } from './arguments.ts'
import { addExamples } from './examples.ts'
import type { CliIo } from './io.ts'
import type { ProveFlags, ProveLaneFlags } from './prove.ts'
import type { ReceiptFlags } from './receipt.ts'

type Run = (command: () => Promise<number>) => Promise<void>

/** Adds `vitalchain receipt`: the receipt of a transaction, new or renewed. */
export function addReceipt(program: Command, io: CliIo, run: Run): void {
  fromNode(
    program
      .command('receipt')
      .description('get the receipt of a transaction from a node, or renew one')
      .argument('<id>', "the transaction's identity, or the file of an old receipt of it")
      .addOption(
        new Option('--form <form>', 'which form')
          .choices(['cbor', 'json', 'tlog-proof', 'cose'])
          .default('cbor')
      )
      .option('--renew', 'against the newest block', false)
      .addOption(
        new Option('--member <id>', 'whose COSE receipt, by default any').argParser(hashArgument)
      )
  )
    .addHelpText(
      'after',
      `
With --pin the receipt shows that its block continues that checkpoint; where the transaction's own block is older, it is made
against the newest block: so an old receipt is renewed. The forms tlog-proof and cose need a running node, and a checkpoint
that covers the transaction: one follows within about a second.

Examples:
  vitalchain receipt 5f3c...e1 --data-dir run/hospital-1 --out a.receipt
  vitalchain receipt old.receipt --pin checkpoint.txt --data-dir run/hospital-1 --out new.receipt
  vitalchain receipt a.receipt --form json --data-dir run/hospital-1`
    )
    .action((id: string, flags: ReceiptFlags) =>
      run(async () => (await import('./receipt.ts')).receiptCommand(id, flags, io))
    )
}

/** Adds `vitalchain prove …`: what the state holds, and that nothing is missing. */
export function addProve(program: Command, io: CliIo, run: Run): void {
  const prove = program
    .command('prove')
    .description('get a proof of a device, of a part of its lane, or of the state')
    .addHelpText(
      'after',
      `
Examples:
  vitalchain prove device 5f3c...e1 --data-dir run/hospital-1 --out device.proof
  vitalchain prove lane 5f3c...e1 --from 3.0 --to 3.99 --data-dir run/hospital-1 --out lane.proof`
    )
  fromNode(
    prove
      .command('device')
      .description('that a device is registered, revoked, or neither, as of the newest block')
      .addArgument(prove.createArgument('<device>', 'its identifier').argParser(hashArgument))
  ).action((device: Uint8Array, flags: ProveFlags) =>
    run(async () => (await import('./prove.ts')).proveDeviceCommand(device, flags, io))
  )
  fromNode(
    prove
      .command('lane')
      .description('that a device sent exactly these statements, and none is missing')
      .addArgument(prove.createArgument('<device>', 'its identifier').argParser(hashArgument))
      .addOption(
        new Option('--lane <n>', '0 readings, 1 urgent').argParser(countArgument(0, 1)).default(0)
      )
      .addOption(
        new Option('--from <place>', 'the first boot.seq; default: the start').argParser(
          placeArgument
        )
      )
      .addOption(
        new Option('--to <place>', 'the last boot.seq; default: the newest').argParser(
          placeArgument
        )
      )
  ).action((device: Uint8Array, flags: ProveLaneFlags) =>
    run(async () => (await import('./prove.ts')).proveLaneCommand(device, flags, io))
  )
  fromNode(
    prove
      .command('state')
      .description('what the state holds under a key, or that it holds nothing')
      .addArgument(prove.createArgument('<key>', 'the key, hexadecimal').argParser(hexArgument))
  ).action((key: Uint8Array, flags: ProveFlags) =>
    run(async () => (await import('./prove.ts')).proveStateCommand(key, flags, io))
  )
  addExamples(prove, {
    device: '5f3c...e1 --data-dir run/hospital-1 --out device.proof',
    lane: '5f3c...e1 --from 3.0 --to 3.99 --data-dir run/hospital-1 --out lane.proof',
    state: '646576... --data-dir run/hospital-1 --out state.proof'
  })
}

function fromNode(command: Command): Command {
  return command
    .option('--data-dir <dir>', 'the directory of a node, running or stopped')
    .option('--url <url>', "where a node's HTTP API is")
    .option('--token-file <file>', "with --url: a file with the operator's token or a device's")
    .option('--pin <file or size>', 'the checkpoint that the verifier trusts')
    .option('--out <file>', 'where to write; texts otherwise go to the standard output')
    .option(
      '--json',
      'what was written as one line of JSON; of a receipt without --out, itself',
      false
    )
}
