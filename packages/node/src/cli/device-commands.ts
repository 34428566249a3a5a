import { CLAIM_BLOCKS_MAX } from '@vitalchain/contracts'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { countArgument, hashArgument, hexArgument } from './arguments.ts'
import type { EnrolFlags } from './device-enrol.ts'
import type { DescriptionFlags } from './device.ts'
import { addExamples } from './examples.ts'
import type { CliIo } from './io.ts'
import { toNode, type Run } from './member-commands.ts'
import type { NodeFlags } from './own-node.ts'

/** How many blocks a claim lives by default: hours of a busy network, days of a quiet one. */
const CLAIM_BLOCKS = 10_000

/** The highest count of boots that options take. */
const BOOT_MAX = 999_999_999

const DEVICE = '<device>'
const WHICH = 'the beginning of its identifier, as list shows it'

/** Adds `vitalchain device …`: the devices of a hospital, from the first day to the last. */
export function addDevice(program: Command, io: CliIo, run: Run): void {
  const device = program
    .command('device')
    .description('the devices of the hospital: enrol, move and retire them')
    .addHelpText(
      'after',
      `
A claim lets one device enrol itself. Everything else is a call of the operator, on the ledger for ever.
docs/guides/devices.md goes through it.

Examples:
  vitalchain device claim --model "Bedside monitor" --data-dir /var/lib/vitalchain
  vitalchain device import monitors.csv --out claims.csv --data-dir /var/lib/vitalchain
  vitalchain device transfer 1f0c9a --to "Hospital 2" --data-dir /var/lib/vitalchain`
    )
  addEnrolment(device, io, run)
  addKeys(device, io, run)
  addStreams(device, io, run)
  addEnds(device, io, run)
  const key = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
  addExamples(device, {
    list: '--data-dir /var/lib/vitalchain',
    claim: '--model "Bedside monitor" --data-dir /var/lib/vitalchain',
    unclaim: '1f0c9a --data-dir /var/lib/vitalchain',
    enrol:
      'VC1-... --model "Bedside monitor" --genesis genesis.cbor --key device.key --node http://127.0.0.1:7700#d75a...',
    register: `${key} --model "Bedside monitor" --data-dir /var/lib/vitalchain`,
    import: 'monitors.csv --out claims.csv --data-dir /var/lib/vitalchain',
    revoke: '1f0c9a --data-dir /var/lib/vitalchain',
    rekey: `1f0c9a --key ${key} --data-dir /var/lib/vitalchain`,
    associate: '1f0c9a --stream 000102030405060708090a0b0c0d0e0f --data-dir /var/lib/vitalchain',
    dissociate: '1f0c9a --stream 000102030405060708090a0b0c0d0e0f --data-dir /var/lib/vitalchain',
    transfer: '1f0c9a --to "Hospital 2" --data-dir /var/lib/vitalchain',
    accept: `${key} --data-dir /var/lib/vitalchain`,
    retire: '1f0c9a --data-dir /var/lib/vitalchain'
  })
}

function addEnrolment(device: Command, io: CliIo, run: Run): void {
  toNode(device.command('list').description('which devices the hospital owns')).action(
    (flags: NodeFlags) =>
      run(async () => (await import('./device.ts')).deviceListCommand(flags, io))
  )
  toNode(described(device.command('claim').description('let one device enrol itself')))
    .addOption(blocksOption())
    .option('--no-qr', 'without the QR code')
    .action((flags: NodeFlags & DescriptionFlags & { blocks: number; qr: boolean }) =>
      run(async () => (await import('./device-claim.ts')).deviceClaimCommand(flags, io))
    )
  toNode(
    device
      .command('unclaim')
      .description('withdraw a claim')
      .argument('<claim>', 'its identifier or its text')
  ).action((name: string, flags: NodeFlags) =>
    run(async () => (await import('./device-claim.ts')).deviceUnclaimCommand(name, flags, io))
  )
  described(
    device
      .command('enrol')
      .description('enrol a device whose key this machine holds')
      .argument('<claim>', 'the text of the claim')
      .requiredOption('--genesis <file>', 'the genesis document of the network')
      .requiredOption('--key <file>', "the file of the device's key; made when there is none")
      .requiredOption(
        '--node <address...>',
        'nodes: multiaddrs with /p2p/, or http(s)://HOST:PORT#KEY'
      )
      .option('--out <file>', 'where to write the receipt')
      .option('--json', 'the answer as one line of JSON', false)
      .addOption(
        new Option('--timeout <s>', 'seconds to wait')
          .argParser(countArgument(1, 86_400))
          .default(60)
      )
  ).action((claim: string, flags: EnrolFlags) =>
    run(async () => (await import('./device-enrol.ts')).deviceEnrolCommand(claim, flags, io))
  )
  toNode(
    described(
      device
        .command('register')
        .description('register a device by its public key')
        .argument('<key>', 'hexadecimal: 64 digits for Ed25519, 66 for P-256')
    )
  ).action((key: string, flags: NodeFlags & DescriptionFlags) =>
    run(async () => (await import('./device.ts')).deviceRegisterCommand(key, flags, io))
  )
  toNode(
    device
      .command('import')
      .description('register or claim every device of a CSV file')
      .argument(
        '<file>',
        'with columns name, model, and perhaps firmware, metrics (a;b), public_key'
      )
      .requiredOption(
        '--out <file>',
        'where each claim is appended; a run that was interrupted goes on there'
      )
      .addOption(blocksOption())
  ).action((file: string, flags: NodeFlags & { out: string; blocks: number }) =>
    run(async () => (await import('./device-import.ts')).deviceImportCommand(file, flags, io))
  )
}

