import {
  anchorFields,
  bytes,
  equalBytes,
  format,
  hash32,
  optional,
  RECEIPT_BYTES_MAX,
  tagged,
  tuple,
  uint,
  verifyAnchor,
  VitalchainError,
  type Anchor,
  type BoundedCache,
  type Codec,
  type Format,
  type Pin
} from '@vitalchain/core'
import { FORK_REPORT_BYTES_MAX, verifyForkReport } from './fork-report.ts'
import type { Root, Trusted } from './trusted-state.ts'

/** What a client stores to go on where it was. spec L-7. */
export interface LightState extends Anchor {
  /** The pin that the client was made with. */
  readonly pin: Pin | undefined
  /** The report of the fork that the client stopped at. */
  readonly fork: Uint8Array | undefined
}

const pin: Codec<Pin | undefined> = optional(
  tuple({ size: uint(), root: hash32, validators: optional(hash32) })
)

/** The bytes of a client's state and back. Reading checks the form only: see {@link verifyLightState}. */
export const lightStateFormat: Format<LightState> = format(
  'light client',
  RECEIPT_BYTES_MAX + FORK_REPORT_BYTES_MAX,
  tagged(['vitalchain/light-client', 1], {
    ...anchorFields,
    pin,
    fork: optional(bytes(1, FORK_REPORT_BYTES_MAX))
  })
)

/**
 * Verifies a stored state as if a stranger had written it. spec L-7.
 *
 * @throws VitalchainError `ERR_LIGHT_STATE` when it was made with another pin; otherwise as the formats, `verifyAnchor` and
 * `verifyForkReport`
 */
export function verifyLightState(
  encoded: Uint8Array,
  root: Root,
  good: BoundedCache<true>
): { readonly trusted: Trusted; readonly fork: Uint8Array | undefined } {
  const { pin, fork, ...anchor } = lightStateFormat.decode(encoded)
  const proven = verifyAnchor(anchor, { genesis: root.genesis, pin: root.pin }, good)
  if (!samePin(pin, root.pin))
    throw new VitalchainError(
      'ERR_LIGHT_STATE',
      'the stored state was made with another pin: start without it'
    )
  if (fork !== undefined) verifyForkReport(fork, { genesis: root.genesis })
  return { trusted: { anchor, proven }, fork }
}

function samePin(one: Pin | undefined, other: Pin | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return (
    one.size === other.size &&
    equalBytes(one.root, other.root) &&
    (one.validators === undefined || other.validators === undefined
      ? one.validators === other.validators
      : equalBytes(one.validators, other.validators))
  )
}
