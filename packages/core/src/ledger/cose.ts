import { encodeCbor, decodeCbor, tagSign1, untagSign1, type CborValue } from '../encoding/cbor.ts'
import type { Signer } from '../crypto/keys.ts'
import {
  algorithmFromCose,
  coseAlgorithm,
  verifySignature,
  type PublicKey
} from '../crypto/signatures.ts'
import { VitalchainError } from '../errors.ts'
import { TRANSACTION_BYTES_MAX } from './limits.ts'

const HEADER_ALGORITHM = 1
const HEADER_KEY_ID = 4
const EMPTY = new Uint8Array(0)

/** A COSE_Sign1 taken apart. Its signature is not checked yet: see {@link verifySigned}. */
export interface Signed {
  /** The signer's public key, from the protected header's key id. */
  readonly publicKey: PublicKey
  /** The signed bytes: a statement or a call. */
  readonly payload: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/**
 * Signs bytes as a COSE_Sign1 (RFC 9052 section 4.2, tagged 18). The protected header holds the algorithm and, as
 * key id, the public key itself, so that a signature can be checked with nothing but its own bytes. spec F-3.
 */
export async function signCose(signer: Signer, payload: Uint8Array): Promise<Uint8Array> {
  const header = encodeProtected(signer.publicKey)
  const signature = await signer.sign(signatureInput(header, payload))
  return encodeCbor(tagSign1([header, new Map(), payload, signature]))
}

/**
 * Takes a COSE_Sign1 apart: exactly our form and no other.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL`, or `ERR_SCHEMA` for another form
 */
export function openCose(encoded: Uint8Array): Signed {
  const parts = untagSign1(decodeCbor(encoded, TRANSACTION_BYTES_MAX))
  if (!Array.isArray(parts) || parts.length !== 4) throw notSigned('an array of 4 items in tag 18')
  const [header, unprotectedHeader, payload, signature] = parts as readonly CborValue[]
  if (!(unprotectedHeader instanceof Map) || unprotectedHeader.size !== 0)
    throw notSigned('an empty unprotected header')
  if (!(header instanceof Uint8Array) || !(payload instanceof Uint8Array))
    throw notSigned('a protected header and an attached payload')
  if (!(signature instanceof Uint8Array) || signature.length !== 64)
    throw notSigned('a signature of 64 bytes')
  return { publicKey: decodeProtected(header), payload, signature }
}

/** Whether the signature of a COSE_Sign1 is its key's. */
export function verifySigned(signed: Signed): boolean {
  return verifySignature(signed.publicKey, signedBytes(signed), signed.signature)
}

/** The bytes under a COSE_Sign1's signature, for verifiers that run elsewhere, such as a thread pool. */
export function signedBytes(signed: Signed): Uint8Array {
  return signatureInput(encodeProtected(signed.publicKey), signed.payload)
}

/** The Sig_structure of RFC 9052 section 4.4. */
function signatureInput(header: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', header, EMPTY, payload])
}

function encodeProtected(key: PublicKey): Uint8Array {
  return encodeCbor(
    new Map<CborValue, CborValue>([
      [HEADER_ALGORITHM, coseAlgorithm(key.algorithm)],
      [HEADER_KEY_ID, key.bytes]
    ])
  )
}

function decodeProtected(encoded: Uint8Array): PublicKey {
  const header = decodeCbor(encoded, 64)
  const algorithm =
    header instanceof Map
      ? (header as ReadonlyMap<CborValue, CborValue>).get(HEADER_ALGORITHM)
      : undefined
  const key =
    header instanceof Map
      ? (header as ReadonlyMap<CborValue, CborValue>).get(HEADER_KEY_ID)
      : undefined
  if (
    !(header instanceof Map) ||
    header.size !== 2 ||
    typeof algorithm !== 'number' ||
    !(key instanceof Uint8Array)
  ) {
    throw notSigned('a protected header {1: algorithm, 4: public key}')
  }
  const name = algorithmFromCose(algorithm)
  if (key.length !== (name === 'ed25519' ? 32 : 33))
    throw notSigned('a public key of the length of its algorithm')
  return { algorithm: name, bytes: key }
}

function notSigned(expected: string): VitalchainError {
  return new VitalchainError('ERR_SCHEMA', `COSE_Sign1: expected ${expected}`)
}
