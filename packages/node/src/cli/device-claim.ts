import { randomBytes } from 'node:crypto'
import { claimDeviceArgs, unclaimDeviceArgs } from '@vitalchain/contracts'
import {
  CLAIM_SECRET_BYTES,
  claimId,
  claimSigner,
  claimText,
  parseClaimText,
  toHex
} from '@vitalchain/core'
import { renderUnicodeCompact } from 'uqr'
import type { DescriptionFlags } from './device.ts'
import { openDeviceNode, type DeviceNode } from './device-node.ts'
import { EXIT, type CliIo } from './io.ts'
import { say, type NodeFlags } from './own-node.ts'

/** What one device may enrol as. */
export interface Expectation extends DescriptionFlags {
  /** How many blocks the claim lives. */
  readonly blocks: number
}

/** A claim that is on the ledger. */
export interface MadeClaim {
  readonly id: string
  readonly text: string
  /** The last height at which it is good. */
  readonly expires: number
}

/** Makes a claim and puts it on the ledger. The text exists nowhere else: whoever has it may enrol a device. */
export async function makeClaim(
  node: DeviceNode,
  { model, firmware, metrics, blocks }: Expectation
): Promise<MadeClaim> {
  const secret = new Uint8Array(randomBytes(CLAIM_SECRET_BYTES))
  const claimKey = claimSigner(secret).publicKey
  const expires = (await node.api.status()).height + blocks
  await node.call('claim', claimDeviceArgs({ claimKey, model, firmware, metrics, expires }))
  return { id: toHex(claimId(claimKey)), text: claimText(node.network, secret), expires }
}

/** Makes a claim and shows it, as text and as a QR code. */
export async function deviceClaimCommand(
  flags: NodeFlags & Expectation & { readonly qr: boolean },
  io: CliIo
): Promise<number> {
  const node = await openDeviceNode(flags, io)
  const claim = await makeClaim(node, flags)
  say(io, flags, JSON.stringify(claim), () => [
    ...(flags.qr ? renderUnicodeCompact(claim.text, { ecc: 'M', border: 2 }).split('\n') : []),
    claim.text,
    '',
    `Enrols one ${flags.model}, until block ${claim.expires}. Whoever has this text can do that: treat it like a key.`,
    `To withdraw it: vitalchain device unclaim ${claim.id}`
  ])
  return EXIT.ok
}

/** Withdraws a claim: by its identifier or its text. */
export async function deviceUnclaimCommand(
  name: string,
  flags: NodeFlags,
  io: CliIo
): Promise<number> {
  const id = /^[0-9a-fA-F]{64}$/.test(name)
    ? Uint8Array.from(Buffer.from(name, 'hex'))
    : claimId(claimSigner(parseClaimText(name).secret).publicKey)
  const node = await openDeviceNode(flags, io)
  await node.call('unclaim', unclaimDeviceArgs({ claim: id }))
  say(io, flags, JSON.stringify({ claim: toHex(id) }), () => [
    'Withdrawn: no device can enrol with it any more.'
  ])
  return EXIT.ok
}
