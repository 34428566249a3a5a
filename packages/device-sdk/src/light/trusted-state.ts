import {
  blockHash,
  equalBytes,
  genesisFormat,
  genesisValidators,
  hashValidatorSet,
  networkId,
  verifyAnchor,
  verifyConsistency,
  VitalchainError,
  type Anchor,
  type BoundedCache,
  type CertifiedHeader,
  type Genesis,
  type HandOver,
  type Header,
  type Pin,
  type ProvenAnchor
} from '@vitalchain/core'

/** What a client was told to trust. */
export interface Root {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  readonly network: Uint8Array
  readonly document: Genesis
  /** The checkpoint that everything must continue, if one was given. */
  readonly pin: Pin | undefined
}

/** The newest header that a client verified, with its proof. */
export interface Trusted {
  /** The proof from the root: of the pin too, when the root has one. */
  readonly anchor: Anchor
  readonly proven: ProvenAnchor
}

/** What a peer gives to prove a header. */
export interface Step extends CertifiedHeader {
  /** All hand-overs below the header's height. */
  readonly handOvers: readonly HandOver[]
  /** Consistency from the pin's size; undefined without a pin. */
  readonly fromPin: readonly Uint8Array[] | undefined
  /** Consistency from the newest verified history; undefined when there is none. */
  readonly fromHead: readonly Uint8Array[] | undefined
}

/**
 * What a client trusts from the beginning.
 *
 * @throws VitalchainError as `genesisFormat.decode`
 */
export function rootOf(genesis: Uint8Array, pin: Pin | undefined): Root {
  return { genesis, network: networkId(genesis), document: genesisFormat.decode(genesis), pin }
}

/** Hand-overs that prove validators below a height: one at the height itself is for those after it. */
export function handOversBelow(all: readonly HandOver[], height: number): readonly HandOver[] {
  return all.filter(({ header }) => header.height < height)
}

/** The checkpoint that a verified header is: what a client verifies proofs with. */
export function pinOf({ header }: ProvenAnchor): Pin {
  return { ...header.history, validators: header.validatorsHash }
}

/**
 * Verifies that a header is certified by the validators that the genesis leads to, that its history continues the pin,
 * and that it continues the newest one verified before. Pure. spec L-2.
 *
 * @throws VitalchainError as `verifyAnchor`; `ERR_CONSISTENCY` when it does not continue the newest one
 */
export function verifyStep(
  root: Root,
  last: Trusted | undefined,
  step: Step,
  good: BoundedCache<true>
): Trusted {
  const { handOvers, header, certificate, fromPin, fromHead } = step
  const { pin } = root
  const anchor: Anchor = {
    genesis: root.genesis,
    handOvers,
    header,
    certificate,
    consistency:
      pin === undefined ||
      fromPin === undefined ||
      pin.size === 0 ||
      pin.size === header.history.size
        ? undefined
        : { size: pin.size, root: pin.root, path: fromPin }
  }
  const proven = verifyAnchor(anchor, { genesis: root.genesis, pin }, good)
  if (last !== undefined) {
    const before = last.proven.header
    if (
      header.height <= before.height ||
      !verifyConsistency(before.history, header.history, fromHead ?? [])
    ) {
      throw new VitalchainError(
        'ERR_CONSISTENCY',
        `the history at height ${header.height} does not continue that at ${before.height}`,
        { values: { height: header.height, from: before.height } }
      )
    }
  }
  return { anchor, proven }
}

/**
 * Verifies that headers follow each other, each naming the hash of the one before, without a hole. Pure. spec L-4.
 *
 * @param before - the header that the first one follows; undefined for the first of the ledger
 * @throws VitalchainError `ERR_HEADER_CHAIN`
 */
export function verifyHeaderChain(
  root: Root,
  before: Header | undefined,
  headers: readonly CertifiedHeader[]
): void {
  let parent = before
  let parentHash = before === undefined ? root.network : blockHash(before)
  for (const { header } of headers) {
    const follows =
      header.height === (parent?.height ?? 0) + 1 &&
      equalBytes(header.network, root.network) &&
      equalBytes(header.previous, parentHash) &&
      header.time > (parent?.time ?? -1) &&
      header.history.size === (parent?.history.size ?? 0) + header.transactionCount &&
      equalBytes(
        header.validatorsHash,
        parent?.nextValidatorsHash ?? hashValidatorSet(genesisValidators(root.document))
      )
    if (!follows)
      throw new VitalchainError(
        'ERR_HEADER_CHAIN',
        `header ${header.height} does not follow the one before`,
        { values: { height: header.height } }
      )
    parent = header
    parentHash = blockHash(header)
  }
}
