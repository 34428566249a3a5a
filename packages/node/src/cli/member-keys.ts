import { ed25519PublicKey, equalBytes, genesisFormat, VitalchainError } from '@vitalchain/core'
import { transportPublicKey } from '../network/identity.ts'
import { operatorSigner } from '../testing/found-network.ts'
import type { NodeSecrets } from '../keys/keys-file.ts'

/**
 * Checks that a node's secret keys can belong together. A node may run with keys that the genesis does not have: those of a
 * newcomer, or a member's new ones, which the ledger decides about. But keys of two founders, or a founder's key under which
 * that founder's node does not run, would run without a word that says why nobody takes its connections or its votes; and
 * a consensus key in two directories would vote twice.
 *
 * @param genesis - the genesis document's bytes
 * @throws VitalchainError `ERR_FILE` when the genesis is none, `ERR_KEYS_NOT_OF_MEMBER` naming the first key that is wrong
 */
export function checkMemberKeys(genesis: Uint8Array, secrets: NodeSecrets): void {
  const { members } = decodeGenesis(genesis)
  const transport = transportPublicKey(secrets.transport)
  const consensus =
    secrets.consensus === undefined ? undefined : ed25519PublicKey(secrets.consensus)
  const member = members.find(({ transportKey }) => equalBytes(transportKey, transport))
  if (member === undefined) {
    // The operator's key may be a founder's: its hospital moves to new keys on a new node.
    const voter = members.find(
      ({ consensusKey }) => consensus !== undefined && equalBytes(consensusKey, consensus)
    )
    if (voter === undefined) return
    throw fault('transport', `is not that of ${voter.name}, whose consensus key this is`)
  }
  const others = `is not that of ${member.name}, whose transport key this is`
  if (consensus !== undefined && !equalBytes(consensus, member.consensusKey))
    throw fault('consensus', others)
  const { checkpoint } = secrets
  if (checkpoint !== undefined && !equalBytes(ed25519PublicKey(checkpoint), member.checkpointKey))
    throw fault('checkpoint', others)
  if (secrets.operator === undefined) return
  const { algorithm, bytes } = operatorSigner({ operator: secrets.operator }).publicKey
  if (algorithm !== member.operatorKey.algorithm || !equalBytes(bytes, member.operatorKey.bytes))
    throw fault('operator', others)
}

function decodeGenesis(bytes: Uint8Array): ReturnType<typeof genesisFormat.decode> {
  try {
    return genesisFormat.decode(bytes)
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', 'genesis.cbor is no genesis document', { cause })
  }
}

function fault(key: string, what: string): VitalchainError {
  return new VitalchainError(
    'ERR_KEYS_NOT_OF_MEMBER',
    `keys.json and genesis.cbor do not belong together: the ${key} key ${what}`,
    { values: { key } }
  )
}
