import { equalBytes, sha256, u32be, type ValidatorSet } from '@vitalchain/core'

/** How the validators of a simulation sign. */
export interface KeyRing {
  readonly validators: ValidatorSet
  readonly sign: (validator: number, message: Uint8Array) => Uint8Array
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
}

/**
 * Checksums in place of signatures, about a hundred times faster. Anybody could make them; the adversaries of this
 * simulator only sign for the validators that they control.
 */
export function createCheckedKeys(count: number): KeyRing {
  const validators = Array.from({ length: count }, (_, index) => ({
    member: sha256(u32be(index)),
    consensusKey: sha256(u32be(1_000 + index)),
    checkpointKey: sha256(u32be(2_000 + index))
  }))
  return {
    validators,
    sign: (validator, message) =>
      checksum(validators[validator]?.consensusKey ?? new Uint8Array(32), message),
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
  signature.set(u32be(a >>> 0))
  signature.set(u32be(b >>> 0), 4)
  return signature
}
