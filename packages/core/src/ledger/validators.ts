import { encodeCbor } from '../encoding/cbor.ts'
import { bytes, hash32, list, tuple, type Codec } from '../encoding/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { VALIDATORS_MAX } from './limits.ts'

/** A member's keys as consensus and checkpoints use them. */
export interface Validator {
  /** The member's identifier, 32 bytes: it stays when keys change. */
  readonly member: Uint8Array
  /** Ed25519 public key that signs proposals and votes, 32 bytes. */
  readonly consensusKey: Uint8Array
  /** Ed25519 public key that cosigns checkpoints, 32 bytes. */
  readonly checkpointKey: Uint8Array
}

/** The validators of one height. The position in this list is a validator's index. */
export type ValidatorSet = readonly Validator[]

const validatorSet: Codec<ValidatorSet> = list(
  tuple({ member: hash32, consensusKey: bytes(32), checkpointKey: bytes(32) }),
  VALIDATORS_MAX,
  1
)

/** The codec of a validator set, for the formats that carry one. */
export const validatorSetCodec: Codec<ValidatorSet> = validatorSet

/** SHA-256 over `["vitalchain/validators", [[member, consensus key, checkpoint key], ...]]`. spec F-7. */
export function hashValidatorSet(validators: ValidatorSet): Uint8Array {
  return sha256(encodeCbor(['vitalchain/validators', validatorSet.write(validators)]))
}

/** How many of n validators may fail in any way, lying included, before safety is lost: floor((n - 1) / 3). */
export function faultTolerance(validators: number): number {
  return Math.floor((validators - 1) / 3)
}

/**
 * How many votes decide: floor((n + f) / 2) + 1. Any two quorums share more than f validators for every n;
 * the often quoted 2f + 1 forks for n = 5, 6, 8, 9. spec C-2.
 */
export function quorum(validators: number): number {
  return Math.floor((validators + faultTolerance(validators)) / 2) + 1
}