function addKeys(device: Command, io: CliIo, run: Run): void {
  toNode(
    device
      .command('revoke')
      .description('refuse everything that a device sends from now on')
      .argument(DEVICE, WHICH)
  ).action((name: string, flags: NodeFlags) =>
    run(async () => (await import('./device.ts')).deviceRevokeCommand(name, flags, io))
  )
  toNode(
    device
      .command('rekey')
      .description('give a device whose key was lost another one')
      .argument(DEVICE, WHICH)
      .requiredOption('--key <hex>', 'the new public key: 64 digits for Ed25519, 66 for P-256')
  ).action((name: string, flags: NodeFlags & { key: string }) =>
    run(async () => (await import('./device.ts')).deviceRekeyCommand(name, flags, io))
  )
}

function addStreams(device: Command, io: CliIo, run: Run): void {
  toNode(
    device
      .command('associate')
      .description('allow a device to record for a stream')
      .argument(DEVICE, WHICH)
      .addOption(streamOption())
      .addOption(
        new Option('--generation <n>', 'of its key tree')
          .argParser(countArgument(0, BOOT_MAX))
          .default(0)
      )
  ).action((name: string, flags: NodeFlags & { stream: Uint8Array; generation: number }) =>
    run(async () => (await import('./device.ts')).deviceAssociateCommand(name, flags, io))
  )
  toNode(
    device
      .command('dissociate')
      .description('take a stream back from a device')
      .argument(DEVICE, WHICH)
      .addOption(streamOption())
  ).action((name: string, flags: NodeFlags & { stream: Uint8Array }) =>
    run(async () => (await import('./device.ts')).deviceDissociateCommand(name, flags, io))
  )
}

function addEnds(device: Command, io: CliIo, run: Run): void {
  toNode(
    device
      .command('transfer')
      .description('offer a device to another hospital')
      .argument(DEVICE, WHICH)
      .option('--to <member>', 'its name or identifier')
      .option('--withdraw', 'take an offer back', false)
      .addOption(
        new Option('--boot <n>', 'the first boot that is theirs; at least the next one')
          .argParser(countArgument(0, BOOT_MAX))
          .default(0)
      )
  ).action((name: string, flags: NodeFlags & { to?: string; boot: number; withdraw: boolean }) =>
    run(async () => (await import('./device.ts')).deviceTransferCommand(name, flags, io))
  )
  toNode(
    device
      .command('accept')
      .description('take over a device that another hospital offers')
      .argument(DEVICE, 'its whole identifier', hashArgument)
  ).action((id: Uint8Array, flags: NodeFlags) =>
    run(async () => (await import('./device.ts')).deviceAcceptCommand(id, flags, io))
  )
  toNode(
    device
      .command('retire')
      .description('end a device; what it recorded before still comes in')
      .argument(DEVICE, WHICH)
      .addOption(
        new Option(
          '--boot <n>',
          'the first boot of which nothing is taken; default: the one behind those on the ledger'
        ).argParser(countArgument(0, BOOT_MAX))
      )
  ).action((name: string, flags: NodeFlags & { boot?: number }) =>
    run(async () => (await import('./device.ts')).deviceRetireCommand(name, flags, io))
  )
}

function described(command: Command): Command {
  return command
    .requiredOption('--model <name>', 'its model')
    .addOption(new Option('--firmware <hex>', 'SHA-256 of its firmware').argParser(hashArgument))
    .option('--metrics <name...>', 'what it measures')
}

function blocksOption(): Option {
  return new Option('--blocks <n>', 'how many blocks a claim lives')
    .argParser(countArgument(1, CLAIM_BLOCKS_MAX))
    .default(CLAIM_BLOCKS)
}

function streamOption(): Option {
  return new Option('--stream <hex>', 'the stream, 32 hexadecimal digits')
    .argParser(text => {
      const bytes = hexArgument(text)
      if (bytes.length === 16) return bytes
      throw new InvalidArgumentError('Expected 32 hexadecimal digits.')
    })
    .makeOptionMandatory()
}
