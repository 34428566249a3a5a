import {
  acceptDeviceArgs,
  associateStreamArgs,
  dissociateStreamArgs,
  offerDeviceArgs,
  registerDeviceArgs,
  rekeyDeviceArgs,
  retireDeviceArgs,
  revokeDeviceArgs
} from '@vitalchain/contracts'
import { deviceId, toHex, VitalchainError } from '@vitalchain/core'
import { openDeviceNode, parsePublicKey, type DeviceNode } from './device-node.ts'
import { deviceLines } from './device-text.ts'
import { EXIT, type CliIo } from './io.ts'
import type { JsonReader } from './json-file.ts'
import { say, type NodeFlags } from './own-node.ts'

/** What a device is, as flags say it. */
export interface DescriptionFlags {
  readonly model: string
  /** SHA-256 of the firmware. */
  readonly firmware?: Uint8Array
  readonly metrics?: readonly string[]
}

/** Lists the devices of the own hospital. */
export async function deviceListCommand(flags: NodeFlags, io: CliIo): Promise<number> {
  const devices = await (await openDeviceNode(flags, io)).devices()
  const json = `{"devices":[${devices.map(each => each.json()).join(',')}]}`
  say(io, flags, json, () => deviceLines(devices))
  return EXIT.ok
}

/** Registers a device by its public key. */
export async function deviceRegisterCommand(
  key: string,
  flags: NodeFlags & DescriptionFlags,
  io: CliIo
): Promise<number> {
  const publicKey = parsePublicKey(key)
  const { model, firmware, metrics = [] } = flags
  const node = await openDeviceNode(flags, io)
  await node.call('register', registerDeviceArgs({ publicKey, model, firmware, metrics }))
  const device = toHex(deviceId(publicKey))
  say(io, flags, JSON.stringify({ device }), () => [`Registered as ${device}.`])
  return EXIT.ok
}

/** Refuses everything that a device sends from now on. */
export function deviceRevokeCommand(name: string, flags: NodeFlags, io: CliIo): Promise<number> {
  return change(name, flags, io, async (node, device) => {
    await node.call('revoke', revokeDeviceArgs({ device }))
    return 'Revoked: nothing that it sends is taken any more.'
  })
}

/** Gives a device whose key was lost another one. */
export function deviceRekeyCommand(
  name: string,
  flags: NodeFlags & { readonly key: string },
  io: CliIo
): Promise<number> {
  const publicKey = parsePublicKey(flags.key)
  return change(name, flags, io, async (node, device) => {
    await node.call('rekey', rekeyDeviceArgs({ device, publicKey }))
    return 'Re-keyed: both lanes take the new key. Start the device with it, its identifier and resume: "ledger".'
  })
}

/** Allows a device a stream. */
export function deviceAssociateCommand(
  name: string,
  {
    stream,
    generation,
    ...flags
  }: NodeFlags & { readonly stream: Uint8Array; readonly generation: number },
  io: CliIo
): Promise<number> {
  return change(name, flags, io, async (node, device) => {
    await node.call('associate', associateStreamArgs({ device, stream, generation }))
    return 'Allowed: the device binds itself to the stream when it is told to.'
  })
}

/** Takes a stream back from a device. */
export function deviceDissociateCommand(
  name: string,
  { stream, ...flags }: NodeFlags & { readonly stream: Uint8Array },
  io: CliIo
): Promise<number> {
  return change(name, flags, io, async (node, device, json) => {
    await node.call('dissociate', dissociateStreamArgs({ device, stream }))
    const bound = json
      .field('lanes')
      .list()
      .some(lane => lane.optional('stream')?.text() === toHex(stream))
    return bound
      ? 'Taken back. The device is still bound to it: it goes on until it is told to bind itself elsewhere.'
      : 'Taken back: the device cannot bind itself to the stream any more.'
  })
}

/** Offers a device to another hospital, or withdraws that. */
export function deviceTransferCommand(
  name: string,
  flags: NodeFlags & { readonly to?: string; readonly boot: number; readonly withdraw: boolean },
  io: CliIo
): Promise<number> {
  const { to, boot, withdraw } = flags
  if ((to === undefined) !== withdraw)
    throw new VitalchainError('ERR_USAGE', 'say either --to or --withdraw')
  return change(name, flags, io, async (node, device) => {
    const member = to === undefined ? undefined : await node.member(to)
    await node.call('offer', offerDeviceArgs({ device, to: member, boot }))
    return member === undefined
      ? 'Withdrawn.'
      : `Offered to ${to}. There: vitalchain device accept ${toHex(device)} --data-dir DIR`
  })
}

/** Takes over a device that another hospital offers. */
export async function deviceAcceptCommand(
  device: Uint8Array,
  flags: NodeFlags,
  io: CliIo
): Promise<number> {
  const node = await openDeviceNode(flags, io)
  await node.call('accept', acceptDeviceArgs({ device }))
  const { json } = await node.find(toHex(device))
  const boot = json.field('ownerFromBoot').integer()
  say(io, flags, json.json(), () => [
    `Taken over, from boot ${boot} on: start the device anew. What it recorded before is still the other hospital's.`
  ])
  return EXIT.ok
}

/** Ends a device. By default what it recorded since its last known start still comes in. */
export function deviceRetireCommand(
  name: string,
  flags: NodeFlags & { readonly boot?: number },
  io: CliIo
): Promise<number> {
  return change(name, flags, io, async (node, device, json) => {
    const boots = json
      .field('lanes')
      .list()
      .map(lane => lane.field('boot').integer())
    const boot = flags.boot ?? Math.max(-1, ...boots) + 1
    await node.call('retire', retireDeviceArgs({ device, boot }))
    return `Retired: nothing of boot ${boot} and later ones is taken; earlier statements still are.`
  })
}

async function change(
  name: string,
  flags: NodeFlags,
  io: CliIo,
  act: (node: DeviceNode, device: Uint8Array, json: JsonReader) => Promise<string>
): Promise<number> {
  const node = await openDeviceNode(flags, io)
  const { id, json } = await node.find(name)
  const text = await act(node, id, json)
  say(io, flags, JSON.stringify({ device: toHex(id) }), () => [text])
  return EXIT.ok
}
