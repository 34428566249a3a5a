import { equalBytes } from '../bytes.ts'
import type { Signer } from '../crypto/keys.ts'
import { bytes, format, hash32, tagged, type Format } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { openCose, signCose, verifySigned, type Signed } from '../ledger/cose.ts'

/**
 * How a device shows a node who it is, so that it may read its own chain: it signs the node's fresh challenge. No clock is
 * involved, and what is signed is of no use at another node. spec S-2.
 */
export interface Session {
  readonly network: Uint8Array
  readonly device: Uint8Array
  /** 32 random bytes that the node sent. */
  readonly challenge: Uint8Array
  /** The node's transport key, 32 bytes, as the challenge named it. */
  readonly node: Uint8Array
}

const SESSION_BYTES_MAX = 256

const sessionFormat: Format<Session> = format(
  'session',
  SESSION_BYTES_MAX,
  tagged(['vitalchain/session'], {
    network: hash32,
    device: hash32,
    challenge: bytes(32),
    node: bytes(32)
  })
)

/** Signs a session as a COSE_Sign1. */
export async function signSession(signer: Signer, session: Session): Promise<Uint8Array> {
  return signCose(signer, sessionFormat.encode(session))
}

/**
 * Reads a session and checks its signature and everything in it but the device's key, which the ledger knows.
 *
 * @throws VitalchainError `ERR_SESSION` for another network, node or challenge, `ERR_SIGNATURE`, or as `openCose`
 */
export function openSession(
  cose: Uint8Array,
  expected: Omit<Session, 'device'>
): { device: Uint8Array; signed: Signed } {
  const signed = openCose(cose)
  const session = sessionFormat.decode(signed.payload)
  if (
    !equalBytes(session.network, expected.network) ||
    !equalBytes(session.node, expected.node) ||
    !equalBytes(session.challenge, expected.challenge)
  ) {
    throw new VitalchainError('ERR_SESSION', 'the session answers another challenge')
  }
  if (!verifySigned(signed))
    throw new VitalchainError('ERR_SIGNATURE', 'the session is not signed by its key')
  return { device: session.device, signed }
}
