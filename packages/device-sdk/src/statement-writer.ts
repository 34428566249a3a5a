import {
  CONTENT_FORMAT_SAMPLES,
  CONTENT_FORMAT_SENML_CBOR,
  encodeReadings,
  epochKey,
  errorCode,
  makeRotation,
  normalizeEs256,
  PAYLOAD_BYTES_MAX,
  PAYLOAD_OVERHEAD_BYTES,
  PAYLOAD_SALT_BYTES,
  sampleCount,
  sampleTime,
  sealPayload,
  signCose,
  STATEMENT_FLAG,
  statementFormat,
  statementId,
  statementTransaction,
  type Reading,
  type ReadingStatement,
  type SampledSignals,
  type Signer,
  type Statement,
  type StreamStatement,
  VitalchainError
} from '@vitalchain/core'
import { SENSOR_TIMES, type ClockStretch } from './clock.ts'
import type { NextPlace } from './lane.ts'
import type { LaneVoice } from './lane-voice.ts'
import { EPOCH_MS } from './limits.ts'
import { outboxEntry, type LaneBinding, type LaneMemory, type OutboxEntry } from './outbox.ts'
import type { Submission } from './submission.ts'
import type { DeviceTimers } from './timers.ts'

/** A stream: one patient, one class of data, and the key tree that its payloads are encrypted with. */
export interface DeviceStream {
  /** 16 random bytes, a pseudonym. */
  readonly id: Uint8Array
  /** Which key tree of the stream. */
  readonly generation: number
  /** The root of that key tree, 32 bytes. */
  readonly secret: Uint8Array
  /** The first epoch that this start may use: above every earlier one's if the outbox does not remember them. Default 0. */
  readonly epoch?: number
}

/** What every statement of a device has in common. */
export interface StatementSettings {
  readonly network: Uint8Array
  readonly device: Uint8Array
  /** With what each lane signs, and for which stream: looked up for each statement. */
  readonly voices: readonly [LaneVoice, LaneVoice]
  readonly retention: number
  /** Whether a gateway signs for a sensor. */
  readonly isAttested: boolean
  /** Whether payloads are compressed where that pays. */
  readonly compress: boolean
  readonly random: (bytes: number) => Uint8Array
}

/** Counts epochs: one more at each start, and at least hourly by elapsed time, whatever the device's clock says. */
export class EpochCounter {
  #first: number
  readonly #timers: DeviceTimers
  readonly #started: number

  constructor(first: number, timers: DeviceTimers) {
    this.#first = first
    this.#timers = timers
    this.#started = timers.elapsed()
  }

  /** Opens a later epoch than one that was used before. */
  after(used: number): void {
    this.#first = Math.max(this.#first, used + 1)
  }

  current(): number {
    return this.#first + Math.floor((this.#timers.elapsed() - this.#started) / EPOCH_MS)
  }
}

/** What a statement is about: its payload in clear, and what the statement says of it. */
export interface StatementContent extends Pick<
  ReadingStatement,
  'from' | 'to' | 'count' | 'contentFormat'
> {
  readonly clear: Uint8Array
}

/** Where what was recorded on a lane goes. */
export interface StatementSink {
  /** Signs and stores a statement at the lane's next place. */
  write(content: StatementContent, stretch: ClockStretch): Promise<Submission>
  /** The stretch of the device's clock in which something is recorded now. */
  look(): ClockStretch
  /** Signing or storing failed: the lane cannot go on, because a half-written statement may stand at its place. */
  onFault(error: Error): void
}

/** A pack of readings as a statement's content. spec P-1 */
export function readingsContent(readings: readonly Reading[], clear: Uint8Array): StatementContent {
  const times = readings.map(({ time }) => time)
  return {
    clear,
    // Not the first and the last reading's: a clock that is set back in between must not make a batch invalid.
    from: times.reduce((a, b) => Math.min(a, b)),
    to: times.reduce((a, b) => Math.max(a, b)),
    count: readings.length,
    contentFormat: CONTENT_FORMAT_SENML_CBOR
  }
}

/** Sampled signals as a statement's content. spec P-6 */
export function samplesContent(signals: SampledSignals, clear: Uint8Array): StatementContent {
  const count = sampleCount(signals)
  return {
    clear,
    from: Math.floor(sampleTime(signals, 0)),
    to: Math.floor(sampleTime(signals, count - 1)),
    count,
    contentFormat: CONTENT_FORMAT_SAMPLES
  }
}

/** Readings that fit one payload, with their bytes in clear. */
export interface Pack<T> {
  readonly items: readonly T[]
  readonly clear: Uint8Array
}

/**
 * Cuts a batch into as few packs as its payloads' limit needs, by halves, in order. The readings are checked already.
 *
 * @throws VitalchainError `ERR_SENML` for a single reading that does not fit, which `checkReading` rules out
 */
