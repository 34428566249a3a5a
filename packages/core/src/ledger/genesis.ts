import { toHex } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { checkPublicKey, type PublicKey } from '../crypto/signatures.ts'
import {
  boolean,
  bytes,
  format,
  list,
  mapped,
  tagged,
  text,
  tuple,
  u32,
  uint,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { memberId } from './identity.ts'
import {
  GENESIS_BYTES_MAX,
  NAME_CHARACTERS_MAX,
  VALIDATORS_MAX,
  VALIDATORS_SAFE_MIN
} from './limits.ts'
import { publicKeyCodec } from './public-key.ts'
import type { ValidatorSet } from './validators.ts'

/** A hospital that founds the network, with its four keys. None of them expires by date. */
export interface GenesisMember {
  /** A name for people, up to 64 characters. */
  readonly name: string
  /** Signs what the hospital's operator does: registering devices, voting on members. */
  readonly operatorKey: PublicKey
  /** Ed25519, 32 bytes: signs proposals and votes. */
  readonly consensusKey: Uint8Array
  /** Ed25519, 32 bytes: cosigns checkpoints. */
  readonly checkpointKey: Uint8Array
  /** Ed25519, 32 bytes: the node's libp2p identity. */
  readonly transportKey: Uint8Array
}

/** What the members agreed on once, for the whole network. */
export interface GenesisParameters {
  /** How far a clock may be from another before a fresh proposal's time is refused, ms. */
  readonly clockPrecisionMs: number
  /** How long a proposal may have been under way, ms. */
  readonly messageDelayMs: number
  /** Bytes of payload that one member's devices may submit a day (86 400 000 ms of block time). */
  readonly payloadBytesPerMemberDay: number
  /** Days that payloads are kept, for each retention class that a statement may name. */
  readonly retentionDays: readonly number[]
  /** Allows fewer than four validators, which tolerate no fault. For trials only. */
  readonly unsafeSmallNetwork: boolean
}

/** A contract that every node of the network runs, and in which version. */
export interface ContractVersion {
  readonly name: string
  readonly version: number
}

/** The document that defines a network. Its SHA-256 is the network id, the anchor of every proof. spec F-5. */
export interface Genesis {
  readonly name: string
  /** When it was made, ms since 1970. */
  readonly created: number
  readonly members: readonly GenesisMember[]
  /** The keys, and how many of them must sign, that can re-establish a network that lost its quorum. */
  readonly recovery: { readonly threshold: number; readonly keys: readonly PublicKey[] }
  readonly parameters: GenesisParameters
  readonly contracts: readonly ContractVersion[]
}

const RECOVERY_KEYS_MAX = 16
const CONTRACTS_MAX = 32
const RETENTION_CLASSES_MAX = 16

const document = tagged(['vitalchain/genesis', 1], {
  name: text(NAME_CHARACTERS_MAX),
  created: uint(),
  members: list(
    tuple({
      name: text(NAME_CHARACTERS_MAX),
      operatorKey: publicKeyCodec,
      consensusKey: bytes(32),
      checkpointKey: bytes(32),
      transportKey: bytes(32)
    }),
    VALIDATORS_MAX,
    1
  ),
  recovery: tuple({
    threshold: uint(RECOVERY_KEYS_MAX),
    keys: list(publicKeyCodec, RECOVERY_KEYS_MAX)
  }),
  parameters: tuple({
    clockPrecisionMs: u32,
    messageDelayMs: u32,
    payloadBytesPerMemberDay: uint(),
    retentionDays: list(u32, RETENTION_CLASSES_MAX, 1),
    unsafeSmallNetwork: boolean
  }),
  contracts: list(tuple({ name: text(32), version: u32 }), CONTRACTS_MAX, 1)
})

/** The bytes of a genesis document and back; reading includes {@link checkGenesis}. */
export const genesisFormat: Format<Genesis> = format(
  'genesis',
  GENESIS_BYTES_MAX,
  mapped(
    document,
    (genesis): Genesis => {
      checkGenesis(genesis)
      return genesis
    },
    genesis => genesis
  )
)

/** The network id of a genesis document's bytes: `sha256sum genesis.cbor` gives the same. spec F-5. */
export function networkId(encodedGenesis: Uint8Array): Uint8Array {
  return sha256(encodedGenesis)
}

/** The validator set of height 1: the founding members in the order of the document. */
export function genesisValidators(genesis: Genesis): ValidatorSet {
  return genesis.members.map(member => ({
    member: memberId(member.operatorKey),
    consensusKey: member.consensusKey,
    checkpointKey: member.checkpointKey
  }))
}

/**
 * Refuses a genesis that could not work: a key that is no key or stands twice, a threshold that cannot be met,
 * too few members.
 *
 * @throws VitalchainError `ERR_GENESIS` or `ERR_KEY_INVALID`
 */
export function checkGenesis(genesis: Genesis): void {
  const seen = new Set<string>()
  const bind = (key: PublicKey): void => {
    checkPublicKey(key)
    const name = toHex(key.bytes)
    if (seen.has(name))
      throw new VitalchainError('ERR_GENESIS', 'one key stands in two places', {
        values: { key: name }
      })
    seen.add(name)
  }
  for (const member of genesis.members) {
    bind(member.operatorKey)
    for (const raw of [member.consensusKey, member.checkpointKey, member.transportKey])
      bind({ algorithm: 'ed25519', bytes: raw })
  }
  for (const key of genesis.recovery.keys) bind(key)
  const { threshold, keys } = genesis.recovery
  if (threshold > keys.length || (keys.length > 0 && threshold === 0)) {
    throw new VitalchainError(
      'ERR_GENESIS',
      `${threshold} of ${keys.length} recovery keys cannot be asked for`,
      {
        values: { threshold, keys: keys.length }
      }
    )
  }
  if (genesis.members.length < VALIDATORS_SAFE_MIN && !genesis.parameters.unsafeSmallNetwork) {
    throw new VitalchainError(
      'ERR_GENESIS',
      `${genesis.members.length} members tolerate no fault; ${VALIDATORS_SAFE_MIN} are needed, or unsafeSmallNetwork`,
      {
        values: { members: genesis.members.length }
      }
    )
  }
  const names = genesis.contracts.map(contract => contract.name)
  if (new Set(names).size !== names.length)
    throw new VitalchainError('ERR_GENESIS', 'one contract stands twice')
}
