import { equalBytes, sha256, u32be, type ValidatorSet } from '@vitalchain/core'

/** How the validators of a simulation sign. */
export interface KeyRing {
  /** The validators of height 1. */
  readonly validators: ValidatorSet
  /**
   * Members that may come later, with the first keys of each, and keys that members may change to: the number of a
   * key is its place in `validators` followed by these. Without them the validators never change.
   */
  readonly spare?: ValidatorSet
  /** Signs with the key of this number. */
  readonly sign: (key: number, message: Uint8Array) => Uint8Array
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
}

/** Keys beyond those of the first validators: enough for the changes of one simulation. */
const SPARE_KEYS = 8

/**
 * Checksums in place of signatures, about a hundred times faster. Anybody could make them; the adversaries of this
 * simulator only sign for the validators that they control.
 */
export function createCheckedKeys(count: number): KeyRing {
  const all = Array.from({ length: count + SPARE_KEYS }, (_, index) => ({
    member: sha256(u32be(index)),
    consensusKey: sha256(u32be(1_000 + index)),
    checkpointKey: sha256(u32be(2_000 + index))
  }))
  return {
    validators: all.slice(0, count),
    spare: all.slice(count),
    sign: (key, message) => checksum(all[key]?.consensusKey ?? new Uint8Array(32), message),
    verify: (publicKey, message, signature) => equalBytes(signature, checksum(publicKey, message))
  }
}

function checksum(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  let a = 0x811c_9dc5
  let b = 0x9e37_79b9
  for (const bytes of [publicKey, message]) {
    for (const byte of bytes) {
      a = Math.imul(a ^ byte, 0x0100_0193)
      b = Math.imul(b + byte, 0x85eb_ca6b) ^ (b >>> 15)
    }
  }
  const signature = new Uint8Array(64)
  for (let k = 0; k < 4; k += 1) {
    signature[k] = a >>> (8 * k)
    signature[4 + k] = b >>> (8 * k)
  }
  return signature
}
