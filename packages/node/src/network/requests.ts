import type { Connection, Stream } from '@libp2p/interface'
import { errorCode, isVitalchainError, VitalchainError } from '@vitalchain/core'
import type { Dialer } from './dialer.ts'
import { decodeEnvelope, encodeData, encodeEnd, encodeError } from './envelope.ts'
import type { Membership } from './membership.ts'
import type { Offences } from './offences.ts'
import { busy, notAMember, refuse, Slots } from './refusal.ts'
import { connectionLost, framedStream } from './streams.ts'
import type { NetworkLog, PeerContext, RequestTarget } from './types.ts'
import { unlessAborted, watchdog } from './watchdog.ts'

/** Requests one peer may have in work here at once, over all names. */
export const REQUESTS_PER_PEER_MAX: number = 32

/** Requests all non-members together may have in work here at once. */
const STRANGER_REQUESTS_MAX: number = 256

/** How long a request waits without progress, in milliseconds, unless told otherwise. */
const REQUEST_TIMEOUT_MS: number = 30_000

/** Who may ask, and how much. */
export interface RequestLimits {
  readonly access: 'members' | 'anyone'
  /** Longest request, in bytes; at most `FRAME_BYTES_MAX`. */
  readonly maxRequestBytes: number
  /** Time for each step without progress: the request's arrival, the answer, each of its parts. */
  readonly timeoutMs: number
}

/**
 * Answers a request: one part or several, each at most `FRAME_BYTES_MAX - 1` bytes. A thrown
 * VitalchainError reaches the asker with its code; any other error as `ERR_INTERNAL`. The signal
 * ends the work when the asker is gone or too slow.
 */
export type RequestHandler = (
  request: Uint8Array,
  context: PeerContext,
  signal: AbortSignal
) => Promise<Uint8Array | AsyncIterable<Uint8Array>>

/** Options of a request. */
export interface RequestOptions {
  readonly signal?: AbortSignal
  /** Most bytes of the whole answer. */
  readonly maxResponseBytes: number
  /** How long to wait without progress, in milliseconds. Default {@link REQUEST_TIMEOUT_MS}. */
  readonly timeoutMs?: number
}

/** Who is on the other side. */
export function peerContext(connection: Connection, membership: Membership): PeerContext {
  const peer = connection.remotePeer.toString()
  const member = membership.byPeer(peer)?.member
  return member === undefined ? { peer } : { peer, member }
}

/** The answering side of requests: access, limits, errors. */
export class RequestServer {
  readonly #membership: Membership
  readonly #offences: Offences
  readonly #log: NetworkLog
  readonly #members = new Slots(REQUESTS_PER_PEER_MAX, Infinity)
  readonly #strangers = new Slots(REQUESTS_PER_PEER_MAX, STRANGER_REQUESTS_MAX)

  constructor(membership: Membership, offences: Offences, log: NetworkLog) {
    this.#membership = membership
    this.#offences = offences
    this.#log = log
  }

  /** Serves one request. Never throws. */
  async serve(
    stream: Stream,
    connection: Connection,
    limits: RequestLimits,
    handler: RequestHandler
  ): Promise<void> {
    const context = peerContext(connection, this.#membership)
    if (limits.access === 'members' && context.member === undefined) {
      await refuse(stream, notAMember())
      return
    }
    const slots = context.member === undefined ? this.#strangers : this.#members
    if (!slots.take(context.peer)) {
      await refuse(stream, busy(REQUESTS_PER_PEER_MAX))
      return
    }
    try {
      await this.#answer(stream, context, limits, handler)
    } finally {
      slots.release(context.peer)
    }
  }

  async #answer(
    stream: Stream,
    context: PeerContext,
    limits: RequestLimits,
    handler: RequestHandler
  ): Promise<void> {
    const watch = watchdog(limits.timeoutMs)
    const onClose = (): void => watch.abort(connectionLost())
    stream.addEventListener('close', onClose)
    const frames = framedStream(stream, limits.maxRequestBytes, () =>
      this.#offences.report(context.peer, 'oversize')
    )
    try {
      const request = await unlessAborted(first(frames.read()), watch.signal)
      watch.touch()
      const answer = await unlessAborted(handler(request, context, watch.signal), watch.signal)
      for await (const part of answer instanceof Uint8Array ? [answer] : answer) {
        watch.touch()
        await unlessAborted(frames.write(encodeData(part)), watch.signal)
        watch.touch()
      }
      await unlessAborted(frames.write(encodeEnd()), watch.signal)
    } catch (error) {
      if (!isVitalchainError(error)) {
        this.#log('request-handler-failed', { protocol: stream.protocol, error: String(error) })
      }
      await frames.write(encodeError(error)).catch((lost: unknown) => {
        this.#log('request-asker-lost', { protocol: stream.protocol, code: errorCode(lost) })
      })
    } finally {
      stream.removeEventListener('close', onClose)
      watch.stop()
    }
    await frames.close()
  }
}

/** Sends a request and yields the answer's parts. */
export async function* sendRequest(
  dialer: Dialer,
  target: RequestTarget,
  protocol: string,
  bytes: Uint8Array,
  options: RequestOptions
): AsyncGenerator<Uint8Array> {
  const watch = watchdog(options.timeoutMs ?? REQUEST_TIMEOUT_MS, options.signal)
  let stream: Stream | undefined
  const abort = (): void => stream?.abort(watch.reason())
  let received = 0
  try {
    stream = await dialer.open(target, protocol, watch.signal)
    watch.signal.addEventListener('abort', abort)
    watch.signal.throwIfAborted()
    const frames = framedStream(stream)
    // Not awaited: a refusal comes before the request was taken, and is found by reading.
    void sendAll(stream, frames.write(bytes))
    for await (const frame of frames.read()) {
      watch.pause()
      const envelope = decodeEnvelope(frame)
      if (envelope.kind === 'error') {
        throw envelope.error
      }
      if (envelope.kind === 'end') {
        stream = undefined
        return
      }
      received += envelope.bytes.length
      if (received > options.maxResponseBytes) {
        throw new VitalchainError('ERR_RESPONSE_TOO_LARGE', 'the answer is longer than accepted', {
          values: { limit: options.maxResponseBytes }
        })
      }
      yield envelope.bytes
      watch.touch()
    }
    throw connectionLost()
  } finally {
    watch.signal.removeEventListener('abort', abort)
    watch.stop()
    stream?.abort(connectionLost())
  }
}

async function sendAll(stream: Stream, written: Promise<void>): Promise<void> {
  try {
    await written
    await stream.close()
  } catch {
    // The reading side reports what broke.
  }
}

async function first(frames: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const frame of frames) {
    return frame
  }
  throw connectionLost()
}