export function packReadings<T extends { readonly reading: Reading }>(
  items: readonly T[]
): Pack<T>[] {
  const clear = encodeIfItFits(items.map(({ reading }) => reading))
  if (clear !== undefined) return [{ items, clear }]
  const half = Math.ceil(items.length / 2)
  return [...packReadings(items.slice(0, half)), ...packReadings(items.slice(half))]
}

function encodeIfItFits(readings: readonly Reading[]): Uint8Array | undefined {
  try {
    const clear = encodeReadings(readings)
    if (clear.length + PAYLOAD_OVERHEAD_BYTES <= PAYLOAD_BYTES_MAX) return clear
  } catch (error) {
    if (errorCode(error) !== 'ERR_SENML' || readings.length === 1) throw error
  }
  return undefined
}

/** Seals and signs statements. */
export class StatementWriter {
  readonly #settings: StatementSettings
  readonly #epochs: EpochCounter
  #key:
    | { readonly stream: DeviceStream; readonly epoch: number; readonly bytes: Uint8Array }
    | undefined

  constructor(settings: StatementSettings, epochs: EpochCounter) {
    this.#settings = settings
    this.#epochs = epochs
  }

  /**
   * The signed statement of what was recorded, at its place in a lane. Nothing is kept: the caller stores it before it is sent.
   *
   * @param stretch - of the device's clock, the one in which all of it was recorded
   */
  async write(
    lane: 0 | 1,
    { historyLost, boot, seq, previous }: NextPlace,
    { clear, from, to, count, contentFormat }: StatementContent,
    stretch: ClockStretch
  ): Promise<OutboxEntry> {
    const { network, device, retention, compress, random } = this.#settings
    const { signer, stream } = this.#settings.voices[lane]
    if (stream === undefined)
      throw new VitalchainError('ERR_STREAM', 'the device records for no stream')
    const epoch = this.#epochs.current()
    const place = { network, device, lane, boot, seq, previous }
    const sealed = sealPayload(
      clear,
      place,
      this.#epochKey(stream, epoch),
      random(PAYLOAD_SALT_BYTES),
      { compress }
    )
    const content: ReadingStatement = {
      type: 'readings',
      ...place,
      from,
      to,
      clock: stretch.error(),
      count,
      stream: stream.id,
      generation: stream.generation,
      epoch,
      flags: (historyLost ? STATEMENT_FLAG.historyLost : 0) | this.#attestation(stretch),
      retention,
      contentFormat,
      payloadSize: sealed.payload.length,
      payloadDigest: sealed.payloadDigest,
      commitment: sealed.commitment
    }
    return signEntry(content, signer, sealed.payload, { key: signer.publicKey })
  }

  /** The signed rotation of a lane at its place. spec F-27 */
  async rotation(
    lane: 0 | 1,
    { historyLost, ...place }: NextPlace,
    signer: Signer,
    next: Signer
  ): Promise<OutboxEntry> {
    const { network, device } = this.#settings
    const statement = await makeRotation(
      { network, device, lane, ...place },
      historyLost ? STATEMENT_FLAG.historyLost : 0,
      signer.publicKey,
      next
    )
    return signEntry(statement, signer, undefined, { key: next.publicKey })
  }

  /** The signed statement that binds a lane at its place. spec F-28 */
  async binding(
    lane: 0 | 1,
    { historyLost, ...place }: NextPlace,
    signer: Signer,
    binding: LaneBinding
  ): Promise<OutboxEntry> {
    const { network, device } = this.#settings
    const flags = historyLost ? STATEMENT_FLAG.historyLost : 0
    const at = { network, device, lane, ...place }
    const statement: StreamStatement = { type: 'stream', ...at, flags, ...binding }
    return signEntry(statement, signer, undefined, { key: signer.publicKey, binding })
  }

  #attestation(stretch: ClockStretch): number {
    if (!this.#settings.isAttested) return 0
    const { gatewayAttested, arrivalTimes } = STATEMENT_FLAG
    return stretch === SENSOR_TIMES ? gatewayAttested : gatewayAttested | arrivalTimes
  }

  #epochKey(stream: DeviceStream, epoch: number): Uint8Array {
    if (this.#key?.epoch !== epoch || this.#key.stream !== stream)
      this.#key = { stream, epoch, bytes: epochKey(stream.secret, epoch) }
    return this.#key.bytes
  }
}

/** Every entry says which key signs behind it: so the next start knows it, whatever a crash cut in two. */
async function signEntry(
  content: Statement,
  signer: Signer,
  payload: Uint8Array | undefined,
  memory: LaneMemory
): Promise<OutboxEntry> {
  const statement = statementFormat.encode(content)
  return outboxEntry(
    content,
    {
      id: statementId(statement),
      transaction: statementTransaction(await signCose(signer, statement)),
      payload
    },
    memory
  )
}

/** Secure elements return a high S every second time, which the ledger does not take. */
export function lowSSigner(signer: Signer): Signer {
  const { publicKey } = signer
  if (publicKey.algorithm === 'ed25519') return signer
  return { publicKey, sign: async message => normalizeEs256(await signer.sign(message)) }
}
