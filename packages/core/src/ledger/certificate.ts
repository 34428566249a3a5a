import { concatBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { verifySignature } from '../crypto/signatures.ts'
import {
  bytes,
  format,
  hash32,
  mapped,
  tagged,
  u32,
  uint,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { CERTIFICATE_BYTES_MAX, VALIDATORS_MAX } from './limits.ts'
import { voteSignBytes } from './sign-bytes.ts'
import { quorum, type ValidatorSet } from './validators.ts'

const SIGNATURE_BYTES = 64

/**
 * Exactly a quorum's signatures of one kind over one block: `commit` certifies it, `prepare` proves that it may
 * have been certified. Not one signature more, so that a certificate's size is known. spec F-9.
 */
export interface Certificate {
  readonly phase: 'prepare' | 'commit'
  readonly height: number
  /** The view in which the quorum signed. */
  readonly view: number
  readonly blockHash: Uint8Array
  /** Indices of the signers in the validator set of the height, ascending. */
  readonly signers: readonly number[]
  /** One Ed25519 signature of 64 bytes for each signer, in the same order. */
  readonly signatures: readonly Uint8Array[]
}

const PHASES = ['prepare', 'commit'] as const

/** The codec of a certificate, for formats that carry one. */
export const certificateCodec: Codec<Certificate> = mapped(
  tagged(['vitalchain/certificate'], {
    phase: uint(1),
    height: uint(Number.MAX_SAFE_INTEGER, 1),
    view: u32,
    blockHash: hash32,
    signers: bytes(1, Math.ceil(VALIDATORS_MAX / 8)),
    signatures: bytes(SIGNATURE_BYTES, VALIDATORS_MAX * SIGNATURE_BYTES)
  }),
  (value, path): Certificate => {
    const signers = readBitmap(value.signers)
    if (
      value.signatures.length !== signers.length * SIGNATURE_BYTES ||
      value.signers.at(-1) === 0
    ) {
      throw new VitalchainError(
        'ERR_SCHEMA',
        `${path}: expected one signature for each bit of a bitmap without zero bytes at its end`,
        {
          values: { path }
        }
      )
    }
    return {
      phase: value.phase === 0 ? 'prepare' : 'commit',
      height: value.height,
      view: value.view,
      blockHash: value.blockHash,
      signers,
      signatures: signers.map((_, k) =>
        value.signatures.subarray(k * SIGNATURE_BYTES, (k + 1) * SIGNATURE_BYTES)
      )
    }
  },
  certificate => ({
    phase: PHASES.indexOf(certificate.phase),
    height: certificate.height,
    view: certificate.view,
    blockHash: certificate.blockHash,
    signers: writeBitmap(certificate.signers),
    signatures: concatBytes([...certificate.signatures])
  })
)

/** The bytes of a certificate and back. */
export const certificateFormat: Format<Certificate> = format(
  'certificate',
  CERTIFICATE_BYTES_MAX,
  certificateCodec
)

/** The bytes of a certificate. */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  return certificateFormat.encode(certificate)
}

/** @throws VitalchainError as {@link Format.decode} */
export function decodeCertificate(encoded: Uint8Array): Certificate {
  return certificateFormat.decode(encoded)
}

/** What the next header holds of a certificate: SHA-256 of its bytes, or 32 zero bytes for none. */
export function hashCertificate(certificate: Certificate | undefined): Uint8Array {
  return certificate === undefined ? new Uint8Array(32) : sha256(encodeCertificate(certificate))
}

/** Checks one Ed25519 signature; the same verdict as {@link verifySignature}. */
export type VerifyVote = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
) => boolean

/** {@link verifySignature} with an Ed25519 key. */
export const verifyEd25519Vote: VerifyVote = (publicKey, message, signature) =>
  verifySignature({ algorithm: 'ed25519', bytes: publicKey }, message, signature)

/**
 * Checks that a certificate holds exactly a quorum of distinct validators' valid signatures.
 *
 * @param validators - the validator set of the certificate's height
 * @param verify - replaced only by simulations
 * @throws VitalchainError `ERR_CERTIFICATE` that names what is wrong
 */
export function verifyCertificate(
  certificate: Certificate,
  validators: ValidatorSet,
  place: { readonly network: Uint8Array; readonly recoveryEpoch: number },
  verify: VerifyVote = verifyEd25519Vote
): void {
  const refuse = (why: string): never => {
    throw new VitalchainError(
      'ERR_CERTIFICATE',
      `certificate of height ${certificate.height}: ${why}`,
      {
        values: { height: certificate.height, view: certificate.view }
      }
    )
  }
  const { signers, signatures } = certificate
  if (signers.length !== quorum(validators.length) || signatures.length !== signers.length) {
    refuse(
      `${signers.length} signatures where exactly ${quorum(validators.length)} make a quorum of ${validators.length}`
    )
  }
  const message = voteSignBytes(
    { ...place, height: certificate.height, view: certificate.view },
    { type: certificate.phase, blockHash: certificate.blockHash }
  )
  signers.forEach((signer, k) => {
    const validator = validators[signer]
    const before = signers[k - 1] ?? -1
    if (validator === undefined || signer <= before)
      refuse(`signer ${signer} is not a validator, or stands twice`)
    const signature = signatures[k]
    if (
      validator === undefined ||
      signature === undefined ||
      !verify(validator.consensusKey, message, signature)
    ) {
      refuse(`the signature of validator ${signer} is not valid`)
    }
  })
}

function readBitmap(bitmap: Uint8Array): number[] {
  return [...bitmap].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => (byte >> bit) & 1).map(bit => at * 8 + bit)
  )
}

function writeBitmap(signers: readonly number[]): Uint8Array {
  const bitmap = new Uint8Array(Math.floor((signers.at(-1) ?? 0) / 8) + 1)
  for (const signer of signers)
    bitmap[signer >> 3] = (bitmap[signer >> 3] ?? 0) | (1 << (signer & 7))
  return bitmap
}
