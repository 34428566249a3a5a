import {
  checkSamples,
  encodeSamples,
  PAYLOAD_BYTES_MAX,
  PAYLOAD_OVERHEAD_BYTES,
  sampleCount,
  sliceSamples,
  VitalchainError,
  type SampledSignals
} from '@vitalchain/core'
import type { ClockStretch } from './clock.ts'
import type { Lane } from './lane.ts'
import { SAMPLES_WAITING_MAX } from './limits.ts'
import { samplesContent, type StatementContent, type StatementSink } from './statement-writer.ts'
import type { Submission } from './submission.ts'

/** Bytes that a payload has for samples. */
const CLEAR_BYTES_MAX = PAYLOAD_BYTES_MAX - PAYLOAD_OVERHEAD_BYTES

/** What is left of a stretch that did not fit: most samples take one byte, so little is too much. */
const SHORTER = 7 / 8

/** Signs the sampled signals of one lane, those of each call at once, in as few statements as hold them. */
export class SampleRecorder {
  readonly #lane: Lane
  readonly #sink: StatementSink
  /** Samples of calls that are not stored yet. */
  #waiting = 0
  #working: Promise<unknown> = Promise.resolve()

  constructor(lane: Lane, sink: StatementSink) {
    this.#lane = lane
    this.#sink = sink
  }

  /**
   * Records signals; resolves when all of them are signed and stored.
   *
   * @param stretch - whose clock the times are of. Default: that of the device's clock as it is now
   *
   * @throws VitalchainError `ERR_SAMPLES` for what cannot be written, `ERR_OUTBOX_FULL` (retryable) when too many wait already,
   * or what stopped the lane
   */
  async add(
    signals: SampledSignals,
    stretch: ClockStretch = this.#sink.look()
  ): Promise<readonly Submission[]> {
    if (this.#lane.failure !== undefined) throw this.#lane.failure
    checkSamples(signals)
    if (this.#waiting >= SAMPLES_WAITING_MAX) {
      throw new VitalchainError('ERR_OUTBOX_FULL', 'the outbox is full and too many samples wait', {
        retryable: true,
        values: { waiting: this.#waiting }
      })
    }
    const samples = sampleCount(signals) * signals.signals.length
    this.#waiting += samples
    const write = async (): Promise<readonly Submission[]> => {
      try {
        const submissions: Submission[] = []
        for (const content of cutSamples(signals))
          submissions.push(await this.#sink.write(content, stretch))
        return submissions
      } catch (cause) {
        const error = cause instanceof Error ? cause : new Error('unknown', { cause })
        this.#sink.onFault(error)
        throw error
      } finally {
        this.#waiting -= samples
      }
    }
    const written = this.#working.then(write)
    this.#working = written.catch(() => undefined)
    return written
  }

  /** Resolves when nothing that was recorded until now is still to be stored. */
  async flush(): Promise<void> {
    await this.#working
  }
}

/** Cuts signals into stretches that fit a payload each, one when it is asked for. */
function* cutSamples(signals: SampledSignals): Generator<StatementContent> {
  const count = sampleCount(signals)
  let length = Math.max(1, Math.floor(CLEAR_BYTES_MAX / signals.signals.length))
  for (let begin = 0; begin < count;) {
    const stretch = sliceSamples(signals, begin, Math.min(count, begin + length))
    const clear = encodeSamples(stretch, CLEAR_BYTES_MAX)
    // One sample of each always fits: 64 signals with the longest names and units take 26 kB.
    if (clear === undefined) {
      length = Math.max(1, Math.floor(Math.min(length, sampleCount(stretch)) * SHORTER))
      continue
    }
    begin += sampleCount(stretch)
    yield samplesContent(stretch, clear)
  }
}
