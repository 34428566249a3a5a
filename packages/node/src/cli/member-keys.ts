import { ed25519PublicKey, equalBytes, genesisFormat, VitalchainError } from '@vitalchain/core'
import { transportPublicKey } from '../network/identity.ts'
import { operatorSigner } from '../testing/found-network.ts'
import type { NodeSecrets } from './node-dir.ts'

/**
 * Checks that a node's secret keys are those of one member of its genesis. With any others the node would run, and the
 * other members would not take its connections or its votes, without a word that says why.
 *
 * @param genesis - the genesis document's bytes
 * @throws VitalchainError `ERR_FILE` when the genesis is none, `ERR_KEYS_NOT_OF_MEMBER` naming the first key that is wrong
 */
export function checkMemberKeys(genesis: Uint8Array, secrets: NodeSecrets): void {
  const { members } = decodeGenesis(genesis)
  const transport = transportPublicKey(secrets.transport)
  const member = members.find(({ transportKey }) => equalBytes(transportKey, transport))
  if (member === undefined) throw fault('transport', 'is that of no member of this genesis')
  const others = `is not that of ${member.name}, whose transport key this is`
  if (
    secrets.consensus !== undefined &&
    !equalBytes(ed25519PublicKey(secrets.consensus), member.consensusKey)
  )
    throw fault('consensus', others)
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
