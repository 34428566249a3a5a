import {
  callFormat,
  encodeCbor,
  equalBytes,
  readySignBytes,
  sha256,
  toHex,
  verifySignature,
  VitalchainError,
  type Call,
  type PublicKey
} from '@vitalchain/core'
import { equalKeys, getAccount } from './accounts.ts'
import type { BlockContext, State } from './contract.ts'
import {
  CHANGE_TERM_MS,
  changeCodec,
  CHANGES_MAX,
  CHANGES_PER_PROPOSER_MAX,
  type NameChange,
  type ProposeChange,
  type ReadyForChange,
  type ReadyProofs
} from './member-changes.ts'
import {
  closeExpired,
  closeOpen,
  dropApprovals,
  exclude,
  isQuorum,
  keysOf,
  openRecords,
  putFewerApprovals,
  putOpen,
  requireOpen,
  subjectOf,
  type IdentifiedChange
} from './member-open.ts'
import { previewChange } from './member-preview.ts'
import { dropProtocolVote } from './member-protocol.ts'
import {
  addMember,
  ed25519Key,
  removeMember,
  replaceKeys,
  requireCaller,
  requireMember,
  type MemberKeys
} from './member-records.ts'

/**
 * Blocks by which READY may be late: at 5 ms a block, half a second for the newcomer's call to reach a leader. It says that the
 * newcomer was up and had caught up a moment ago; a call from an earlier attempt is worth nothing.
 */
export const READY_BLOCKS_MAX: number = 100

/** Proposes a change and approves it. spec M-8, M-9 */
export function applyPropose(
  state: State,
  { change, forced }: ProposeChange,
  call: Call,
  block: BlockContext
): void {
  requireCaller(state, call.author, block.height)
  closeExpired(state, block.time)
  const open = openRecords(state)
  const own = open.filter(each => equalBytes(each.proposer, call.author))
  if (own.length >= CHANGES_PER_PROPOSER_MAX || open.length >= CHANGES_MAX)
    throw new VitalchainError('ERR_CHANGES_OPEN', 'too many changes of members are open')
  const encoded = encodeCbor(changeCodec.write(change))
  const isTwin = (each: IdentifiedChange): boolean =>
    each.forced === forced && equalBytes(encodeCbor(changeCodec.write(each.change)), encoded)
  if (open.some(isTwin))
    throw new VitalchainError('ERR_CHANGE_OPEN', 'this change is proposed already: approve it')
  const record: IdentifiedChange = {
    id: sha256(callFormat.encode(call)),
    change,
    forced,
    proposer: call.author,
    proposedHeight: block.height,
    expires: block.time + CHANGE_TERM_MS,
    approvals: [call.author],
    approved: false
  }
  requireAllowed(state, record, block)
  count(state, record, block)
}

/** Approves an open change; the last approval that it needs makes a removal take effect. spec M-9 */
export function applyApprove(
  state: State,
  { change: id }: NameChange,
  call: Call,
  block: BlockContext
): void {
  const record = openForVote(state, id, call, block)
  const { approvals } = record
  const approvedBefore = approvals.some(each => equalBytes(each, call.author))
  // Once more helps only when members left since, and with them the quorum fell.
  if (approvedBefore && (record.approved || !isQuorum(state, approvals)))
    throw new VitalchainError('ERR_ALREADY_APPROVED', 'the member approves this change already')
  count(
    state,
    { ...record, approvals: approvedBefore ? approvals : [...approvals, call.author] },
    block
  )
}

/** Takes an approval back; with the last one the change is closed. Its proposer has no more say than others. spec M-11 */
export function applyWithdraw(
  state: State,
  { change: id }: NameChange,
  call: Call,
  block: BlockContext
): void {
  const record = openForVote(state, id, call, block)
  const approvals = record.approvals.filter(each => !equalBytes(each, call.author))
  if (approvals.length === record.approvals.length)
    throw new VitalchainError('ERR_NOT_APPROVED', 'the member does not approve this change')
  putFewerApprovals(state, record, approvals)
}

