import { format, hash32, list, tuple, type Format } from '../encoding/schema.ts'
import { handOverCodec, headerBytesCodec, type HandOver } from './anchor.ts'
import { certificateCodec, type Certificate } from './certificate.ts'
import type { Header } from './header.ts'
import {
  CERTIFICATE_BYTES_MAX,
  CONSISTENCY_PATH_MAX,
  HEADER_BYTES_MAX,
  VALIDATORS_MAX
} from './limits.ts'

/** Headers in one answer: with 50 validators 700 kB, some 10 ms of a node's time. */
export const HEADERS_PAGE_MAX: number = 256

/** Hand-overs in one answer: with 50 validators 500 kB. */
export const HANDOVERS_PAGE_MAX: number = 64

/** Bytes of a validator set: 50 validators take 5.2 kB. */
const VALIDATOR_SET_BYTES_MAX = VALIDATORS_MAX * 128

/** A header with a quorum's signatures over it. */
export interface CertifiedHeader {
  readonly header: Header
  readonly certificate: Certificate
}

/** A page of headers as a node answers `GET /v1/headers`: ascending heights, without a hole. spec F-26. */
export const headersPageFormat: Format<readonly CertifiedHeader[]> = format(
  'headers',
  HEADERS_PAGE_MAX * (HEADER_BYTES_MAX + CERTIFICATE_BYTES_MAX),
  list(tuple({ header: headerBytesCodec, certificate: certificateCodec }), HEADERS_PAGE_MAX)
)

/** A page of hand-overs as a node answers `GET /v1/hand-overs`: ascending heights. spec F-26. */
export const handOversPageFormat: Format<readonly HandOver[]> = format(
  'hand-overs',
  HANDOVERS_PAGE_MAX * (HEADER_BYTES_MAX + CERTIFICATE_BYTES_MAX + VALIDATOR_SET_BYTES_MAX),
  list(handOverCodec, HANDOVERS_PAGE_MAX)
)

/** A consistency proof (RFC 9162 section 2.1.4) as a node answers `GET /v1/consistency`. spec F-26. */
export const consistencyPathFormat: Format<readonly Uint8Array[]> = format(
  'consistency',
  CONSISTENCY_PATH_MAX * 34 + 8,
  list(hash32, CONSISTENCY_PATH_MAX)
)
