import { sha256 } from '../crypto/hash.ts'
import {
  format,
  hash32,
  literal,
  tagged,
  tuple,
  u32,
  uint,
  type Format
} from '../encoding/schema.ts'
import { BLOCK_TRANSACTIONS_MAX, HEADER_BYTES_MAX, VALIDATORS_MAX } from './limits.ts'

/** The version of the header format, and of the rules that decide whether a block is valid. */
export const PROTOCOL_VERSION: number = 1

/**
 * The head of a block. Its hash names the block; everything else about the block is bound by it. The view
 * that decides is not in it, so a block can be proposed again without a change. spec F-8.
 */
export interface Header {
  /** The protocol version whose rules this block follows; unknown ones fail closed. */
  readonly protocol: number
  /** The network id: SHA-256 of the genesis document. */
  readonly network: Uint8Array
  /** How often the network was recovered by its recovery keys; 0 at genesis. */
  readonly recoveryEpoch: number
  /** 1 for the first block. */
  readonly height: number
  /** Hash of the block before; the network id at height 1. */
  readonly previous: Uint8Array
  /** The proposer's clock in ms since 1970; greater than that of the block before. */
  readonly time: number
  /** The view in which the block was first built. */
  readonly originView: number
  /** The index, in this height's validator set, of the validator that first built it. */
  readonly originProposer: number
  /** How many transactions this block adds. */
  readonly transactionCount: number
  /** The history tree (RFC 9162) over all transactions since genesis, this block's included. */
  readonly history: { readonly size: number; readonly root: Uint8Array }
  /** Root of the state tree after this block. */
  readonly stateRoot: Uint8Array
  /** Hash of the validator set whose quorum certifies this block. */
  readonly validatorsHash: Uint8Array
  /** Hash of the set that certifies the next block. Where the two differ, the header is a hand-over. */
  readonly nextValidatorsHash: Uint8Array
  /** SHA-256 of the certificate of the block before as the body holds it; 32 zero bytes at height 1. */
  readonly previousCertificateHash: Uint8Array
}

const fields = tagged(['vitalchain/header'], {
  protocol: literal(PROTOCOL_VERSION),
  network: hash32,
  recoveryEpoch: u32,
  height: uint(Number.MAX_SAFE_INTEGER, 1),
  previous: hash32,
  time: uint(),
  originView: u32,
  originProposer: uint(VALIDATORS_MAX - 1),
  transactionCount: uint(BLOCK_TRANSACTIONS_MAX),
  history: tuple({ size: uint(), root: hash32 }),
  stateRoot: hash32,
  validatorsHash: hash32,
  nextValidatorsHash: hash32,
  previousCertificateHash: hash32
})

/** The bytes of a header and back. */
export const headerFormat: Format<Header> = format('header', HEADER_BYTES_MAX, fields)

/** The bytes that a block hash is taken over. */
export function encodeHeader(header: Header): Uint8Array {
  return headerFormat.encode(header)
}

/** @throws VitalchainError as {@link Format.decode} */
export function decodeHeader(encoded: Uint8Array): Header {
  return headerFormat.decode(encoded)
}

/** The name of a block: SHA-256 of its header's bytes. */
export function blockHash(header: Header): Uint8Array {
  return sha256(encodeHeader(header))
}
