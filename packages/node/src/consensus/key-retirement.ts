import {
  bytes,
  equalBytes,
  format,
  GENESIS_BYTES_MAX,
  handOverCodec,
  HANDOVERS_MAX,
  hashValidatorSet,
  list,
  tuple,
  verifyAnchor,
  VitalchainError,
  type Format,
  type HandOver,
  type ValidatorSet
} from '@vitalchain/core'
import type { LedgerReader } from '../ledger/ledger.ts'

/** Bytes of a proof: 200 hand-overs of 50 validators take 3 MB. A network of 4 has 2 kB for each. */
export const RETIREMENT_BYTES_MAX: number = 4 * 1024 * 1024 - 64 * 1024

/** Proves that a key is out of force. */
interface Retirement {
  /** The genesis document's bytes. */
  readonly genesis: Uint8Array
  /** All hand-overs up to the one that took the key out. */
  readonly handOvers: readonly HandOver[]
}

const retirementFormat: Format<Retirement> = format(
  'retirement',
  RETIREMENT_BYTES_MAX,
  tuple({
    genesis: bytes(1, GENESIS_BYTES_MAX),
    handOvers: list(handOverCodec, HANDOVERS_MAX, 1)
  })
)

/** Whether a consensus key was in force and is no more: a durable hand-over took it out. spec C-48 */
export function isRetired(ledger: Pick<LedgerReader, 'validatorSets'>, key: Uint8Array): boolean {
  return lastTermOf(ledger.validatorSets(), key) !== undefined
}

/**
 * Proves to who knows the network's identity alone that a key is out of force.
 *
 * @throws VitalchainError `ERR_NOT_RETIRED` when it is not
 */
export function proveRetirement(
  ledger: Pick<LedgerReader, 'validatorSets' | 'handOvers' | 'genesisBytes'>,
  key: Uint8Array
): Uint8Array {
  const last = lastTermOf(ledger.validatorSets(), key)
  if (last === undefined) throw notRetired()
  return retirementFormat.encode({
    genesis: ledger.genesisBytes,
    handOvers: ledger.handOvers(0, last + 1)
  })
}

/**
 * Checks such a proof.
 *
 * @param network - the network id
 * @throws VitalchainError as {@link Format.decode} and `verifyAnchor`; `ERR_NOT_RETIRED` when the hand-overs do not take
 * this key out of force
 */
export function verifyRetirement(proof: Uint8Array, network: Uint8Array, key: Uint8Array): void {
  const { genesis, handOvers } = retirementFormat.decode(proof)
  const last = handOvers.at(-1)
  if (last === undefined) throw notRetired()
  const { header, certificate, validators } = last
  const { validatorSet } = verifyAnchor(
    { genesis, handOvers: handOvers.slice(0, -1), header, certificate, consistency: undefined },
    { genesis: network }
  )
  const bound = equalBytes(hashValidatorSet(validators), header.nextValidatorsHash)
  if (!bound || !holds(validatorSet, key) || holds(validators, key)) throw notRetired()
}

/** Index of the last set that holds a key, when a newer one does not. */
function lastTermOf(sets: readonly ValidatorSet[], key: Uint8Array): number | undefined {
  const last = sets.findLastIndex(set => holds(set, key))
  return last < 0 || last === sets.length - 1 ? undefined : last
}

function holds(set: ValidatorSet, key: Uint8Array): boolean {
  return set.some(({ consensusKey }) => equalBytes(consensusKey, key))
}

function notRetired(): VitalchainError {
  return new VitalchainError('ERR_NOT_RETIRED', 'no hand-over took this consensus key out of force')
}
