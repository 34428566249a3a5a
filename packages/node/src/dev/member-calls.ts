import { setTimeout as pause } from 'node:timers/promises'
import {
  activateArgs,
  approveArgs,
  proposeArgs,
  withdrawArgs,
  type MemberChange,
  type ProtocolActivation
} from '@vitalchain/contracts'
import { equalBytes, memberId, VitalchainError, type Signer } from '@vitalchain/core'
import { signReady, type NewKeys } from '../members/ready.ts'
import type { NodeApi } from './node-api.ts'
import { operatorCall, type Caller } from './operator-call.ts'

/** How often a node is asked whether it knows of a change, ms. */
const POLL_MS = 50

/** An operator of a member, or of somebody who is to become one, at the HTTP API of the own node. */
export interface MemberOperator {
  readonly api: NodeApi
  readonly operator: Signer
}

/**
 * Proposes a change of members, which is also the proposer's approval. Resolves when that is committed.
 *
 * @returns the change's identifier
 * @throws VitalchainError with the code of the refusal, `ERR_NOT_A_MEMBER`; the signal's reason when aborted, as all here
 */
export async function proposeChange(
  who: MemberOperator,
  change: MemberChange,
  { forced = false, signal }: { readonly forced?: boolean; readonly signal: AbortSignal }
): Promise<Uint8Array> {
  const args = (): Uint8Array => proposeArgs({ change, forced })
  return operatorCall(await callerOf(who), { method: 'members.propose', args }, signal)
}

/** Approves an open change. Resolves when that is committed. */
export async function approveChange(
  who: MemberOperator,
  change: Uint8Array,
  signal: AbortSignal
): Promise<void> {
  await untilKnown(who.api, change, signal)
  const args = (): Uint8Array => approveArgs({ change })
  await operatorCall(await callerOf(who), { method: 'members.approve', args }, signal)
}

/** Takes an approval back; a change that nobody approves any more is void. Resolves when that is committed. */
export async function withdrawChange(
  who: MemberOperator,
  change: Uint8Array,
  signal: AbortSignal
): Promise<void> {
  const args = (): Uint8Array => withdrawArgs({ change })
  await operatorCall(await callerOf(who), { method: 'members.withdraw', args }, signal)
}

/** Votes for a protocol version from a height on. Resolves when that is committed. */
export async function activateProtocol(
  who: MemberOperator,
  activation: ProtocolActivation,
  signal: AbortSignal
): Promise<void> {
  const args = (): Uint8Array => activateArgs(activation)
  await operatorCall(await callerOf(who), { method: 'members.activate', args }, signal)
}

/**
 * Says that the node with the new keys is up, for the change that is about them: waits until its own ledger shows the
 * approval, signs with the new keys and waits until that is committed. From the next height on the keys are in force.
 *
 * @param who - the new keys' own node
 * @returns the change's identifier
 * @throws VitalchainError `ERR_NOT_APPROVED` when it was not approved before the signal aborted
 */
export async function readyForChange(
  who: MemberOperator,
  keys: Omit<NewKeys, 'operator'> & { readonly consensusPublicKey: Uint8Array },
  signal: AbortSignal
): Promise<Uint8Array> {
  const { api, operator } = who
  const change = await untilApproved(api, keys.consensusPublicKey, signal)
  const caller = await callerOf(who)
  const { network } = caller
  const args = async (): Promise<Uint8Array> => {
    const { height } = await api.status()
    return signReady({ ...keys, operator }, { network, change, height })
  }
  await operatorCall(
    caller,
    { method: 'members.ready', args, again: ['ERR_READY_HEIGHT', 'ERR_PLACE_TAKEN'] },
    signal
  )
  return change
}

async function callerOf({ api, operator }: MemberOperator): Promise<Caller> {
  const { members, network } = await api.members()
  const key = operator.publicKey.bytes
  const member = members.find(({ operatorKey }) => equalBytes(operatorKey, key))
  // An approved newcomer has an account under the identifier that it will have.
  return { api, operator, network, author: member?.id ?? memberId(operator.publicKey) }
}

/** A change that was proposed elsewhere may take a moment to be on this node's ledger. */
async function untilKnown(api: NodeApi, change: Uint8Array, signal: AbortSignal): Promise<void> {
  while (!(await api.members()).changes.some(({ id }) => equalBytes(id, change)))
    await pause(POLL_MS, undefined, { signal })
}

async function untilApproved(
  api: NodeApi,
  consensusKey: Uint8Array,
  signal: AbortSignal
): Promise<Uint8Array> {
  while (!signal.aborted) {
    const { changes } = await api.members()
    const own = changes.find(
      each =>
        each.status === 'approved' &&
        each.consensusKey !== undefined &&
        equalBytes(each.consensusKey, consensusKey)
    )
    if (own !== undefined) return own.id
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  throw new VitalchainError(
    'ERR_NOT_APPROVED',
    'no change that brings the keys of this node is approved on its ledger',
    { retryable: true }
  )
}
