import {
  genesisValidators,
  hash32,
  list,
  memberId,
  publicKeyCodec,
  text,
  tuple,
  bytes,
  validatorSetCodec,
  VitalchainError,
  type GenesisMember,
  type ValidatorSet
} from '@vitalchain/core'
import type { Contract, StateReader } from './contract.ts'
import { table, type Table } from './table.ts'

const ONLY = new Uint8Array(0)

const records: Table<GenesisMember> = table(
  'members',
  'member',
  tuple({
    name: text(64),
    operatorKey: publicKeyCodec,
    consensusKey: bytes(32),
    checkpointKey: bytes(32),
    transportKey: bytes(32)
  })
)

const ids: Table<readonly Uint8Array[]> = table('members', 'ids', list(hash32, 256))

const validators: Table<ValidatorSet> = table('members', 'validators', validatorSetCodec)

/** A member as the ledger knows it. */
export interface Member extends GenesisMember {
  /** The member's identifier, 32 bytes. */
  readonly id: Uint8Array
}

/** The hospitals of the network and their keys, and with them the validator set. It is the genesis's; changing it by vote is to come. */
export const members: Contract = {
  name: 'members',
  version: 1,
  genesis(state, genesis, accounts) {
    for (const member of genesis.members) {
      const id = memberId(member.operatorKey)
      records.put(state, id, member)
      accounts.bind(state, id, member.operatorKey)
    }
    ids.put(
      state,
      ONLY,
      genesis.members.map(member => memberId(member.operatorKey))
    )
    validators.put(state, ONLY, genesisValidators(genesis))
  },
  validators(state) {
    const set = validators.get(state, ONLY)
    if (set === undefined)
      throw new VitalchainError('ERR_STATE', 'the state holds no validator set')
    return set
  }
}

/** A member's record, or undefined for an identifier that is no member. */
export function getMember(state: StateReader, id: Uint8Array): Member | undefined {
  const record = records.get(state, id)
  return record === undefined ? undefined : { id, ...record }
}

/** All members, in the order in which they joined. */
export function listMembers(state: StateReader): readonly Member[] {
  return (ids.get(state, ONLY) ?? []).flatMap(id => getMember(state, id) ?? [])
}
