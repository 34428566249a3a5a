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
import { proofKind } from './proof-kind.ts'

/** Whose cosignatures count for a checkpoint, and how that is known. */
export interface CheckpointSigners {
  readonly validators: ValidatorSet
  readonly genesis: Genesis
  /** In words, for people. */
  readonly known: string
}

/** What a verifier trusts, of bytes that were read: pure, so that a page in a browser judges as the command does. */
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

/** What {@link createVerifyTrust} makes a trust of. */
export interface TrustBytes {
  /** The genesis document. */
  readonly genesis?: Uint8Array | undefined
  /** The network id, if the document is not there. */
  readonly network?: Uint8Array | undefined
  readonly pin?: Pin | undefined
  /** A CBOR proof whose hand-overs lead to the validators that signed a checkpoint. */
  readonly validators?: Uint8Array | undefined
}

/**
 * Makes a {@link VerifyTrust}.
 *
 * @throws VitalchainError `ERR_USAGE` for neither a genesis nor a network, `ERR_SCHEMA` for a `validators` that is no proof, and
 * as `verifyAnchor` for one that does not hold
 */
export function createVerifyTrust({ genesis, pin, validators, ...named }: TrustBytes): VerifyTrust {
  const network = genesis === undefined ? named.network : networkId(genesis)
  if (network === undefined)
    throw new VitalchainError('ERR_USAGE', 'say what to trust: --genesis or --network')
  const given = validators === undefined ? undefined : chainOf(readAnchor(validators), network)
  const chain = (): Chain => {
    if (given !== undefined) return given
    if (genesis !== undefined) return foundersOf(genesisFormat.decode(genesis))
    throw new VitalchainError(
      'ERR_USAGE',
      'a checkpoint is verified with --genesis, or with a receipt after --validators'
    )
  }
  return {
    genesis: network,
    pin,
    network,
    signersAt: size => signersOf(chain(), size),
    everySigner: () => chain().sets.flatMap(each => each.validators)
  }
}

/**
 * A trusted checkpoint: a checkpoint note (its signatures are not checked: the file is what is trusted), a line `size root` or
 * `size root validators` with hashes in hexadecimal, or a proof that was verified before, whose header is the checkpoint.
 *
 * @param network - which it must be of, as far as the bytes tell
 * @throws VitalchainError `ERR_OTHER_NETWORK`, and as the formats' `decode` and `verifyAnchor`
 */
export function pinOf(bytes: Uint8Array, network?: Uint8Array): Pin {
  const [, size, root = '', , validators] =
    /^(\d{1,15}) ([0-9a-f]{64})( ([0-9a-f]{64}))?\s*$/i.exec(start(bytes)) ?? []
  if (size === undefined) return readPinnedProof(bytes, network)
  return {
    size: Number(size),
    root: fromHex(root),
    ...(validators === undefined ? {} : { validators: fromHex(validators) })
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

function chainOf(anchor: Anchor, network: Uint8Array): Chain {
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
