import {
  comparePlaces,
  equalBytes,
  RECEIPT_BYTES_MAX,
  errorCode,
  isVitalchainError,
  rangesJoin,
  toHex,
  verifyCompleteness,
  verifyConsistency,
  verifyReceipt,
  verifyStateProofDocument,
  VitalchainError,
  type Proven,
  type ProvenAnchor,
  type ProvenCompleteness,
  type ProvenState,
  type TreeHead,
  type Trust
} from '@vitalchain/core'
import { answerFault, type HttpPeer } from './http-peer.ts'
import { pinOf, type Root } from './trusted-state.ts'
import type { Fetched, LaneRange } from './types.ts'

/** The peers to ask, best first, and what their answers must agree with. */
export interface Asked {
  readonly root: Root
  readonly peers: readonly HttpPeer[]
  /** The newest verified header. */
  readonly head: ProvenAnchor
  readonly signal: AbortSignal
}

/** spec L-8 */
export function fetchReceipt(asked: Asked, id: Uint8Array): Promise<Fetched<Proven>> {
  return fetchProof(asked, `/v1/receipts/${toHex(id)}`, verifyReceipt, ({ transaction }) =>
    equalBytes(transaction.id, id)
  )
}

/** spec L-8 */
export function fetchStateProof(asked: Asked, key: Uint8Array): Promise<Fetched<ProvenState>> {
  return fetchProof(asked, `/v1/state-proofs/${toHex(key)}`, verifyStateProofDocument, proven =>
    equalBytes(proven.key, key)
  )
}

/**
 * The next part of a lane: the first one, or what joins the part before. spec L-8
 *
 * @param before - the part that was proven last
 */
export function fetchCompleteness(
  asked: Asked,
  { device, lane, from, to }: LaneRange,
  before: ProvenCompleteness | undefined
): Promise<Fetched<ProvenCompleteness>> {
  const start = before === undefined ? from : { ...before.to, seq: before.to.seq + 1 }
  const query = [
    ...(start === undefined ? [] : [`from=${start.boot}.${start.seq}`]),
    ...(to === undefined ? [] : [`to=${to.boot}.${to.seq}`])
  ].join('&')
  return fetchProof(
    asked,
    `/v1/devices/${toHex(device)}/lanes/${lane}/completeness${query === '' ? '' : `?${query}`}`,
    verifyCompleteness,
    proven => {
      if (!equalBytes(proven.device, device) || proven.lane !== lane) return false
      if (before !== undefined) return rangesJoin(before, proven)
      return from === undefined ? proven.fromStart : comparePlaces(proven.from, from) === 0
    }
  )
}

/** Whether a part of a lane is the last of the range. */
export function endsRange({ to }: LaneRange, part: ProvenCompleteness): boolean {
  return to === undefined ? part.toHead : comparePlaces(part.to, to) >= 0
}

/**
 * A path from one history to another, from the first peer that has one. spec L-8
 *
 * @throws VitalchainError `ERR_CONSISTENCY` when no path can exist
 */
export function fetchConsistency(
  asked: Asked,
  first: TreeHead,
  second: TreeHead
): Promise<readonly Uint8Array[]> {
  const trivial = first.size === second.size || first.size === 0
  if (first.size > second.size || (trivial && !verifyConsistency(first, second, [])))
    throw new VitalchainError('ERR_CONSISTENCY', 'the one history cannot continue the other', {
      values: { first: first.size, second: second.size }
    })
  return firstGood(asked, async peer => {
    const path = await peer.consistency(first.size, second.size, asked.signal)
    if (!verifyConsistency(first, second, path))
      throw new VitalchainError(
        'ERR_CONSISTENCY',
        'the path does not lead from the one history to the other'
      )
    return path
  })
}

/**
 * Verifies a receipt, by its own means or with a path to the verified history from a peer. spec L-8
 *
 * @throws VitalchainError as `verifyReceipt`
 */
export async function verifyAnyReceipt(asked: Asked, receipt: Uint8Array): Promise<Proven> {
  const { root, head } = asked
  const pin = pinOf(head)
  try {
    return verifyReceipt(receipt, { genesis: root.genesis, pin })
  } catch (error) {
    if (errorCode(error) !== 'ERR_PIN_UNPROVEN') throw error
  }
  const proven = verifyReceipt(receipt, { genesis: root.genesis })
  const { history } = proven.header
  if (history.size > pin.size)
    throw new VitalchainError(
      'ERR_PIN_UNPROVEN',
      'the receipt is newer than the newest verified header',
      { values: { size: history.size, pin: pin.size }, retryable: true }
    )
  await fetchConsistency(asked, history, pin)
  // It stands in a history that the verified one continues: whoever signed its own header does not matter.
  return { ...proven, trust: `pinned@${pin.size}` }
}

function fetchProof<T>(
  asked: Asked,
  path: string,
  verify: (bytes: Uint8Array, trust: Trust) => T,
  isAsked: (proven: T) => boolean
): Promise<Fetched<T>> {
  const { root, head, signal } = asked
  const pin = pinOf(head)
  const url = `${path}${path.includes('?') ? '&' : '?'}pin=${pin.size}`
  return firstGood(asked, async peer => {
    const bytes = await peer.proof(url, RECEIPT_BYTES_MAX, signal)
    const proven = verify(bytes, { genesis: root.genesis, pin })
    if (!isAsked(proven)) throw answerFault('the peer proves something else than was asked for')
    return { bytes, proven }
  })
}

/** @throws VitalchainError `ERR_NO_PEER` with what each peer was refused for, when none is good */
async function firstGood<T>(
  { peers, signal }: Asked,
  ask: (peer: HttpPeer) => Promise<T>
): Promise<T> {
  const errors: unknown[] = []
  for (const peer of peers) {
    try {
      return await ask(peer)
    } catch (error) {
      signal.throwIfAborted()
      errors.push(error)
    }
  }
  throw new VitalchainError('ERR_NO_PEER', 'no peer gave an answer that verifies', {
    cause: new AggregateError(errors),
    values: { refusals: errors.map(reason).join(' ') },
    retryable: true
  })
}

function reason(error: unknown): string {
  const refusal = isVitalchainError(error) ? error.values['refusal'] : undefined
  return refusal === undefined ? errorCode(error) : String(refusal)
}
