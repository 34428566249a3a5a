import type { VitalchainError } from '@vitalchain/core'
import type { ClockError } from './clock.ts'
import { EVENTS_MAX } from './limits.ts'
import type { Proof, Submission } from './submission.ts'

/** What happens to a device. Nothing in it is about a patient. */
export type DeviceEvent =
  /** A session with a node is open. `node` is its transport key. */
  | { readonly type: 'connected'; readonly transport: string; readonly node: Uint8Array }
  /** A connection ended, or could not be made; the device goes on by itself. */
  | { readonly type: 'disconnected'; readonly transport: string; readonly error: VitalchainError }
  | { readonly type: 'stored' | 'accepted' | 'committed'; readonly submission: Submission }
  | { readonly type: 'proved'; readonly submission: Submission; readonly proof: Proof }
  /** A lane takes no more readings: it was refused for good, or the signer or the outbox failed. A person must look. */
  | { readonly type: 'lane-stopped'; readonly lane: 0 | 1; readonly error: Error }
  /** The outbox was full: `gap` stands for these statements, which are gone. */
  | {
      readonly type: 'dropped'
      readonly gap: Submission
      readonly statements: readonly Submission[]
    }
  /** The members told the time, so that the clock's error is known; or, undefined, the clock was set since and it is not. */
  | { readonly type: 'clock'; readonly error: ClockError | undefined }
  /** The outbox could not forget a proved entry; it will be sent again after the next start, which does no harm. */
  | { readonly type: 'outbox-fault'; readonly error: unknown }
  /** This reader was too slow and so many events are missing here. */
  | { readonly type: 'missed'; readonly events: number }

/** Hands events to any number of readers, each at its own pace. */
export class EventHub {
  readonly #readers = new Set<(event: DeviceEvent) => void>()
  readonly #closed = new AbortController()

  emit(event: DeviceEvent): void {
    for (const push of this.#readers) push(event)
  }

  /** Ends every reader after the events that it still holds. */
  close(): void {
    this.#closed.abort()
  }

  /** The events from this call on, until the signal is aborted, the reader breaks off, or the hub is closed. */
  read(signal?: AbortSignal): AsyncIterable<DeviceEvent> {
    const queue: DeviceEvent[] = []
    let missed = 0
    let wake: (() => void) | undefined
    const push = (event: DeviceEvent): void => {
      if (queue.push(event) > EVENTS_MAX) {
        queue.shift()
        missed++
      }
      wake?.()
    }
    // From the call on, not from the first `next()`: what happens between the two must not be lost.
    this.#readers.add(push)
    const readers = this.#readers
    const ends = [this.#closed.signal, ...(signal === undefined ? [] : [signal])]
    const onEnd = (): void => {
      readers.delete(push)
      wake?.()
    }
    for (const end of ends) {
      if (end.aborted) onEnd()
      else end.addEventListener('abort', onEnd)
    }
    const detach = (): void => {
      readers.delete(push)
      for (const end of ends) end.removeEventListener('abort', onEnd)
    }

    async function* events(): AsyncGenerator<DeviceEvent> {
      try {
        while (true) {
          if (missed > 0) {
            const events = missed
            missed = 0
            yield { type: 'missed', events }
          }
          const event = queue.shift()
          if (event !== undefined) yield event
          else if (ends.some(end => end.aborted)) return
          else
            await new Promise<void>(resolve => {
              wake = resolve
            })
        }
      } finally {
        detach()
      }
    }
    return events()
  }
}
