import { candidates, listMembers, type Member, type StateReader } from '@vitalchain/contracts'
import { equalBytes, memberId, type GenesisMember, type ValidatorSet } from '@vitalchain/core'

/**
 * What this node is by its own ledger. `member`: its transport key is that of a member in force. `approved`: enough members
 * approved it; it follows, and votes once its operator says that it is ready. `replaced`: its member goes on with other
 * keys. `removed`: its member is none any more. `waiting`: none of that; it asks again until it is approved.
 */
export type Standing = 'member' | 'approved' | 'waiting' | 'replaced' | 'removed'

/** The public keys by which a node is known. */
export interface OwnKeys {
  readonly transportKey: Uint8Array
  /** Undefined for a node that only follows. */
  readonly consensusKey: Uint8Array | undefined
}

/** What tells a member of before from a stranger. */
export interface Past {
  readonly founders: readonly GenesisMember[]
  /** All validator sets so far, in any order. */
  readonly sets: readonly ValidatorSet[]
}

/** Works out a node's {@link Standing}. */
export function standingOf(
  state: StateReader,
  { transportKey, consensusKey }: OwnKeys,
  { founders, sets }: Past
): Standing {
  const holds = (member: Member): boolean => equalBytes(member.transportKey, transportKey)
  const inForce = listMembers(state)
  const self = inForce.find(holds)
  const hasKey = (key: Uint8Array): boolean =>
    consensusKey !== undefined && equalBytes(key, consensusKey)
  if (self !== undefined && (consensusKey === undefined || hasKey(self.consensusKey)))
    return 'member'
  if (candidates(state).some(holds)) return 'approved'
  const founder = founders.find(each => equalBytes(each.transportKey, transportKey))
  const former =
    founder === undefined
      ? sets.flat().find(validator => hasKey(validator.consensusKey))?.member
      : memberId(founder.operatorKey)
  if (former === undefined) return self === undefined ? 'waiting' : 'member'
  return inForce.some(({ id }) => equalBytes(id, former)) ? 'replaced' : 'removed'
}
