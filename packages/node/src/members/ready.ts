import { readyArgs } from '@vitalchain/contracts'
import { createSigner, readySignBytes, type Signer } from '@vitalchain/core'

/** The secrets of the new keys that a change brings. */
export interface NewKeys {
  /** Ed25519 seed that will sign votes, 32 bytes. */
  readonly consensus: Uint8Array
  /** Ed25519 seed that will cosign checkpoints, 32 bytes. */
  readonly checkpoint: Uint8Array
  readonly operator: Signer
}

/**
 * The arguments of `members.ready`, signed with all new keys.
 *
 * @param ready.change - the identifier of the approved change
 * @param ready.height - the height of the newest block that the newcomer's node holds; the call is good for 100 blocks
 */
export async function signReady(
  keys: NewKeys,
  ready: { readonly network: Uint8Array; readonly change: Uint8Array; readonly height: number }
): Promise<Uint8Array> {
  const { network, change, height } = ready
  const message = readySignBytes(network, change, height)
  const [consensus, checkpoint, operator] = await Promise.all([
    createSigner('ed25519', keys.consensus).sign(message),
    createSigner('ed25519', keys.checkpoint).sign(message),
    keys.operator.sign(message)
  ])
  return readyArgs({ change, height, proofs: { consensus, checkpoint, operator } })
}
