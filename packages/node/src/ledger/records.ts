import {
  blockHash,
  bytes,
  CERTIFICATE_BYTES_MAX,
  certificateCodec,
  concatBytes,
  decodeHeader,
  encodeHeader,
  equalBytes,
  format,
  HEADER_BYTES_MAX,
  laneAfter,
  mapped,
  optional,
  tuple,
  u64be,
  VALIDATORS_MAX,
  validatorSetCodec,
  VitalchainError,
  type Block,
  type Certificate,
  type Format,
  type Header,
  type Transaction,
  type ValidatorSet
} from '@vitalchain/core'
import { leadershipCodec, type Leadership } from '@vitalchain/consensus'
import { META, nodeKey, numberKey, placeKey, readNumber, tileKey } from '../store/tables.ts'
import type { StoreWrite } from '../store/store.ts'
import { wantedWrite, type WantedPayload } from '../store/wanted-payloads.ts'
import type { CertifiedBlock } from './certified-block.ts'
import type { Effects, Executed } from './execute.ts'

/** What is stored of a block beside its transactions. */
export interface HeaderRecord {
  readonly header: Header
  /** The certificate that this node committed the block with. */
  readonly certificate: Certificate
  /** The certificate of the block before as the block holds it. */
  readonly previousCertificate: Certificate | undefined
}

const headerRecord: Format<HeaderRecord> = format(
  'header record',
  HEADER_BYTES_MAX + 2 * CERTIFICATE_BYTES_MAX + 16,
  tuple({
    header: mapped(bytes(1, HEADER_BYTES_MAX), decodeHeader, encodeHeader),
    certificate: certificateCodec,
    previousCertificate: optional(certificateCodec)
  })
)

/** The bytes of a validator set and back: 50 validators take 5 kB. */
export const validatorSetFormat: Format<ValidatorSet> = format(
  'validator set',
  VALIDATORS_MAX * 128,
  validatorSetCodec
)

/** The bytes of a leadership and back: 256 failures and as many leaders take 22 kB. */
export const leadershipFormat: Format<Leadership> = format('leadership', 32 * 1024, leadershipCodec)

/**
 * Reads a header record, hashed again.
 *
 * @throws VitalchainError `ERR_DAMAGED` when it is none, or its certificate is not for its header
 */
export function readHeaderRecord(encoded: Uint8Array): HeaderRecord {
  let record: HeaderRecord
  try {
    record = headerRecord.decode(encoded)
  } catch (cause) {
    throw new VitalchainError('ERR_DAMAGED', 'a header in the store is damaged', { cause })
  }
  if (!equalBytes(blockHash(record.header), record.certificate.blockHash)) {
    throw new VitalchainError('ERR_DAMAGED', 'a header in the store is damaged', {
      values: { height: record.header.height }
    })
  }
  return record
}

/** Reads a header record as it is: whether its parts belong together is not checked. Throws as `Format.decode` does. */
export function readHeaderParts(encoded: Uint8Array): HeaderRecord {
  return headerRecord.decode(encoded)
}

/** A committed transaction with the height of its block. */
export interface TransactionRecord {
  readonly height: number
  readonly bytes: Uint8Array
}

/** Takes a record of the transactions table apart. */
export function readTransactionRecord(encoded: Uint8Array): TransactionRecord {
  return { height: readNumber(encoded), bytes: encoded.subarray(8) }
}

/** The writes that make the state of the genesis the ledger of an empty store. */
export function genesisWrites(
  genesis: Uint8Array,
  effects: Pick<Effects, 'state' | 'nodes' | 'validators'>,
  leadership: Leadership
): StoreWrite[] {
  return [
    ...stateWrites(effects),
    {
      table: 'validators',
      key: numberKey(1),
      value: validatorSetFormat.encode(effects.validators)
    },
    { table: 'meta', key: META.genesis, value: genesis },
    { table: 'meta', key: META.leadership, value: leadershipFormat.encode(leadership) },
    { table: 'meta', key: META.head, value: u64be(0) }
  ]
}

