import { createRules, devices, members } from '@vitalchain/contracts'
import {
  genesisFormat,
  VALIDATORS_SAFE_MIN,
  VitalchainError,
  type Genesis,
  type GenesisMember,
  type GenesisParameters
} from '@vitalchain/core'
import type { SignedPart } from './member-part.ts'

/** What those who found a network agree on. */
export interface FoundOptions {
  /** What people call the network. */
  readonly name: string
  /** ms since 1970 */
  readonly created: number
  readonly parameters: GenesisParameters
}

/**
 * Joins the parts of all founders into a genesis document. The same parts in any order and the same options give the same bytes.
 *
 * @throws VitalchainError `ERR_GENESIS` for two members of one name, one key in two places, or too few members
 */
export function joinParts(
  parts: readonly SignedPart[],
  { name, created, parameters }: FoundOptions
): Uint8Array {
  requireOwnNames(parts.map(({ member }) => member))
  if (parts.length < VALIDATORS_SAFE_MIN && !parameters.unsafeSmallNetwork)
    throw new VitalchainError(
      'ERR_GENESIS',
      `${parts.length} hospitals tolerate no fault; ${VALIDATORS_SAFE_MIN} are needed (for trials: --unsafe-small-network)`,
      { values: { members: parts.length } }
    )
  const genesis: Genesis = {
    name,
    created,
    members: parts
      .map(({ member }) => member)
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    recovery: { threshold: 0, keys: [] },
    parameters,
    contracts: createRules([members, devices]).versions
  }
  const document = genesisFormat.encode(genesis)
  // Reading checks what writing does not: that every key stands in one place.
  genesisFormat.decode(document)
  return document
}

/** Names are what people know members by: two that look alike would be taken for each other. */
function requireOwnNames(founders: readonly GenesisMember[]): void {
  const seen = new Set<string>()
  for (const { name } of founders) {
    const plain = name.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase()
    if (seen.has(plain))
      throw new VitalchainError('ERR_GENESIS', `two members have the name "${name}"`)
    seen.add(plain)
  }
}
