import { equalBytes } from '../bytes.ts'
import { BoundedCache } from '../crypto/bounded-cache.ts'
import {
  bytes,
  format,
  hash32,
  list,
  mapped,
  tagged,
  uint,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { leafHash, verifyInclusion } from '../merkle/history.ts'
import {
  certificateCodec,
  hashCertificate,
  verifyCertificate,
  type Certificate
} from './certificate.ts'
import { verifySigned } from './cose.ts'
import { genesisFormat, genesisValidators, networkId, type Genesis } from './genesis.ts'
import { blockHash, decodeHeader, encodeHeader, type Header } from './header.ts'
import {
  GENESIS_BYTES_MAX,
  HANDOVERS_MAX,
  HEADER_BYTES_MAX,
  INCLUSION_PATH_MAX,
  RECEIPT_BYTES_MAX,
  TRANSACTION_BYTES_MAX
} from './limits.ts'
import { decodeTransaction, type Transaction } from './transaction.ts'
import { hashValidatorSet, validatorSetCodec, type ValidatorSet } from './validators.ts'

/** A certified header after which another validator set signs, with that set. */
export interface HandOver {
  readonly header: Header
  readonly certificate: Certificate
  /** The validators from the next height on. */
  readonly validators: ValidatorSet
}

/** Everything that proves, without any node and without a network, that a transaction is on the ledger. spec F-15. */
export interface Receipt {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  /** Every change of the validator set from genesis to the header's height. */
  readonly handOvers: readonly HandOver[]
  /** A header whose history tree holds the transaction. */
  readonly header: Header
  /** The quorum's signatures over that header. */
  readonly certificate: Certificate
  /** The transaction's position in the history tree. */
  readonly index: number
  /** The inclusion path, RFC 9162 section 2.1.3. */
  readonly path: readonly Uint8Array[]
  /** The transaction's bytes. */
  readonly transaction: Uint8Array
}

const header: Codec<Header> = mapped(bytes(1, HEADER_BYTES_MAX), decodeHeader, encodeHeader)

// The 0 leaves room for recovery headers, signed by recovery keys, as another kind.
const handOver: Codec<HandOver> = tagged([0], {
  header,
  certificate: certificateCodec,
  validators: validatorSetCodec
})

/** The bytes of a receipt and back. Reading checks the form only: see {@link verifyReceipt}. */
export const receiptFormat: Format<Receipt> = format(
  'receipt',
  RECEIPT_BYTES_MAX,
  tagged(['vitalchain/receipt', 1], {
    genesis: bytes(1, GENESIS_BYTES_MAX),
    handOvers: list(handOver, HANDOVERS_MAX),
    header,
    certificate: certificateCodec,
    index: uint(),
    path: list(hash32, INCLUSION_PATH_MAX),
    transaction: bytes(1, TRANSACTION_BYTES_MAX)
  })
)

/** What a valid receipt proves. */
export interface Proven {
  /** The network id that the proof is anchored in. */
  readonly network: Uint8Array
  readonly genesis: Genesis
  /** The transaction, its signatures checked. */
  readonly transaction: Transaction
  /** The transaction's position among all transactions since genesis. */
  readonly index: number
  /** The certified header in whose history the transaction stands: it was recorded in this block or before. */
  readonly header: Header
  readonly blockHash: Uint8Array
  /** The members that certified the header, with the name they have in the genesis, if they are in it. */
  readonly certifiedBy: readonly {
    readonly member: Uint8Array
    readonly name: string | undefined
  }[]
  /** How many validators there were at that height. */
  readonly validators: number
  /** Changes of the validator set since genesis. */
  readonly handOvers: number
  /**
   * What the proof rests on. `genesis-only`: on nobody ever having had the keys of a quorum of any validator set
   * since genesis, retired ones included.
   */
  readonly trust: 'genesis-only'
}

/** What a verifier trusts. */
export interface ReceiptTrust {
  /** The genesis document's bytes, or the network id (its SHA-256, 32 bytes). */
  readonly genesis: Uint8Array
}

/** Verifies receipts of one network, one after another. */
export type ReceiptVerifier = (encoded: Uint8Array) => Proven

/** Certificates that a verifier remembers as good: those of the blocks that receipts of a busy minute share. */
const CERTIFICATES_REMEMBERED = 1_024

/**
 * Verifies a receipt offline: pure, no I/O, no clock. It verifies or throws; there is no third answer. spec F-16.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL`, `ERR_SCHEMA` for bytes that are no
 * receipt, `ERR_OTHER_NETWORK`, `ERR_HANDOVER`, `ERR_CERTIFICATE`, `ERR_INCLUSION`, `ERR_SIGNATURE` for a proof that does not hold
 */
export function verifyReceipt(encoded: Uint8Array, trust: ReceiptTrust): Proven {
  return createReceiptVerifier(trust)(encoded)
}

/**
 * A verifier with the verdicts of {@link verifyReceipt} that checks the signatures of a certificate once, however many
 * receipts share it: for whoever verifies many.
 */
export function createReceiptVerifier(trust: ReceiptTrust): ReceiptVerifier {
  const good = new BoundedCache<true>(CERTIFICATES_REMEMBERED)
  return encoded => prove(encoded, trust, good)
}

function prove(encoded: Uint8Array, trust: ReceiptTrust, good: BoundedCache<true>): Proven {
  const receipt = receiptFormat.decode(encoded)
  const network = networkId(receipt.genesis)
  const trusted = trust.genesis.length === 32 ? trust.genesis : networkId(trust.genesis)
  if (!equalBytes(network, trusted))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the receipt is from another network')
  const genesis = genesisFormat.decode(receipt.genesis)

  let validators = genesisValidators(genesis)
  let height = 0
  for (const { header: at, certificate, validators: next } of receipt.handOvers) {
    checkCertified(at, certificate, validators, network, height, good)
    if (
      !equalBytes(at.nextValidatorsHash, hashValidatorSet(next)) ||
      equalBytes(at.nextValidatorsHash, at.validatorsHash)
    ) {
      throw new VitalchainError(
        'ERR_HANDOVER',
        `header ${at.height} does not hand over to the validators given`,
        { values: { height: at.height } }
      )
    }
    validators = next
    height = at.height
  }
  checkCertified(receipt.header, receipt.certificate, validators, network, height, good)

  const { index, path, header: head } = receipt
  if (
    !verifyInclusion(
      leafHash(receipt.transaction),
      index,
      head.history.size,
      path,
      head.history.root
    )
  ) {
    throw new VitalchainError(
      'ERR_INCLUSION',
      `the transaction is not at ${index} of the history of height ${head.height}`,
      { values: { index, height: head.height } }
    )
  }
  const transaction = decodeTransaction(receipt.transaction)
  checkSignatures(transaction, network)
  const names = new Map(
    genesisValidators(genesis).map((each, k) => [each.member.join(), genesis.members[k]?.name])
  )
  return {
    network,
    genesis,
    transaction,
    index,
    header: head,
    blockHash: receipt.certificate.blockHash,
    certifiedBy: receipt.certificate.signers.flatMap(signer => {
      const member = validators[signer]?.member
      return member === undefined ? [] : [{ member, name: names.get(member.join()) }]
    }),
    validators: validators.length,
    handOvers: receipt.handOvers.length,
    trust: 'genesis-only'
  }
}

/** A header of this network, above `after`, signed by a quorum of these validators. */
function checkCertified(
  at: Header,
  certificate: Certificate,
  validators: ValidatorSet,
  network: Uint8Array,
  after: number,
  good: BoundedCache<true>
): void {
  const values = { height: at.height }
  if (!equalBytes(at.network, network))
    throw new VitalchainError('ERR_OTHER_NETWORK', `header ${at.height} is from another network`, {
      values
    })
  if (at.height <= after || at.recoveryEpoch !== 0) {
    throw new VitalchainError(
      'ERR_HANDOVER',
      `header ${at.height} does not follow the hand-over at ${after}`,
      { values }
    )
  }
  if (!equalBytes(at.validatorsHash, hashValidatorSet(validators))) {
    throw new VitalchainError(
      'ERR_HANDOVER',
      `header ${at.height} is for other validators than the hand-overs lead to`,
      { values }
    )
  }
  if (
    certificate.phase !== 'commit' ||
    certificate.height !== at.height ||
    !equalBytes(certificate.blockHash, blockHash(at))
  ) {
    throw new VitalchainError('ERR_CERTIFICATE', `the certificate is not for header ${at.height}`, {
      values
    })
  }
  // The certificate names the header, and the header its validators: the same bytes have the same verdict.
  const name = hashCertificate(certificate)
  if (good.get(name) === true) return
  verifyCertificate(certificate, validators, { network, recoveryEpoch: at.recoveryEpoch })
  good.set(name, true)
}

function checkSignatures(transaction: Transaction, network: Uint8Array): void {
  // The signatures in evidence need the validators of its height; those who certified the block had them.
  if (transaction.type === 'evidence') return checkNetwork(transaction.evidence, network)
  const parts =
    transaction.type === 'conflict' ? [transaction.first, transaction.second] : [transaction]
  for (const part of parts) {
    checkNetwork('call' in part ? part.call : part.statement, network)
    if (!verifySigned(part.signed))
      throw new VitalchainError('ERR_SIGNATURE', 'a signature in the transaction is not valid')
  }
}

function checkNetwork(said: { readonly network: Uint8Array }, network: Uint8Array): void {
  if (!equalBytes(said.network, network))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the transaction was signed for another network')
}
