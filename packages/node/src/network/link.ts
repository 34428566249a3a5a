import type { Stream } from '@libp2p/interface'
import { concatBytes, errorCode, VitalchainError } from '@vitalchain/core'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeEnvelope, ERROR_ENVELOPE_BYTES_MAX } from './envelope.ts'
import { connectionLost, framedStream } from './streams.ts'

/** Bytes that may wait for a member whose link is up: 8 MiB, two of the largest frames. */
const LINK_QUEUE_BYTES_MAX: number = 8 * 1024 * 1024

/** Small frames are written together up to so many bytes: each write is a packet, an encryption and a system call. */
const WRITE_BYTES = 16 * 1024

/** First wait before a new try, in milliseconds; it doubles with each failure. */
const RETRY_FIRST_MS = 100

/** Longest wait before a new try, in milliseconds: a network that was cut goes on a second after it is whole again. */
const RETRY_MAX_MS = 1_000

/** How long the other side may take to say that it listens, in milliseconds. */
const ACCEPT_MS = 5_000

/** What a {@link MemberLink} needs. */
export interface MemberLinkInit {
  /** Opens the stream. */
  readonly open: (signal: AbortSignal) => Promise<Stream>
  readonly onUp: () => void
  readonly onDown: () => void
  /** Called with the code of each failed try and of each loss. */
  readonly onFailure: (code: string) => void
}

/**
 * The outbound half of a link to one member: a stream that is opened again whenever it breaks, with
 * a bounded queue before it. The other half is the stream that the member opens to us.
 */
export class MemberLink {
  readonly #init: MemberLinkInit
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #waking = new AbortController()
  #stream: Stream | undefined
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #flushing = false
  #dropped = 0

  constructor(init: MemberLinkInit) {
    this.#init = init
  }

  /** Whether the other side has said that it listens. */
  get up(): boolean {
    return this.#stream !== undefined
  }

  /** Messages dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped
  }

  /** Bytes waiting. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Begins to connect. Call once. */
  start(): void {
    this.#running = this.#run(this.#stopping.signal)
  }

  /** Ends the link and waits until it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Tries at once instead of waiting: there is a sign that the member is back. */
  wake(): void {
    this.#waking.abort()
  }

  /**
   * Sends or queues an encoded frame. False while the link is down: nothing waits for that, because
   * what a member needs after an outage is the latest message, which the node sends again when the
   * link comes up, and old blocks, which it fetches.
   */
  send(frame: Uint8Array): boolean {
    if (!this.up) {
      return false
    }
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    this.#flushSoon()
    while (this.#queuedBytes > LINK_QUEUE_BYTES_MAX && this.#queue.length > 1) {
      this.#take()
      this.#dropped += 1
    }
    return true
  }

  #take(): Uint8Array {
    const frame = this.#queue.shift() ?? new Uint8Array(0)
    this.#queuedBytes -= frame.length
    return frame
  }

  /** What is sent in one go, such as a proposal and its leader's prepare, leaves in one write. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** Frames to write together: the next one, and those behind it that fit. */
  #takeSome(): Uint8Array {
    const frames = [this.#take()]
    let size = frames[0]?.length ?? 0
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      size += next.length
      if (size > WRITE_BYTES) break
      frames.push(this.#take())
    }
    return concatBytes(frames)
  }

  readonly #flush = (): void => {
    const stream = this.#stream
    if (stream === undefined) {
      return
    }
    try {
      while (this.#queue.length > 0 && takesMore(stream)) {
        stream.send(this.#takeSome())
      }
    } catch (error) {
      stream.abort(connectionLost(error))
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    let wait = RETRY_FIRST_MS
    while (!signal.aborted) {
      try {
        const stream = await this.#init.open(signal)
        await this.#serve(stream, signal, () => {
          wait = RETRY_FIRST_MS
        })
      } catch (error) {
        if (!signal.aborted) {
          this.#init.onFailure(errorCode(error))
        }
      }
      await this.#pause(wait, signal)
      wait = Math.min(wait * 2, RETRY_MAX_MS)
    }
  }

  async #pause(wait: number, signal: AbortSignal): Promise<void> {
    // Half to full wait, so that members that lost a common neighbour do not come back in step.
    const jittered = wait * (0.5 + Math.random() / 2)
    this.#waking = new AbortController()
    try {
      await delay(jittered, undefined, { signal: AbortSignal.any([signal, this.#waking.signal]) })
    } catch {
      // Woken or stopped: either way the wait is over.
    }
  }

  // Resolves never but by an error: a link lasts until it breaks.
  async #serve(stream: Stream, signal: AbortSignal, onAccepted: () => void): Promise<void> {
    const abort = (): void => stream.abort(connectionLost())
    const timer = setTimeout(() => {
      stream.abort(
        new VitalchainError('ERR_TIMEOUT', 'the member did not accept the link', {
          values: { ms: ACCEPT_MS },
          retryable: true
        })
      )
    }, ACCEPT_MS)
    signal.addEventListener('abort', abort)
    stream.addEventListener('drain', this.#flush)
    try {
      signal.throwIfAborted()
      for await (const frame of framedStream(stream, ERROR_ENVELOPE_BYTES_MAX).read()) {
        const envelope = decodeEnvelope(frame)
        if (envelope.kind === 'error') {
          throw envelope.error
        }
        if (this.#stream === undefined) {
          clearTimeout(timer)
          this.#stream = stream
          onAccepted()
          this.#flush()
          this.#init.onUp()
        }
      }
      throw connectionLost()
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      stream.removeEventListener('drain', this.#flush)
      if (this.#stream !== undefined) {
        this.#stream = undefined
        this.#queue.length = 0
        this.#queuedBytes = 0
        this.#init.onDown()
      }
      abort()
    }
  }
}

function takesMore(stream: Stream): boolean {
  return stream.writeStatus === 'writable' && !stream.writableNeedsDrain
}
