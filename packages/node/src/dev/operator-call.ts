import { setTimeout as pause } from 'node:timers/promises'
import {
  callFormat,
  callTransaction,
  equalBytes,
  isVitalchainError,
  sha256,
  signCose,
  type Signer
} from '@vitalchain/core'
import type { NodeApi } from './node-api.ts'

/** How often it is asked whether the call is committed, ms. */
const POLL_MS = 25

/** After how many polls the call is handed over again, which also tells why it cannot be committed any more: 2 s. */
const POLLS_MAX = 80

/** Who makes a call, and through which node. */
export interface Caller {
  readonly api: NodeApi
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
  readonly operator: Signer
  /** The identifier under which the ledger knows the operator: its member's. */
  readonly author: Uint8Array
}

/** What to call. */
export interface OperatorCall {
  readonly method: string
  /** The arguments. Asked again for each try, because some are good for a moment only. */
  readonly args: () => Uint8Array | Promise<Uint8Array>
  /** Refusals after which new arguments may be taken. */
  readonly again?: readonly string[]
}

/**
 * Makes a call as an operator over the HTTP API of a node, again when the node did not answer or forgot it; it takes effect
 * once. Resolves when it is committed at that node.
 *
 * @returns the call's identity
 * @throws VitalchainError with the code of the refusal; the signal's reason when aborted
 */
export async function operatorCall(
  { api, network, operator, author }: Caller,
  { method, args, again = [] }: OperatorCall,
  signal: AbortSignal
): Promise<Uint8Array> {
  while (true) {
    const previous = await untilAnswered(() => api.callHead(author), signal)
    const call = callFormat.encode({ network, author, previous, method, args: await args() })
    const id = sha256(call)
    const transaction = callTransaction(await signCose(operator, call))
    const isOver = async (): Promise<boolean> => !equalBytes(await api.callHead(author), previous)
    try {
      if (await handOver(api, { id, transaction, isOver }, signal)) return id
    } catch (error) {
      if (!isVitalchainError(error) || !(error.retryable || again.includes(error.code))) throw error
      await pause(POLL_MS, undefined, { signal })
    }
  }
}

/** Hands the call over until it is committed. False when another call of the author took its place: then it never will be. */
async function handOver(
  api: NodeApi,
  {
    id,
    transaction,
    isOver
  }: {
    readonly id: Uint8Array
    readonly transaction: Uint8Array
    readonly isOver: () => Promise<boolean>
  },
  signal: AbortSignal
): Promise<boolean> {
  while (true) {
    await submit(api, id, transaction, signal)
    for (let poll = 0; poll < POLLS_MAX; poll++) {
      if (await untilAnswered(() => api.isCommitted(id), signal)) return true
      await pause(POLL_MS, undefined, { signal })
    }
    // The head first: a call that is committed between the two questions is found by the second.
    if (await untilAnswered(isOver, signal)) return untilAnswered(() => api.isCommitted(id), signal)
  }
}

async function submit(
  api: NodeApi,
  id: Uint8Array,
  transaction: Uint8Array,
  signal: AbortSignal
): Promise<void> {
  try {
    await untilReached(() => api.submit({ transaction, payload: undefined }), signal)
  } catch (error) {
    // An answer that was lost: then the receipt is there.
    if (!isVitalchainError(error) || error.code !== 'ERR_ALREADY_COMMITTED') {
      if (await untilAnswered(() => api.isCommitted(id), signal)) return
      throw error
    }
  }
}

/** Asks again while the node cannot be reached. */
function untilReached<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return asking(ask, signal, error => error === 'ERR_UNREACHABLE')
}

/** Asks again while the error is one that passes. */
function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return asking(ask, signal, (_code, retryable) => retryable)
}

async function asking<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  passes: (code: string, retryable: boolean) => boolean
): Promise<T> {
  while (true) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (!isVitalchainError(error) || !passes(error.code, error.retryable)) throw error
      await pause(POLL_MS, undefined, { signal })
    }
  }
}
