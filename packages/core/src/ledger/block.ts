import { equalBytes } from '../bytes.ts'
import { bytes, format, list, mapped, optional, tagged, type Format } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { appendLeaves, frontierRoot, leafHash, type Frontier } from '../merkle/history.ts'
import { certificateCodec, hashCertificate, type Certificate } from './certificate.ts'
import { decodeHeader, encodeHeader, type Header } from './header.ts'
import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  CERTIFICATE_BYTES_MAX,
  HEADER_BYTES_MAX,
  TRANSACTION_BYTES_MAX
} from './limits.ts'

/** A header with what it binds. */
export interface Block {
  readonly header: Header
  /** The certificate of the block before, as this block's first proposer knew it; undefined at height 1. */
  readonly previousCertificate: Certificate | undefined
  /** The transactions' bytes, in order: the leaves that this block adds to the history tree. */
  readonly transactions: readonly Uint8Array[]
}

/** Framing of 2 000 transactions and the parts before them. */
const BLOCK_OVERHEAD_BYTES = 16 * 1024

/** The bytes of a block and back. Reading checks the form only: see {@link checkBlock}. spec F-14. */
export const blockFormat: Format<Block> = format(
  'block',
  BLOCK_BYTES_MAX + BLOCK_OVERHEAD_BYTES + CERTIFICATE_BYTES_MAX,
  mapped(
    tagged(['vitalchain/block'], {
      header: bytes(1, HEADER_BYTES_MAX),
      previousCertificate: optional(certificateCodec),
      transactions: list(bytes(1, TRANSACTION_BYTES_MAX), BLOCK_TRANSACTIONS_MAX)
    }),
    ({ header, previousCertificate, transactions }): Block => ({
      header: decodeHeader(header),
      previousCertificate,
      transactions
    }),
    ({ header, previousCertificate, transactions }) => ({
      header: encodeHeader(header),
      previousCertificate,
      transactions
    })
  )
)

/**
 * Checks that a header binds the parts beside it: the certificate before, the number of transactions, and the
 * history tree with them appended.
 *
 * @param before - the history tree before this block
 * @returns the history tree after this block
 * @throws VitalchainError `ERR_BLOCK` that names the part
 */
export function checkBlock(block: Block, before: Frontier): Frontier {
  const { header, previousCertificate, transactions } = block
  const refuse = (what: string): never => {
    throw new VitalchainError(
      'ERR_BLOCK',
      `block ${header.height}: the header does not bind its ${what}`,
      { values: { height: header.height } }
    )
  }
  if (!equalBytes(header.previousCertificateHash, hashCertificate(previousCertificate)))
    refuse('previous certificate')
  if (header.transactionCount !== transactions.length) refuse('number of transactions')
  const after = appendLeaves(before, transactions.map(leafHash))
  if (header.history.size !== after.size || !equalBytes(header.history.root, frontierRoot(after)))
    refuse('transactions')
  return after
}
