import { equalBytes, fromHex, toHex } from '../bytes.ts'
import { VitalchainError } from '../errors.ts'
import type { TreeHead } from '../merkle/history.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { checkText, unfit } from './signed-note.ts'

/** A state of a network's history tree, as transparency-log tools know it: C2SP tlog-checkpoint. spec K-1. */
export interface Checkpoint extends TreeHead {
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
}

/** Characters of a checkpoint's three lines: 140 are used. */
const BODY_CHARACTERS_MAX = 256

/** The first line of a checkpoint, the log's name for all tools: `vitalchain/` and the network id in hexadecimal. spec K-1. */
export function checkpointOrigin(network: Uint8Array): string {
  return `vitalchain/${toHex(network)}`
}

/** The name under which a member cosigns: the origin, a slash and the member id in hexadecimal. spec K-2. */
export function cosignerName(network: Uint8Array, member: Uint8Array): string {
  return `${checkpointOrigin(network)}/${toHex(member)}`
}

/** The text that is signed: origin, size in decimal, root in base64, a newline behind each. spec K-1. */
export function checkpointBody({ network, size, root }: Checkpoint): string {
  return `${checkpointOrigin(network)}\n${size}\n${toBase64(root)}\n`
}

/**
 * The checkpoint of such a text. Extension lines, which C2SP allows and advises against, are refused: no validator
 * signs one.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, or `ERR_SCHEMA` for a text of another form or another kind of log. spec K-1
 */
export function parseCheckpointBody(text: string): Checkpoint {
  checkText(text, 'checkpoint', BODY_CHARACTERS_MAX)
  const [, network = '', digits = '', encoded = ''] =
    /^vitalchain\/([0-9a-f]{64})\n([^\n]*)\n([^\n]*)\n$/.exec(text) ?? []
  const size = parseDecimal(digits)
  const root = fromBase64(encoded)
  if (size === undefined || root?.length !== 32)
    throw unfit('checkpoint', 'the lines "vitalchain/<network id>", size and root')
  return { network: fromHex(network), size, root }
}

/** A number in decimal without leading zeros, up to 2^53 - 1; undefined for any other text. */
export function parseDecimal(digits: string): number | undefined {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

/** Refuses a checkpoint of another network. @throws VitalchainError `ERR_OTHER_NETWORK` */
export function checkCheckpointNetwork({ network }: Checkpoint, trusted: Uint8Array): void {
  if (!equalBytes(network, trusted))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the checkpoint is from another network')
}
