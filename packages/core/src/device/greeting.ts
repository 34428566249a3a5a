import { equalBytes } from '../bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import type { Signer } from '../crypto/keys.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { VitalchainError } from '../errors.ts'

/** What a node's transport key signs to show that the node is the one that its challenge names. */
export interface Greeting {
  readonly network: Uint8Array
  /** The node's transport key, 32 bytes. */
  readonly node: Uint8Array
  /** 32 random bytes of the device, so that no recorded greeting passes for a new one. */
  readonly nonce: Uint8Array
  /** 32 bytes of the node, which the device signs in its session. */
  readonly challenge: Uint8Array
}

/** The signed bytes of a greeting. spec S-9. */
export function greetingBytes({ network, node, nonce, challenge }: Greeting): Uint8Array {
  return encodeCbor(['vitalchain/hello', network, node, nonce, challenge])
}

/** Signs a greeting with the node's transport key; 64 bytes. */
export function signGreeting(signer: Signer, greeting: Greeting): Promise<Uint8Array> {
  return signer.sign(greetingBytes(greeting))
}

/**
 * Checks that a greeting is of the expected node, network and moment.
 *
 * @param expected - the node's transport key and the nonce that it was sent
 * @throws VitalchainError `ERR_NODE_KEY` (retryable: another node may be honest) for another node or a proof that is not its
 */
export function checkGreeting(
  greeting: Omit<Greeting, 'nonce'> & { readonly proof: Uint8Array },
  expected: { readonly node: Uint8Array; readonly nonce: Uint8Array }
): void {
  const { network, node, challenge, proof } = greeting
  const { nonce } = expected
  if (
    !equalBytes(node, expected.node) ||
    !verifyEd25519(node, greetingBytes({ network, node, nonce, challenge }), proof)
  ) {
    throw new VitalchainError('ERR_NODE_KEY', 'another node answers at this address', {
      retryable: true
    })
  }
}
