import { overrideArgs } from '@vitalchain/contracts'
import {
  equalBytes,
  errorCode,
  isVitalchainError,
  type ErrorValues,
  type Signer,
  type Transaction
} from '@vitalchain/core'
import { signOperatorCall } from '../calls.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Admission } from '../pool/admission.ts'
import type { KeyVotes, VoteStore } from './vote-store.ts'

/** What the chain says about every override: that it was one. */
const REASON = 'votes again without its vote state'

/** Puts the operator's override on the chain, however often the node restarts meanwhile. spec C-39 */
export interface OverrideNote {
  /**
   * Notes for good that the call is owed, and hands it over, before the first vote. When there is no place for it in the pool
   * now, it goes there later: the network may stand still until this node votes.
   *
   * @throws VitalchainError when it could never be on the chain
   */
  record(): Promise<void>
  /** Hands it over again while it is owed: a restart empties the pool. */
  remind(): void
  /** Transactions that are durable: it may be among them. */
  committed(transactions: readonly Transaction[]): void
}

/** What {@link createOverrideNote} needs. */
export interface OverrideNoteComponents {
  readonly ledger: Ledger
  readonly admission: Pick<Admission, 'submit'>
  readonly votes: VoteStore
  readonly operator: Signer | undefined
  /** The consensus public key that votes again; undefined while it is not known. */
  readonly key: () => Uint8Array | undefined
  readonly log: (event: string, values: ErrorValues) => void
}

/** Makes the {@link OverrideNote} of a node. */
export function createOverrideNote(components: OverrideNoteComponents): OverrideNote {
  const { ledger, admission, votes, operator, key, log } = components
  const submitted: Uint8Array[] = []

  async function submit(consensusKey: Uint8Array): Promise<void> {
    const args = overrideArgs({ consensusKey, reason: REASON })
    const transaction = await signOperatorCall(ledger, operator, 'members.override', args)
    const waiting = await admission.submit({ transaction, payload: undefined })
    submitted.push(waiting.transaction.id)
    log('the override waits for a block', {})
  }

  async function remind(): Promise<void> {
    const own = notes()
    const consensusKey = key()
    if (own === undefined || consensusKey === undefined || !(await own.owesOverride())) return
    await submit(consensusKey)
  }

  function notes(): KeyVotes | undefined {
    const consensusKey = key()
    return consensusKey === undefined ? undefined : votes.of(consensusKey)
  }

  return {
    async record() {
      const consensusKey = key()
      if (consensusKey === undefined) return
      await votes.of(consensusKey).setOverrideOwed(true)
      try {
        await submit(consensusKey)
      } catch (error) {
        if (!passes(error)) throw error
        log('override not handed over', { code: errorCode(error) })
      }
    },
    remind: () =>
      void remind().catch((error: unknown) =>
        log('override not handed over', { code: errorCode(error) })
      ),
    committed(transactions) {
      const done = transactions.some(({ id }) => submitted.some(each => equalBytes(each, id)))
      if (!done) return
      submitted.length = 0
      log('the override is on the chain', {})
      notes()
        ?.setOverrideOwed(false)
        .catch((error: unknown) => log('override not noted', { code: errorCode(error) }))
    }
  }
}

/** Whether the pool has no place for the call only for now: it is full, or another call of the operator waits there. */
function passes(error: unknown): boolean {
  return isVitalchainError(error) && (error.retryable || error.code === 'ERR_PLACE_TAKEN')
}