/** The open change that a member votes on. */
function openForVote(
  state: State,
  id: Uint8Array,
  call: Call,
  block: BlockContext
): IdentifiedChange {
  requireCaller(state, call.author, block.height)
  closeExpired(state, block.time)
  return requireOpen(state, id)
}

/** The holder of the new keys is up: an approved addition or replacement takes effect. spec M-10 */
export function applyReady(
  state: State,
  { change: id, height, proofs }: ReadyForChange,
  call: Call,
  block: BlockContext
): void {
  closeExpired(state, block.time)
  const record = requireOpen(state, id)
  const { change, approved } = record
  const keys = keysOf(change)
  if (!approved || keys === undefined)
    throw new VitalchainError('ERR_NOT_APPROVED', 'a quorum of the members has not approved this')
  if (!equalBytes(call.author, subjectOf(change))) requireMember(state, call.author)
  if (height > block.height || height < block.height - READY_BLOCKS_MAX) {
    throw new VitalchainError('ERR_READY_HEIGHT', 'the call is too old, or ahead of its block', {
      values: { height, blockHeight: block.height },
      // A node that is some blocks behind takes it when it caught up.
      retryable: height > block.height
    })
  }
  const signer = getAccount(state, call.author)?.publicKey
  requireProofs(keys, proofs, signer, readySignBytes(block.network, id, height))
  requireAllowed(state, record, block)
  closeOpen(state, record)
  if (change.type === 'add') addMember(state, change.member, block.height)
  else replaceKeys(state, requireMember(state, subjectOf(change)), keys, block.height)
}

/** @throws VitalchainError `ERR_READY_PROOF` unless the holder of every key that votes or decides signed */
function requireProofs(
  keys: MemberKeys,
  proofs: ReadyProofs,
  signer: PublicKey | undefined,
  message: Uint8Array
): void {
  const isSigned = (key: PublicKey, proof: Uint8Array): boolean =>
    verifySignature(key, message, proof)
  const isOperator =
    proofs.operator === undefined
      ? signer !== undefined && equalKeys(signer, keys.operatorKey)
      : isSigned(keys.operatorKey, proofs.operator)
  if (
    !isOperator ||
    !isSigned(ed25519Key(keys.consensusKey), proofs.consensus) ||
    !isSigned(ed25519Key(keys.checkpointKey), proofs.checkpoint)
  ) {
    throw new VitalchainError('ERR_READY_PROOF', 'one of the new keys did not sign the call')
  }
}

/** Counts the approvals of a change against the members of now, and acts when they are a quorum. */
function count(state: State, record: IdentifiedChange, block: BlockContext): void {
  if (record.approved || !isQuorum(state, record.approvals)) {
    putOpen(state, record)
    return
  }
  requireAllowed(state, record, block)
  const { change } = record
  const isRival = (each: IdentifiedChange): boolean =>
    !equalBytes(each.id, record.id) && exclude(each.change, change)
  const rivals = openRecords(state).filter(isRival)
  if (change.type !== 'remove') {
    // One faulty member's earlier proposal of the same keys or name must not be in the way. A removal goes on.
    for (const rival of rivals) if (rival.change.type !== 'remove') closeOpen(state, rival)
    putOpen(state, { ...record, approved: true })
    return
  }
  for (const rival of rivals) closeOpen(state, rival)
  closeOpen(state, record)
  removeMember(state, requireMember(state, change.member), block.height)
  dropApprovals(state, change.member)
  dropProtocolVote(state, change.member)
}

/** @throws VitalchainError the first refusal of the preview that is not forced */
function requireAllowed(
  state: State,
  { id, change, forced }: IdentifiedChange,
  block: BlockContext
): void {
  const { refusals } = previewChange(state, block.genesis, change, id)
  const refusal = refusals.find(each => !(forced && each.forcible))
  if (refusal !== undefined) {
    throw new VitalchainError(refusal.code, refusal.message, {
      values: { member: toHex(subjectOf(change)) }
    })
  }
}