/** What is written with a block and follows from the block before or from what the node holds. */
export interface CommitNotes {
  /** The leadership of the next height. */
  readonly leadership: Leadership
  /** Whether other validators certify the next height. */
  readonly handsOver: boolean
  /** Payloads that the block names and the node lacks. */
  readonly wanted: readonly WantedPayload[]
}

/** Everything that committing a block writes. They belong into one batch. */
export function commitWrites(
  { block, transactions, effects }: Executed,
  certificate: Certificate,
  { leadership, handsOver, wanted }: CommitNotes
): StoreWrite[] {
  const { header } = block
  const height = u64be(header.height)
  const first = firstLeaf(header)
  const writes = stateWrites(effects)
  writes.push(headerWrite({ block, certificate }))
  for (const [offset, { bytes, transaction }] of transactions.entries()) {
    const leaf = first + offset
    writes.push(transactionWrite(header.height, leaf, bytes), ...indexWrites(leaf, transaction))
  }
  for (const tile of effects.tiles) {
    writes.push({ table: 'tiles', key: tileKey(tile), value: tile.bytes })
  }
  if (handsOver) {
    const value = validatorSetFormat.encode(effects.validators)
    writes.push({ table: 'validators', key: numberKey(header.height + 1), value })
  }
  writes.push(
    ...wanted.map(wantedWrite),
    { table: 'meta', key: META.leadership, value: leadershipFormat.encode(leadership) },
    { table: 'meta', key: META.head, value: height }
  )
  return writes
}

/** The write of a header record. */
export function headerWrite({ block, certificate }: CertifiedBlock): StoreWrite {
  const { header, previousCertificate } = block
  return {
    table: 'headers',
    key: u64be(header.height),
    value: headerRecord.encode({ header, certificate, previousCertificate })
  }
}

/** The write of a transaction record. */
export function transactionWrite(height: number, leaf: number, bytes: Uint8Array): StoreWrite {
  const value = concatBytes([u64be(height), bytes])
  return { table: 'transactions', key: u64be(leaf), value }
}

/** The writes by which a transaction is found. */
export function indexWrites(index: number, transaction: Transaction): StoreWrite[] {
  const leaf = u64be(index)
  const writes: StoreWrite[] = [{ table: 'ids', key: transaction.id, value: leaf }]
  if (transaction.type === 'statement') {
    const { device, lane } = transaction.statement
    const key = placeKey(device, lane, transaction.statement)
    writes.push({ table: 'places', key, value: leaf })
    if (transaction.statement.type === 'readings') {
      writes.push({ table: 'named', key: transaction.statement.payloadDigest, value: leaf })
    }
    // What the lane's head is behind a gap: a device that lost its outbox asks for it. spec S-5
    if (transaction.statement.type === 'gap') {
      const { head } = laneAfter(transaction.statement, transaction.id)
      writes.push({ table: 'named', key: head, value: leaf })
    }
  }
  return writes
}

/** The leaf index of a block's first transaction. */
export function firstLeaf(header: Header): number {
  return header.history.size - header.transactionCount
}

/** The block of a header record. */
export function toBlock(record: HeaderRecord, transactions: readonly Uint8Array[]): Block {
  const { header, previousCertificate } = record
  return { header, previousCertificate, transactions }
}

function stateWrites({ state, nodes }: Pick<Effects, 'state' | 'nodes'>): StoreWrite[] {
  const writes: StoreWrite[] = state.map(([key, value]) => ({ table: 'state', key, value }))
  for (const [position, value] of nodes) {
    writes.push({ table: 'nodes', key: nodeKey(position), value })
  }
  return writes
}

/** The error for a part of the store that is missing, or is not what the ledger's certified headers prove. */
export function damaged(what: string, index: number, cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', `the store's ${what} ${index} is missing or damaged`, {
    values: { what, index },
    ...(cause === undefined ? {} : { cause })
  })
}
