import type { BoundedCache } from '../crypto/bounded-cache.ts'
import {
  bytes,
  format,
  hash32,
  list,
  mapped,
  optional,
  tagged,
  tuple,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { STATE_DEPTH_MAX } from '../merkle/state-node.ts'
import { verifyStateProof, type StateProof, type StateClaim } from '../merkle/state-proof.ts'
import { anchorFields, verifyAnchor, type Anchor, type ProvenAnchor, type Trust } from './anchor.ts'
import { RECEIPT_BYTES_MAX, STATE_KEY_BYTES_MAX, STATE_VALUE_BYTES_MAX } from './limits.ts'

/** Everything that proves what the state held under one key after a block. spec F-22. */
export interface StateProofDocument extends Anchor {
  /** The key in the state, F-17. */
  readonly key: Uint8Array
  /** The value's bytes; undefined shows that there is none. */
  readonly value: Uint8Array | undefined
  readonly proof: StateProof
}

/** The codec of the siblings and the other leaf of a proof, F-19. */
export const stateProofCodec: Codec<StateProof> = mapped(
  tuple({
    siblings: list(hash32, STATE_DEPTH_MAX),
    leaf: optional(tuple({ path: hash32, valueHash: hash32 }))
  }),
  ({ siblings, leaf }) => (leaf === undefined ? { siblings } : { siblings, leaf }),
  ({ siblings, leaf }) => ({ siblings, leaf })
)

/** The codec of a value of the state. */
export const stateValueCodec: Codec<Uint8Array> = bytes(1, STATE_VALUE_BYTES_MAX)

/** The bytes of a state proof and back. Reading checks the form only: see {@link verifyStateProofDocument}. */
export const stateProofFormat: Format<StateProofDocument> = format(
  'state-proof',
  RECEIPT_BYTES_MAX,
  tagged(['vitalchain/state-proof', 1], {
    ...anchorFields,
    key: bytes(1, STATE_KEY_BYTES_MAX),
    value: optional(stateValueCodec),
    proof: stateProofCodec
  })
)

/** What a valid state proof proves: after the block of the header, the state held this value, or none, under the key. */
export interface ProvenState extends ProvenAnchor {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/**
 * Verifies a state proof offline: pure, no I/O, no clock. spec F-22.
 *
 * @param good - certificates found good before, as for `verifyAnchor`
 * @throws VitalchainError for bytes that are no state proof and for its anchor as `verifyReceipt` does; `ERR_STATE_PROOF`
 * when the proof does not hold under the header's state root
 */
export function verifyStateProofDocument(
  encoded: Uint8Array,
  trust: Trust,
  good?: BoundedCache<true>
): ProvenState {
  const { key, value, proof, ...anchor } = stateProofFormat.decode(encoded)
  const proven = verifyAnchor(anchor, trust, good)
  requireStateProof({ root: proven.header.stateRoot, key, value, proof })
  return { ...proven, key, value }
}

/** @throws VitalchainError `ERR_STATE_PROOF` */
export function requireStateProof(claim: StateClaim): void {
  if (!verifyStateProof(claim))
    throw new VitalchainError('ERR_STATE_PROOF', 'the proof does not hold under the state root')
}
