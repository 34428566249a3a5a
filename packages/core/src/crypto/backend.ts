import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { ed25519EquationHolds } from './ed25519-rule.ts'
import { es256EquationHolds } from './es256-rule.ts'

/**
 * The functions worth doing natively. A backend may be faster, never different: replicas that
 * disagree about one signature fork, so it is held to the pure rule by shared test vectors.
 *
 * The two `verify` functions are asked only about input that passed the pre-checks of the rule (see
 * `precheckSignature`), and decide the equation. Libraries differ, also from release to release, in
 * what else they refuse, so the pre-checks leave them only input on which they agree.
 */
export interface CryptoBackend {
  /** SHA-256 (FIPS 180-4). */
  sha256(bytes: Uint8Array): Uint8Array
  /** SHA-512 (FIPS 180-4). */
  sha512(bytes: Uint8Array): Uint8Array
  /** Whether encode([S]B - [k]A) equals the bytes of R, without cofactor. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** Whether the ECDSA P-256 equation holds for SHA-256 of the message; the signature is raw r || s. */
  verifyEs256(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** The backend that runs anywhere, in JavaScript alone. It is the rule that the others are held to. */
export const pureCryptoBackend: CryptoBackend = {
  sha256,
  sha512,
  verifyEd25519: ed25519EquationHolds,
  verifyEs256: es256EquationHolds
}

let current: CryptoBackend = pureCryptoBackend

/**
 * Replaces the given functions for this process and keeps the others. Call it once, at start:
 * the node package installs `node:crypto`. `useCryptoBackend(pureCryptoBackend)` undoes it.
 */
export function useCryptoBackend(faster: Partial<CryptoBackend>): void {
  current = { ...current, ...faster }
}

/** The backend in use. */
export function cryptoBackend(): CryptoBackend {
  return current
}

/**
 * The backend's verdict, or the pure one when the backend throws (no memory, an algorithm switched
 * off by a FIPS provider): a machine in trouble may be slow, not of another opinion.
 */
export function askBackend(question: (backend: CryptoBackend) => boolean): boolean {
  try {
    return question(current)
  } catch {
    return question(pureCryptoBackend)
  }
}
