import {
  decodeTransaction,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  VitalchainError,
  type Signer,
  type Transaction
} from '@vitalchain/core'
import { outboxEntry, type OutboxEntry, type OutboxRecord } from './outbox.ts'

type StatementTransaction = Extract<Transaction, { readonly type: 'statement' }>

/** Why a gap stands for statements, as F-12 numbers it. */
export const GAP_REASON: { readonly full: 1 } = {
  /** The outbox was full. */
  full: 1
}

/** What it takes to sign a gap. */
export interface GapSettings {
  readonly signer: Signer
  /** The device's clock, ms since 1970, as it says. */
  readonly now: () => number
  readonly read: (record: OutboxRecord) => Promise<OutboxEntry>
}

/**
 * The signed gap that stands for statements which never left the device, in order and without a hole. The statement
 * behind them names the last of them as its previous, so nothing else is signed again. spec F-12, D-5
 *
 * @throws Error what the store or the signer threw
 */
export async function signGap(
  { signer, now, read }: GapSettings,
  dropped: readonly OutboxRecord[]
): Promise<OutboxEntry> {
  const [first] = dropped
  const last = dropped.at(-1)
  if (first === undefined || last === undefined) throw new Error('a gap stands for something')
  const { network, device, lane, boot, seq, previous } = open(await read(first)).statement
  const end = open(await read(last))
  const gap = {
    type: 'gap' as const,
    network,
    device,
    lane,
    boot,
    seq,
    previous,
    last: { boot: last.after.boot, seq: last.after.seq },
    // A gap that is dropped itself shows what it stood for last.
    lastDropped: end.statement.type === 'gap' ? end.statement.lastDropped : end.signed.payload,
    count: dropped.reduce((sum, { count }) => sum + count, 0),
    reason: GAP_REASON.full,
    // A clock may count parts of a millisecond.
    time: Math.floor(now())
  }
  const statement = statementFormat.encode(gap)
  return outboxEntry(gap, {
    id: statementId(statement),
    transaction: statementTransaction(await signCose(signer, statement)),
    payload: undefined
  })
}

function open({ transaction }: OutboxEntry): StatementTransaction {
  const decoded = decodeTransaction(transaction)
  if (decoded.type === 'statement') return decoded
  throw new VitalchainError('ERR_OUTBOX_CORRUPT', 'the outbox holds what is no statement')
}
