import { randomBytes } from 'node:crypto'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  errorCode,
  openSession,
  toHex,
  VitalchainError,
  type DeviceAnswer,
  type DeviceRequest,
  type ErrorValues,
  type Transaction
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { FramedStream } from '../network/index.ts'
import { refusal, type DeviceRequests } from './device-requests.ts'
import { checkDeviceKey } from './known-device.ts'

/** Name of the protocol; `docs/spec/device-protocol.md`. */
export const DEVICE_PROTOCOL: string = 'device'

/** Receipts and other answers that may wait for a slow device; then its session ends and it connects again. */
export const SESSION_QUEUE_MAX: number = 1_024

/** Requests of one session that are worked on, or whose answers are not sent yet, at once. */
const REQUESTS_AT_ONCE = 64

/** Serves the connections of devices. Anybody may submit what proves itself; only a device may read, and only its own chain. spec S-1 */
export interface DeviceSessions {
  /**
   * Serves one connection until it ends. Never rejects.
   *
   * @param from - `peer`: who connected, for the log; `authenticated`: whether the transport showed the device who this node is,
   * so that hello comes unasked; `onSession`: called when a device showed who it is
   */
  serve(
    frames: FramedStream,
    from: {
      readonly peer: string
      readonly authenticated: boolean
      readonly onSession?: () => void
    }
  ): Promise<void>
  /** Sends receipts of newly committed statements to the devices whose sessions are open. */
  committed(transactions: Iterable<Transaction>): void
  /** Sessions open now. */
  readonly size: number
}

/** Makes the {@link DeviceSessions} of a node. */
export function createDeviceSessions({
  ledger,
  requests,
  node,
  log
}: {
  readonly ledger: Ledger
  readonly requests: DeviceRequests
  /** The node's transport public key. */
  readonly node: Uint8Array
  readonly log: (event: string, values: ErrorValues) => void
}): DeviceSessions {
  /** Sessions by device. */
  const open = new Map<string, Set<DeviceSession>>()
  let size = 0

  function openFor(
    session: DeviceSession,
    { request, session: cose }: Extract<DeviceRequest, { type: 'session' }>,
    challenge: Uint8Array
  ): Uint8Array | undefined {
    try {
      const { device, signed } = openSession(cose, { network: ledger.network, node, challenge })
      checkDeviceKey(ledger.state, device, signed.publicKey)
      const name = toHex(device)
      open.set(name, (open.get(name) ?? new Set()).add(session))
      session.answer({ type: 'done', request })
      return device
    } catch (error) {
      session.answer(refusal(request, error))
      return undefined
    }
  }

  function forget(session: DeviceSession, device: Uint8Array): void {
    const name = toHex(device)
    open.get(name)?.delete(session)
    if (open.get(name)?.size === 0) open.delete(name)
  }

  return {
    get size() {
      return size
    },
    async serve(frames, { peer, authenticated, onSession }) {
      const session = new DeviceSession(frames)
      const challenge = new Uint8Array(randomBytes(32))
      size++
      let device: Uint8Array | undefined
      try {
        if (authenticated)
          session.answer({ type: 'hello', network: ledger.network, node, challenge })
        for await (const frame of frames.read()) {
          const request = deviceRequestFormat.decode(frame)
          if (request.type === 'session') {
            if (device === undefined) {
              device = openFor(session, request, challenge)
              if (device !== undefined) onSession?.()
            } else session.answer(refusal(request.request, sessionOpen()))
          } else {
            await session.room()
            const answered =
              request.type === 'greeting'
                ? requests.greet(request.nonce, challenge)
                : requests.answer(request, device)
            session.begin(answered.then(answer => session.answer(answer)))
          }
        }
        await session.finish()
      } catch (error) {
        log('device session ended', { code: errorCode(error), peer })
        frames.abort(error instanceof Error ? error : new Error('session ended'))
      } finally {
        size--
        session.end()
        if (device !== undefined) forget(session, device)
      }
    },
    committed(transactions) {
      if (open.size === 0) return
      for (const transaction of transactions) {
        if (transaction.type !== 'statement') continue
        const sessions = open.get(toHex(transaction.statement.device))
        const leaf = sessions === undefined ? undefined : ledger.findTransaction(transaction.id)
        if (sessions === undefined || leaf === undefined) continue
        try {
          const receipt = ledger.receipt(leaf)
          for (const session of sessions)
            session.answer({ type: 'receipt', id: transaction.id, receipt })
        } catch (error) {
          // The block stands all the same; the device asks, here or elsewhere.
          log('receipt not sent', { code: errorCode(error) })
        }
      }
    }
  }
}

/** One open stream of a device, with a bounded queue of answers. */
class DeviceSession {
  readonly #frames: FramedStream
  readonly #work = new Set<Promise<void>>()
  #writing: Promise<void> = Promise.resolve()
  #queued = 0
  #ended = false

  constructor(frames: FramedStream) {
    this.#frames = frames
  }

  /** Queues an answer. A device that does not read loses its session, not the node its memory. */
  answer(answer: DeviceAnswer): void {
    if (this.#ended) return
    if (this.#queued >= SESSION_QUEUE_MAX) {
      this.end()
      this.#frames.abort(
        new VitalchainError('ERR_TOO_SLOW', 'the device does not read its answers', {
          retryable: true
        })
      )
      return
    }
    this.#queued++
    this.#writing = this.#writing
      .then(() => (this.#ended ? undefined : this.#frames.write(deviceAnswerFormat.encode(answer))))
      .catch((error: unknown) => {
        this.end()
        this.#frames.abort(error instanceof Error ? error : new Error('answer not sent'))
      })
      .finally(() => this.#queued--)
  }

  /** Waits until fewer than {@link REQUESTS_AT_ONCE} requests are open: the device is slowed, nothing grows. */
  async room(): Promise<void> {
    while (this.#work.size >= REQUESTS_AT_ONCE) await Promise.race(this.#work)
    while (this.#queued >= REQUESTS_AT_ONCE && !this.#ended) await this.#writing
  }

  begin(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  /** The device sends no more: what it asked is still answered. */
  async finish(): Promise<void> {
    await Promise.all(this.#work)
    await this.#writing
    await this.#frames.close()
  }

  end(): void {
    this.#ended = true
  }
}

function sessionOpen(): VitalchainError {
  return new VitalchainError('ERR_SESSION', 'this connection has a session already')
}
