import { errorCode } from '@vitalchain/core'
import { pause, type DeviceTimers } from '../timers.ts'
import { PEER_BACKOFF_MAX_MS, PEER_BACKOFF_MIN_MS } from './limits.ts'
import type { PeerFollower } from './peer-follower.ts'
import type { LightPeerStatus } from './types.ts'

/** What a {@link PeerWatch} works with. */
export interface PeerWatchInit {
  readonly pollMs: number
  readonly timers: DeviceTimers
  readonly random: (bytes: number) => Uint8Array
  readonly log: (event: string, values: Readonly<Record<string, string | number>>) => void
  /** Told of the fork that the peer shows. */
  readonly onFork: (report: Uint8Array) => void
}

/** Visits one peer again and again, with growing waits while it fails. */
export class PeerWatch {
  readonly #follower: PeerFollower
  readonly #init: PeerWatchInit
  #status: LightPeerStatus

  constructor(follower: PeerFollower, init: PeerWatchInit) {
    this.#follower = follower
    this.#init = init
    this.#status = { url: follower.peer.url, state: 'new', height: undefined, code: undefined }
  }

  get peer(): PeerFollower['peer'] {
    return this.#follower.peer
  }

  get status(): LightPeerStatus {
    return this.#status
  }

  /** Resolves when the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { pollMs, timers, random } = this.#init
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#visit(signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures++
        this.#failed(error)
      }
      await pause(timers, failures === 0 ? pollMs : backoff(failures, random), signal)
    }
  }

  async #visit(signal: AbortSignal): Promise<void> {
    const visit = await this.#follower.visit(signal)
    if (visit.type === 'fork') {
      this.#init.onFork(visit.report)
      return
    }
    const { url, state } = this.#status
    if (state === 'failing') this.#init.log('peer answers again', { peer: url })
    this.#status = { url, state: visit.type, height: visit.height, code: undefined }
  }

  #failed(error: unknown): void {
    const code = errorCode(error)
    const { url, height } = this.#status
    if (this.#status.code !== code) this.#init.log('peer fails', { peer: url, code })
    this.#status = { url, height, state: 'failing', code }
  }
}

/** From half of to all of a doubling wait, so that many clients do not come back in one moment. */
function backoff(failures: number, random: (bytes: number) => Uint8Array): number {
  // 2^16 times the first wait is beyond the longest one, so a larger exponent changes nothing.
  const wait = Math.min(PEER_BACKOFF_MIN_MS * 2 ** Math.min(failures - 1, 16), PEER_BACKOFF_MAX_MS)
  return wait * (0.5 + (random(1)[0] ?? 0) / 512)
}
