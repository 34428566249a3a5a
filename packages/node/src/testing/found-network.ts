import {
  createSigner,
  ed25519PublicKey,
  generateSecretKey,
  genesisFormat,
  type Genesis,
  type GenesisMember,
  type GenesisParameters,
  type Signer
} from '@vitalchain/core'
import { createRules, devices, members, type Contract } from '@vitalchain/contracts'
import { transportPublicKey } from '../network/index.ts'

/** All secret keys of a founding member. */
export interface MemberSecrets {
  readonly name: string
  readonly operator: Uint8Array
  readonly consensus: Uint8Array
  readonly checkpoint: Uint8Array
  readonly transport: Uint8Array
}

/** A network on paper: its genesis and every member's secrets in one hand. For development and tests only. */
export interface FoundedNetwork {
  readonly genesis: Genesis
  /** The genesis document's bytes. */
  readonly document: Uint8Array
  readonly members: readonly MemberSecrets[]
}

/** Parameters that suit hospitals on one continent. */
export const DEFAULT_PARAMETERS: GenesisParameters = {
  clockPrecisionMs: 500,
  messageDelayMs: 2_000,
  payloadBytesPerMemberDay: 16 * 1024 ** 3,
  retentionDays: [3_650, 365, 30],
  unsafeSmallNetwork: false
}

/** Founds a network with fresh keys, all made here. A real network's members each make their own. */
export function foundNetwork({
  names,
  created,
  contracts = [members, devices],
  parameters = {}
}: {
  readonly names: readonly string[]
  /** ms since 1970 */
  readonly created: number
  readonly contracts?: readonly Contract[]
  readonly parameters?: Partial<GenesisParameters>
}): FoundedNetwork {
  const secrets = names.map(memberSecrets)
  const genesis: Genesis = {
    name: 'development network',
    created,
    members: secrets.map(describeMember),
    recovery: { threshold: 0, keys: [] },
    parameters: { ...DEFAULT_PARAMETERS, unsafeSmallNetwork: names.length < 4, ...parameters },
    contracts: createRules(contracts).versions
  }
  return { genesis, document: genesisFormat.encode(genesis), members: secrets }
}

/** Fresh secret keys for a member. */
export function memberSecrets(name: string): MemberSecrets {
  return {
    name,
    operator: generateSecretKey('ed25519'),
    consensus: generateSecretKey('ed25519'),
    checkpoint: generateSecretKey('ed25519'),
    transport: generateSecretKey('ed25519')
  }
}

/** What others may know of a member's keys, as the ledger has it. */
export function describeMember(secrets: MemberSecrets): GenesisMember {
  return {
    name: secrets.name,
    operatorKey: operatorSigner(secrets).publicKey,
    consensusKey: ed25519PublicKey(secrets.consensus),
    checkpointKey: ed25519PublicKey(secrets.checkpoint),
    transportKey: transportPublicKey(secrets.transport)
  }
}

/** The signer of a member's operator key. */
export function operatorSigner({ operator }: Pick<MemberSecrets, 'operator'>): Signer {
  return createSigner('ed25519', operator)
}
