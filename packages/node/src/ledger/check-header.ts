import {
  equalBytes,
  hashCertificate,
  PROTOCOL_VERSION,
  verifyCertificate,
  VitalchainError,
  type Block,
  type Certificate,
  type ValidatorSet
} from '@vitalchain/core'

/** A validator set with its hash, and the first height that it certifies. */
export interface ValidatorTerm {
  readonly from: number
  readonly validators: ValidatorSet
  readonly hash: Uint8Array
}

/** What the header of the next block must follow. */
export interface Parent {
  readonly network: Uint8Array
  /** 0 before the first block. */
  readonly height: number
  /** Hash of the newest block; the network id at height 0. */
  readonly hash: Uint8Array
  readonly time: number
  /** The newest block's certificate as this node has it; undefined at height 0. */
  readonly certificate: Certificate | undefined
  /** The validators that certified the newest block. */
  readonly term: ValidatorTerm
  /** The validators that certify the next. */
  readonly nextTerm: ValidatorTerm
}

/** The error of a block that is not valid at its place. */
export function blockError(
  code: string,
  message: string,
  height: number,
  options: { readonly cause?: unknown; readonly values?: Record<string, string | number> } = {}
): VitalchainError {
  return new VitalchainError(code, `block ${height}: ${message}`, {
    ...options,
    values: { height, ...options.values }
  })
}

/**
 * Checks what a header says before its transactions are carried out, and that the certificate in the block certifies the
 * block before. Not whether the time is near this node's: only fresh proposals must be. spec F-8.
 *
 * @throws VitalchainError `ERR_BLOCK_PROTOCOL`, `ERR_BLOCK_NETWORK`, `ERR_BLOCK_EPOCH`, `ERR_BLOCK_HEIGHT`,
 * `ERR_BLOCK_PREVIOUS`, `ERR_BLOCK_TIME`, `ERR_BLOCK_PROPOSER`, `ERR_BLOCK_VALIDATORS`, `ERR_BLOCK_COUNT`,
 * `ERR_BLOCK_EMPTY` or `ERR_BLOCK_CERTIFICATE`
 */
export function checkHeader(
  { header, previousCertificate, transactions }: Block,
  parent: Parent
): void {
  const { height } = header
  const require = (holds: boolean, code: string, message: string): void => {
    if (!holds) throw blockError(code, message, height)
  }
  require(header.protocol === PROTOCOL_VERSION, 'ERR_BLOCK_PROTOCOL', 'unknown protocol version')
  require(equalBytes(header.network, parent.network), 'ERR_BLOCK_NETWORK', 'of another network')
  require(header.recoveryEpoch === 0, 'ERR_BLOCK_EPOCH', 'of another recovery epoch')
  require(height === parent.height + 1, 'ERR_BLOCK_HEIGHT', `the next is ${parent.height + 1}`)
  require(equalBytes(
    header.previous,
    parent.hash
  ), 'ERR_BLOCK_PREVIOUS', 'does not follow the newest block')
  require(header.time > parent.time, 'ERR_BLOCK_TIME', 'not later than the block before')
  require(header.originProposer <
    parent.nextTerm.validators.length, 'ERR_BLOCK_PROPOSER', 'its proposer is no validator')
  require(equalBytes(
    header.validatorsHash,
    parent.nextTerm.hash
  ), 'ERR_BLOCK_VALIDATORS', 'for other validators')
  require(header.transactionCount ===
    transactions.length, 'ERR_BLOCK_COUNT', 'holds another number of transactions than its header says')
  // A leader of a later view may have nothing to propose and must be able to close the height.
  require(transactions.length > 0 ||
    header.originView > 0, 'ERR_BLOCK_EMPTY', 'without transactions in view 0')
  checkPreviousCertificate(header, previousCertificate, parent)
}

function checkPreviousCertificate(
  header: Block['header'],
  certificate: Certificate | undefined,
  parent: Parent
): void {
  const fail = (message: string, cause?: unknown): never => {
    throw blockError('ERR_BLOCK_CERTIFICATE', message, header.height, { cause })
  }
  const hash = hashCertificate(certificate)
  if (!equalBytes(header.previousCertificateHash, hash)) fail('names another certificate')
  if (certificate === undefined) {
    if (parent.height > 0) fail('holds no certificate of the block before')
    return
  }
  // The certificate that this node committed with was verified then.
  if (parent.height > 0 && equalBytes(hash, hashCertificate(parent.certificate))) return
  try {
    checkCertifies(certificate, parent, parent.term.validators)
  } catch (cause) {
    fail('its certificate does not certify the block before', cause)
  }
}

/**
 * Checks that a commit certificate is one of this block by these validators.
 *
 * @throws VitalchainError `ERR_CERTIFICATE`
 */
export function checkCertifies(
  certificate: Certificate,
  block: { readonly network: Uint8Array; readonly height: number; readonly hash: Uint8Array },
  validators: ValidatorSet
): void {
  if (
    certificate.phase !== 'commit' ||
    certificate.height !== block.height ||
    !equalBytes(certificate.blockHash, block.hash)
  ) {
    throw new VitalchainError(
      'ERR_CERTIFICATE',
      `the certificate is not for block ${block.height}`,
      { values: { height: block.height } }
    )
  }
  verifyCertificate(certificate, validators, { network: block.network, recoveryEpoch: 0 })
}
