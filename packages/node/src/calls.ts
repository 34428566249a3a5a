import { callHead, listMembers } from '@vitalchain/contracts'
import {
  callFormat,
  callTransaction,
  equalBytes,
  memberId,
  signCose,
  VitalchainError,
  type Signer
} from '@vitalchain/core'
import type { LedgerReader } from './ledger/ledger.ts'

/**
 * A call of a member's operator, as the next of its chain on this ledger.
 *
 * @returns the transaction's bytes
 * @throws VitalchainError `ERR_NO_OPERATOR` without a key, `ERR_AUTHOR_UNKNOWN` when it may make no calls
 */
export async function signOperatorCall(
  ledger: Pick<LedgerReader, 'network' | 'state'>,
  operator: Signer | undefined,
  method: string,
  args: Uint8Array
): Promise<Uint8Array> {
  if (operator === undefined)
    throw new VitalchainError('ERR_NO_OPERATOR', "this node does not hold a member's operator key")
  const { network, state } = ledger
  const member = listMembers(state).find(each =>
    equalBytes(each.operatorKey.bytes, operator.publicKey.bytes)
  )
  // An approved newcomer is no member yet and has an account already.
  const author = member?.id ?? memberId(operator.publicKey)
  const previous = callHead(state, author)
  if (previous === undefined)
    throw new VitalchainError('ERR_AUTHOR_UNKNOWN', 'the member may not make calls')
  const call = callFormat.encode({ network, author, previous, method, args })
  return callTransaction(await signCose(operator, call))
}
