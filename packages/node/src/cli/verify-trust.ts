import { networkId, VitalchainError, type Pin } from '@vitalchain/core'
import { readBytes, readGenesis } from './json-file.ts'
import { createVerifyTrust, pinOf, readAnchor, type VerifyTrust } from './trust.ts'

/** What the caller of a command trusts. */
export interface TrustFlags {
  /** The genesis document's file. */
  readonly genesis?: string | undefined
  /** The network id. */
  readonly network?: Uint8Array | undefined
  /** A checkpoint: see {@link readPin}. */
  readonly pin?: string | undefined
  /** A CBOR proof whose hand-overs lead to the validators that signed a checkpoint. */
  readonly validators?: string | undefined
}

/**
 * Reads what the caller trusts.
 *
 * @throws VitalchainError `ERR_USAGE` when it is neither a genesis nor a network, `ERR_FILE` for files that are not what
 * they should be, and as `verifyAnchor` for a proof that does not hold
 */
export async function readTrust(flags: TrustFlags): Promise<VerifyTrust> {
  const genesis = flags.genesis === undefined ? undefined : await readGenesis(flags.genesis)
  const network = genesis === undefined ? flags.network : networkId(genesis)
  const pin = flags.pin === undefined ? undefined : await readPin(flags.pin, network)
  const validators = flags.validators === undefined ? undefined : await readProof(flags.validators)
  return createVerifyTrust({ genesis, network, pin, validators })
}

/**
 * The trusted checkpoint of a file; see {@link pinOf}.
 *
 * @throws VitalchainError `ERR_FILE`, `ERR_OTHER_NETWORK`
 */
export async function readPin(file: string, network?: Uint8Array): Promise<Pin> {
  const bytes = await readBytes(file)
  try {
    return pinOf(bytes, network)
  } catch (cause) {
    if (cause instanceof VitalchainError && cause.code === 'ERR_OTHER_NETWORK') throw cause
    throw new VitalchainError('ERR_FILE', `${file} holds no checkpoint`, {
      cause,
      values: { file }
    })
  }
}

async function readProof(file: string): Promise<Uint8Array> {
  const bytes = await readBytes(file)
  try {
    readAnchor(bytes)
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${file} is no receipt or other CBOR proof`, { cause })
  }
  return bytes
}
