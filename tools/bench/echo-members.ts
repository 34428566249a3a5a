import { transportPublicKey, type MemberPeer } from '../../packages/node/src/network/index.ts'

/** Members that exist for a measurement only. */
export function echoMembers(
  seeds: readonly Uint8Array[],
  addresses: readonly (readonly string[])[] = []
): readonly MemberPeer[] {
  return seeds.map((seed, k) => ({
    member: new Uint8Array(32).fill(k + 1),
    transportKey: transportPublicKey(seed),
    addresses: addresses[k] ?? []
  }))
}
