import {
  completenessFormat,
  equalBytes,
  fromHex,
  genesisFormat,
  genesisValidators,
  networkId,
  parseCheckpointBody,
  receiptFormat,
  receiptFromJson,
  stateProofFormat,
  verifyAnchor,
  VitalchainError,
  type Anchor,
  type Genesis,
  type Pin,
  type Trust,
  type ValidatorSet
} from '@vitalchain/core'
import { readBytes, readGenesis } from './json-file.ts'
import { proofKind } from './proof-kind.ts'

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

/** Whose cosignatures count for a checkpoint, and how that is known. */
export interface CheckpointSigners {
  readonly validators: ValidatorSet
  readonly genesis: Genesis
  /** In words, for people. */
  readonly known: string
}

/** What a command trusts, read. */
export interface VerifyTrust extends Trust {
  readonly network: Uint8Array
  /**
   * Who signs a checkpoint of a size.
   *
   * @throws VitalchainError `ERR_USAGE` when neither the genesis document nor a proof is given
   */
  signersAt(size: number): CheckpointSigners
  /** Whoever signed a checkpoint of any size. Throws as {@link VerifyTrust.signersAt}. */
  everySigner(): ValidatorSet
}

/**
 * Reads what the caller trusts.
 *
 * @throws VitalchainError `ERR_USAGE` when it is neither a genesis nor a network, `ERR_FILE` for files that are not what
 * they should be, and as `verifyAnchor` for a proof that does not hold
 */
export async function readTrust(flags: TrustFlags): Promise<VerifyTrust> {
  const { genesis: file, validators } = flags
  const document = file === undefined ? undefined : await readGenesis(file)
  const network = document === undefined ? flags.network : networkId(document)
  if (network === undefined)
    throw new VitalchainError('ERR_USAGE', 'say what to trust: --genesis or --network')
  const pin = flags.pin === undefined ? undefined : await readPin(flags.pin, network)
  const trust: Trust = { genesis: network, pin }
  const given = validators === undefined ? undefined : await readChain(validators, network)
  const chain = (): Chain => {
    if (given !== undefined) return given
    if (document !== undefined) return foundersOf(genesisFormat.decode(document))
    throw new VitalchainError(
      'ERR_USAGE',
      'a checkpoint is verified with --genesis, or with a receipt after --validators'
    )
  }
  return {
    ...trust,
    network,
    signersAt: size => signersOf(chain(), size),
    everySigner: () => chain().sets.flatMap(each => each.validators)
  }
}

/**
 * A trusted checkpoint of a file: a checkpoint note (its signatures are not checked: the file is what is trusted), a line
 * `size root` or `size root validators` with hashes in hexadecimal, or a proof that was verified before, whose header is
 * the checkpoint.
 *
 * @param network - which it must be of, as far as the file tells
 * @throws VitalchainError `ERR_FILE`, `ERR_OTHER_NETWORK`
 */
export async function readPin(file: string, network?: Uint8Array): Promise<Pin> {
  const bytes = await readBytes(file)
  const [, size, root = '', , validators] =
    /^(\d{1,15}) ([0-9a-f]{64})( ([0-9a-f]{64}))?\s*$/i.exec(start(bytes)) ?? []
  if (size !== undefined)
    return {
      size: Number(size),
      root: fromHex(root),
      ...(validators === undefined ? {} : { validators: fromHex(validators) })
    }
  try {
    return readPinnedProof(bytes, network)
  } catch (cause) {
    if (cause instanceof VitalchainError && cause.code === 'ERR_OTHER_NETWORK') throw cause
    throw new VitalchainError('ERR_FILE', `${file} holds no checkpoint`, {
      cause,
      values: { file }
    })
  }
}

function readPinnedProof(bytes: Uint8Array, network: Uint8Array | undefined): Pin {
  if (proofKind(bytes) === 'checkpoint') {
    const text = new TextDecoder().decode(bytes)
    const checkpoint = parseCheckpointBody(text.slice(0, text.indexOf('\n\n') + 1))
    requireNetwork(checkpoint.network, network)
    return { size: checkpoint.size, root: checkpoint.root }
  }
  const anchor = readAnchor(bytes)
  const { header } = anchor
  requireNetwork(header.network, network)
  // It is trusted because it was verified; a file that was damaged since is not the one that was.
  verifyAnchor(anchor, { genesis: header.network })
  return { ...header.history, validators: header.validatorsHash }
}

function requireNetwork(found: Uint8Array, expected: Uint8Array | undefined): void {
  if (expected !== undefined && !equalBytes(found, expected))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the pin is from another network')
}

/** The part of a proof that ties its header to the genesis. @throws VitalchainError as the formats' `decode` */
export function readAnchor(bytes: Uint8Array): Anchor {
  const kind = proofKind(bytes)
  if (kind === 'receipt') return receiptFormat.decode(bytes)
  if (kind === 'receipt-json')
    return receiptFormat.decode(receiptFromJson(new TextDecoder().decode(bytes)))
  if (kind === 'state-proof') return stateProofFormat.decode(bytes)
  if (kind === 'completeness') return completenessFormat.decode(bytes)
  throw new VitalchainError('ERR_SCHEMA', 'expected a receipt, state proof or completeness proof')
}

/** The validator sets that a verified proof leads through. */
interface Chain {
  readonly genesis: Genesis
  readonly height: number
  /** Ascending: a set signs checkpoints up to this size. */
  readonly sets: readonly { readonly upTo: number; readonly validators: ValidatorSet }[]
}

async function readChain(file: string, network: Uint8Array): Promise<Chain> {
  const bytes = await readBytes(file)
  let anchor: Anchor
  try {
    anchor = readAnchor(bytes)
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${file} is no receipt or other CBOR proof`, { cause })
  }
  const { genesis } = verifyAnchor(anchor, { genesis: network })
  const { handOvers, header } = anchor
  const sets = [genesisValidators(genesis), ...handOvers.map(({ validators }) => validators)]
  return {
    genesis,
    height: header.height,
    sets: sets.map((validators, k) => ({
      validators,
      // spec K-11: the set that certifies the block of the last leaf.
      upTo: handOvers[k]?.header.history.size ?? header.history.size
    }))
  }
}

/** Before any hand-over is known. */
function foundersOf(genesis: Genesis): Chain {
  return { genesis, height: 0, sets: [{ upTo: 0, validators: genesisValidators(genesis) }] }
}

function signersOf({ sets, genesis, height }: Chain, size: number): CheckpointSigners {
  const found = sets.find(({ upTo }) => size <= upTo)
  const last = sets.at(-1)
  const { validators } = found ?? last ?? { validators: [] }
  if (found !== undefined)
    return { validators, genesis, known: 'the hospitals that the hand-overs lead to at this size' }
  const since = height === 0 ? "the genesis's hospitals" : `the hospitals of block ${height}`
  return { validators, genesis, known: `${since}, if none came or went and no key changed since` }
}

function start(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 256))
}
