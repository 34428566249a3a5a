import type { Connection, Stream } from '@libp2p/interface'
import { errorCode } from '@vitalchain/core'
import { encodeFrame } from './framing.ts'
import type { Membership } from './membership.ts'
import type { Offences } from './offences.ts'
import { busy, Slots } from './refusal.ts'
import { peerContext } from './requests.ts'
import { closeStream, connectionLost, framedStream, type FramedStream } from './streams.ts'
import type { NetworkLog, PeerContext } from './types.ts'

/** Sessions one peer may have open at once; a gateway opens one for each device behind it. */
export const SESSIONS_PER_PEER_MAX: number = 48

/** Sessions open at once over all peers and names. Each holds a few KiB and at most one frame. */
const SESSIONS_MAX: number = 4_096

/** Limits of a session protocol. */
export interface SessionLimits {
  /** Longest frame taken from the other side, in bytes; at most `FRAME_BYTES_MAX`. */
  readonly maxFrameBytes: number
  /**
   * Sent as the only frame when there is no room, in the session protocol's own words. Without it the
   * stream is just closed.
   */
  readonly busyFrame?: Uint8Array
}

/** Runs a session; the stream is closed when the promise resolves and dropped when it rejects. */
export type SessionHandler = (frames: FramedStream, context: PeerContext) => Promise<void>

/** The serving side of sessions: long-lived streams of frames, both ways, open to anyone. */
export class SessionServer {
  readonly #membership: Membership
  readonly #offences: Offences
  readonly #log: NetworkLog
  readonly #slots = new Slots(SESSIONS_PER_PEER_MAX, SESSIONS_MAX)

  constructor(membership: Membership, offences: Offences, log: NetworkLog) {
    this.#membership = membership
    this.#offences = offences
    this.#log = log
  }

  /** Serves one session. Never throws. */
  async serve(
    stream: Stream,
    connection: Connection,
    limits: SessionLimits,
    handler: SessionHandler
  ): Promise<void> {
    const context = peerContext(connection, this.#membership)
    if (!this.#slots.take(context.peer)) {
      await this.#sendAway(stream, limits)
      return
    }
    try {
      const frames = framedStream(stream, limits.maxFrameBytes, () =>
        this.#offences.report(context.peer, 'oversize')
      )
      await handler(frames, context)
      await closeStream(stream)
    } catch (error) {
      this.#log('session-failed', { protocol: stream.protocol, code: errorCode(error) })
      stream.abort(connectionLost(error))
    } finally {
      this.#slots.release(context.peer)
    }
  }

  async #sendAway(stream: Stream, limits: SessionLimits): Promise<void> {
    if (limits.busyFrame === undefined) {
      stream.abort(busy(SESSIONS_PER_PEER_MAX))
      return
    }
    try {
      stream.pause()
      stream.send(encodeFrame(limits.busyFrame))
    } catch {
      // It is gone already, so there is no one to tell.
    }
    await closeStream(stream)
  }
}
