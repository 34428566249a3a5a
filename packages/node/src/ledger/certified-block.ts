import {
  blockFormat,
  bytes,
  certificateCodec,
  CERTIFICATE_BYTES_MAX,
  format,
  mapped,
  tuple,
  type Block,
  type Certificate,
  type Format
} from '@vitalchain/core'

/** A block with the certificate that makes it final. */
export interface CertifiedBlock {
  readonly block: Block
  readonly certificate: Certificate
}

/** The bytes of a certified block and back, as nodes send it to each other and as it stands in a ledger file. spec F-25 */
export const certifiedBlockFormat: Format<CertifiedBlock> = format(
  'certified block',
  blockFormat.bytesMax + 2 * CERTIFICATE_BYTES_MAX,
  tuple({
    block: mapped(
      bytes(1, blockFormat.bytesMax),
      encoded => blockFormat.decode(encoded),
      block => blockFormat.encode(block)
    ),
    certificate: certificateCodec
  })
)
