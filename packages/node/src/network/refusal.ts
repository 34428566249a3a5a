import type { Stream } from '@libp2p/interface'
import { VitalchainError } from '@vitalchain/core'
import { encodeError } from './envelope.ts'
import { encodeFrame } from './framing.ts'
import { closeStream } from './streams.ts'

/** The error for a peer that may not do this because it is no member. */
export function notAMember(): VitalchainError {
  return new VitalchainError('ERR_NOT_A_MEMBER', 'only members of the network may do this')
}

/** The error for a peer that has too much open. Retryable. */
export function busy(limit: number): VitalchainError {
  return new VitalchainError('ERR_BUSY', 'too many open streams, try later', {
    values: { limit },
    retryable: true
  })
}

/** Tells a peer why not and ends the stream; what it sends stays unread. Never throws. */
export async function refuse(stream: Stream, error: VitalchainError): Promise<void> {
  try {
    stream.pause()
    stream.send(encodeFrame(encodeError(error)))
  } catch {
    // It is gone already, so there is no one to tell.
  }
  await closeStream(stream)
}

/** Counts what each peer has open, against a limit per peer and one over all. */
export class Slots {
  readonly #perPeer: number
  readonly #total: number
  readonly #open = new Map<string, number>()
  #sum = 0

  constructor(perPeer: number, total: number) {
    this.#perPeer = perPeer
    this.#total = total
  }

  /** Takes a slot; false when there is none. */
  take(peer: string): boolean {
    const open = this.#open.get(peer) ?? 0
    if (open >= this.#perPeer || this.#sum >= this.#total) {
      return false
    }
    this.#open.set(peer, open + 1)
    this.#sum += 1
    return true
  }

  /** Gives a taken slot back. */
  release(peer: string): void {
    const open = this.#open.get(peer) ?? 0
    if (open <= 1) {
      this.#open.delete(peer)
    } else {
      this.#open.set(peer, open - 1)
    }
    this.#sum -= 1
  }
}
