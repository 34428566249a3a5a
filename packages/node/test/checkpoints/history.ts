import {
  appendLeaves,
  concatBytes,
  createSigner,
  EMPTY_FRONTIER,
  frontierRoot,
  leafHash,
  sha256,
  signCheckpoint,
  u32be,
  utf8,
  type CheckpointShare,
  type Signer,
  type Validator
} from '@vitalchain/core'

/** The network of these tests. */
export const NETWORK: Uint8Array = sha256(utf8('a network'))

/** Root of a history of numbered leaves; another name makes another history. */
export function rootOf(size: number, name = ''): Uint8Array {
  const leaves = Array.from({ length: size }, (_, k) =>
    leafHash(concatBytes([utf8(name), u32be(k)]))
  )
  return frontierRoot(appendLeaves(EMPTY_FRONTIER, leaves))
}

/** The checkpoint key of a number. */
export function checkpointSigner(k: number): Signer {
  return createSigner('ed25519', sha256(utf8(`checkpoint key ${k}`)))
}

/** The validator of a number. */
export function validator(k: number, key: number = k): Validator {
  return {
    member: sha256(utf8(`member ${k}`)),
    consensusKey: sha256(utf8(`consensus ${k}`)),
    checkpointKey: checkpointSigner(key).publicKey.bytes
  }
}

/** What a validator signs of a size. */
export function shareOf(
  k: number,
  size: number,
  { name = '', time = 1_000, key = k }: { name?: string; time?: number; key?: number } = {}
): Promise<CheckpointShare> {
  return signCheckpoint(
    { network: NETWORK, size, root: rootOf(size, name) },
    { member: validator(k).member, time, signer: checkpointSigner(key) }
  )
}
