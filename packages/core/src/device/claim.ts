import { concatBytes, equalBytes, utf8 } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { createSigner, type Signer } from '../crypto/keys.ts'
import type { PublicKey } from '../crypto/signatures.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { VitalchainError } from '../errors.ts'
import { publicKeyCodec } from '../ledger/public-key.ts'

/** Bytes of a claim's secret: nobody guesses it from the public key on the ledger. */
export const CLAIM_SECRET_BYTES: number = 16

/** Bytes of the network id that a claim's text names, so that a device of another network says so at once. */
export const CLAIM_NETWORK_BYTES: number = 4

// Crockford's base32: no I, L, O and U, which are read as other characters.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const PREFIX = 'VC1'
const BODY_CHARACTERS = ((CLAIM_NETWORK_BYTES + CLAIM_SECRET_BYTES) * 8) / 5
/** 20 bits: one mistyped text in a million passes. */
const CHECKSUM_CHARACTERS = 4
const GROUP = 4
const CHARACTERS = BODY_CHARACTERS + CHECKSUM_CHARACTERS

/** What the text of a claim says. */
export interface ClaimText {
  /** The first {@link CLAIM_NETWORK_BYTES} bytes of the network id. */
  readonly network: Uint8Array
  /** Whoever knows these {@link CLAIM_SECRET_BYTES} bytes may enrol one device. */
  readonly secret: Uint8Array
}

/**
 * The text of a claim, to be typed or shown as a QR code: `VC1-` and nine groups of four characters. spec F-29.
 *
 * @param network - the network id, or at least its first {@link CLAIM_NETWORK_BYTES} bytes
 * @param secret - {@link CLAIM_SECRET_BYTES} random bytes
 */
export function claimText(network: Uint8Array, secret: Uint8Array): string {
  const body = concatBytes([network.subarray(0, CLAIM_NETWORK_BYTES), secret])
  const text = toBase32(body) + checksum(body)
  return [PREFIX, ...(text.match(new RegExp(`.{${GROUP}}`, 'g')) ?? [])].join('-')
}

/**
 * Reads the text of a claim as people type it: in either case, with or without hyphens and spaces, O for 0, I and L for 1.
 *
 * @throws VitalchainError `ERR_CLAIM_TEXT`; the text is not in the message, because it is a secret
 */
export function parseClaimText(text: string): ClaimText {
  const plain = text
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  const written = plain.slice(PREFIX.length)
  if (!plain.startsWith(PREFIX) || written.length !== CHARACTERS)
    throw notAClaim(`begins with ${PREFIX} and has ${CHARACTERS} more characters`)
  const digits = Array.from(written, character => ALPHABET.indexOf(character))
  if (digits.includes(-1)) throw notAClaim('has digits and letters without U only')
  const body = fromBase32(digits.slice(0, BODY_CHARACTERS))
  if (checksum(body) !== written.slice(BODY_CHARACTERS))
    throw notAClaim('ends with a checksum, which does not fit: a character is wrong')
  return {
    network: body.slice(0, CLAIM_NETWORK_BYTES),
    secret: body.slice(CLAIM_NETWORK_BYTES)
  }
}

/** The key of a claim, which signs the one call that enrols a device. spec F-29. */
export function claimSigner(secret: Uint8Array): Signer {
  return createSigner('ed25519', sha256(encodeCbor(['vitalchain/claim-key', secret])))
}

/** The identifier of a claim, 32 bytes: the author of the call that enrols a device. spec F-4. */
export function claimId(claimKey: PublicKey): Uint8Array {
  return sha256(encodeCbor(['vitalchain/claim', publicKeyCodec.write(claimKey)]))
}

/** Whether a claim was made for this network, as far as its text says. */
export function isClaimOf(claim: ClaimText, network: Uint8Array): boolean {
  return equalBytes(claim.network, network.subarray(0, CLAIM_NETWORK_BYTES))
}

function checksum(body: Uint8Array): string {
  return toBase32(sha256(concatBytes([utf8('vitalchain/claim-text'), body]))).slice(
    0,
    CHECKSUM_CHARACTERS
  )
}

/** RFC 4648 section 6 with another alphabet: the most significant bit first; what is left of a last digit is zeros. */
function toBase32(bytes: Uint8Array): string {
  let text = ''
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    text += ALPHABET[(pair >> (11 - (bit % 8))) & 31] ?? ''
  }
  return text
}

function fromBase32(digits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((digits.length * 5) / 8)
  for (const [at, digit] of digits.entries()) {
    const bit = at * 5
    const pair = digit << (11 - (bit % 8))
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (pair >> 8)
    if ((bit >> 3) + 1 < bytes.length)
      bytes[(bit >> 3) + 1] = (bytes[(bit >> 3) + 1] ?? 0) | (pair & 0xff)
  }
  return bytes
}

function notAClaim(rule: string): VitalchainError {
  return new VitalchainError('ERR_CLAIM_TEXT', `not the text of a claim: it ${rule}`)
}
