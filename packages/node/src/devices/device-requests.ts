import {
  deviceId,
  deviceRequestFormat,
  ENROL_METHOD,
  enrolledDevice,
  equalBytes,
  errorCode,
  isVitalchainError,
  signGreeting,
  toHex,
  VitalchainError,
  type DeviceAnswer,
  type DeviceRequest,
  type Signer,
  type Transaction
} from '@vitalchain/core'
import { getLane } from '@vitalchain/contracts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Meters } from '../observe/meters.ts'
import type { OwnDoor } from '../pool/own-door.ts'
import type { TimeService } from './time.ts'

/** The longest request, in bytes: a transaction, a payload and the few bytes around them. */
export const DEVICE_REQUEST_BYTES_MAX: number = deviceRequestFormat.bytesMax

/** A request that needs no connection: what it asks, and who asks if that is known. */
export type PlainRequest = Exclude<DeviceRequest, { readonly type: 'session' | 'greeting' }>

/** Answers the requests of devices, whatever brought them. */
export interface DeviceRequests {
  /**
   * Answers a request. Never rejects: what is refused is an answer too.
   *
   * @param device - whose session the request comes in; undefined without one
   * @param wait - a `receipt` waits until it is aborted for a statement that is not committed yet; without it, it is refused
   */
  answer(
    asked: PlainRequest,
    device: Uint8Array | undefined,
    wait?: AbortSignal
  ): Promise<DeviceAnswer>
  /** The node's signed hello for a challenge. spec S-9 */
  greet(nonce: Uint8Array, challenge: Uint8Array): Promise<DeviceAnswer>
  /** Wakes who waits for the receipts of these. */
  committed(transactions: Iterable<Transaction>): void
}

/** Makes the {@link DeviceRequests} of a node. */
export function createDeviceRequests({
  ledger,
  door,
  isolated,
  time,
  signer,
  meters
}: {
  readonly ledger: Ledger
  readonly door: Pick<OwnDoor, 'submit'>
  /** Whether this node reaches no validator: what it took would wait here. */
  readonly isolated: () => boolean
  readonly time: TimeService
  /** The node's transport key. */
  readonly signer: Signer
  readonly meters?: Pick<Meters, 'receiptMade'>
}): DeviceRequests {
  const waiting = new Map<string, Set<() => void>>()
  const { network } = ledger
  const node = signer.publicKey.bytes

  async function serve(
    asked: PlainRequest,
    device: Uint8Array | undefined,
    wait: AbortSignal | undefined
  ): Promise<DeviceAnswer> {
    const { request } = asked
    if (asked.type === 'submit') {
      // Said at once, so that the device goes to another node instead of waiting for a proof. spec S-8
      if (isolated())
        throw new VitalchainError('ERR_ISOLATED', 'this node reaches no validator now', {
          retryable: true
        })
      await door.submit({ transaction: asked.transaction, payload: asked.payload }, device)
      return { type: 'done', request }
    }
    if (device === undefined)
      throw new VitalchainError('ERR_SESSION', 'reading needs a session signed by the device')
    if (asked.type === 'head') {
      const lane = getLane(ledger.provenState, device, asked.lane)
      return {
        type: 'head',
        request,
        lane: lane && { boot: lane.boot, seq: lane.seq, head: lane.head }
      }
    }
    if (asked.type === 'time')
      return { type: 'time', request, answers: await time.ask(device, asked.nonce) }
    return receiptOf(asked, device, wait)
  }

  async function receiptOf(
    { id }: Extract<PlainRequest, { type: 'receipt' }>,
    device: Uint8Array,
    wait: AbortSignal | undefined
  ): Promise<DeviceAnswer> {
    if (wait !== undefined) await commit(id, wait)
    const leaf = ledger.findTransaction(id) ?? ledger.findGap(id)
    if (leaf === undefined || !isOf(ledger, leaf, device))
      throw new VitalchainError(
        'ERR_NOT_COMMITTED',
        'no statement of this device with this identity is on the ledger',
        { retryable: true }
      )
    const receipt = ledger.receipt(leaf)
    meters?.receiptMade(id)
    return { type: 'receipt', id, receipt }
  }

  /** Resolves when the transaction is on the ledger, or the signal is aborted. */
  function commit(id: Uint8Array, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted || ledger.findTransaction(id) !== undefined) return resolve()
      const name = toHex(id)
      const done = (): void => {
        signal.removeEventListener('abort', done)
        const others = waiting.get(name)
        others?.delete(done)
        if (others?.size === 0) waiting.delete(name)
        resolve()
      }
      waiting.set(name, (waiting.get(name) ?? new Set()).add(done))
      signal.addEventListener('abort', done)
    })
  }

  return {
    async answer(asked, device, wait) {
      try {
        return await serve(asked, device, wait)
      } catch (error) {
        return refusal(asked.request, error)
      }
    },
    async greet(nonce, challenge) {
      const proof = await signGreeting(signer, { network, node, nonce, challenge })
      return { type: 'greeting', network, node, challenge, proof }
    },
    committed(transactions) {
      if (waiting.size === 0) return
      for (const { id } of transactions) for (const done of waiting.get(toHex(id)) ?? []) done()
    }
  }
}

/** The answer to a request that was refused. A fault of this node is told without a word of it. */
export function refusal(request: number, error: unknown): DeviceAnswer {
  const retryable = isVitalchainError(error) ? error.retryable : true
  const message = isVitalchainError(error) ? error.message.slice(0, 256) : 'internal error'
  return { type: 'refused', request, code: errorCode(error), message, retryable }
}

/** What a device may read: its own statements, and the call that enrolled it. spec S-3 */
function isOf(ledger: Ledger, leaf: number, device: Uint8Array): boolean {
  const transaction = ledger.decodedTransaction(leaf)
  if (transaction?.type === 'statement') return equalBytes(transaction.statement.device, device)
  if (transaction?.type !== 'call' || transaction.call.method !== ENROL_METHOD) return false
  return equalBytes(deviceId(enrolledDevice(transaction.call).publicKey), device)
}
