import {
  deviceId,
  faultTolerance,
  genesisFormat,
  genesisValidators,
  LANE,
  networkId,
  VitalchainError,
  type Reading,
  type SampledSignals,
  type Signer
} from '@vitalchain/core'
import { Batcher } from './batcher.ts'
import { keepConnected } from './connector.ts'
import { EventHub, type DeviceEvent } from './events.ts'
import { LaneChanges } from './lane-changes.ts'
import { lanesVoices, type LaneVoice } from './lane-voice.ts'
import { deviceStopped, Lane } from './lane.ts'
import {
  BATCH_MS_DEFAULT,
  BATCH_READINGS_DEFAULT,
  OUTBOX_BYTES_MAX,
  OUTBOX_URGENT_BYTES_MAX,
  REFUSALS_MIN
} from './limits.ts'
import { checkInit, checkStream, type DeviceInit } from './device-init.ts'
import { SENSOR_TIMES, type ClockError, type ClockStretch } from './clock.ts'
import { memoryOutbox, type OutboxRecord, type OutboxStore } from './outbox.ts'
import { signGap } from './outbox-gap.ts'
import { SampleRecorder } from './sample-recorder.ts'
import {
  EpochCounter,
  lowSSigner,
  StatementWriter,
  type DeviceStream,
  type StatementSink
} from './statement-writer.ts'
import type { Submission } from './submission.ts'
import { TimeKeeper } from './time-keeper.ts'
import { systemTimers, type DeviceTimers } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

/** How readings are recorded. */
export interface RecordOptions {
  /** Past any backlog, and at once. Default false. */
  readonly urgent?: boolean
  /** Whose times the readings have. Default: the device's own. */
  readonly times?: 'sensor'
}

/** A device of the network. Nothing runs before `start()`; everything is closed by `stop()`. A device starts once. */
export interface Device {
  /** The device's identifier, 32 bytes: what its hospital registers. */
  readonly id: Uint8Array
  /**
   * Opens the outbox and begins to connect; resolves without waiting for a node. Aborting the signal stops the device.
   *
   * @throws VitalchainError `ERR_DEVICE_STARTED`, or `ERR_BOOT` when `boot` is not above the last one
   */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>
  /**
   * Records readings; resolves with the statements that hold them when those are signed and stored. It waits while the
   * outbox is full, unless that drops the oldest. Urgent readings go their own way, past any backlog and at once.
   *
   * For a gateway (`attestedBy`) `times: 'sensor'` says that the times are the sensor's own, by a clock of which nothing is
   * known, and without it that they are those of arrival at the gateway. Of any other device it is not looked at.
   *
   * @throws VitalchainError `ERR_SENML` for a reading that no statement can hold, `ERR_OUTBOX_FULL` (retryable) when
   * 65 536 readings wait already, `ERR_DEVICE_STOPPED`, or what stopped the lane
   */
  record(readings: readonly Reading[], options?: RecordOptions): Promise<readonly Submission[]>
  /**
   * Records signals that were sampled at a steady rate, an electrocardiogram for example; resolves with the statements that
   * hold them when those are signed and stored. They are signed at once, so hand over as many seconds of a signal as a power
   * cut may take, and do not change the arrays until then. It waits while the outbox is full, and urgent ones go their own way,
   * as with `record`.
   *
   * @throws VitalchainError `ERR_SAMPLES` for signals that no statement can hold, `ERR_OUTBOX_FULL` (retryable) when 4 194 304
   * samples wait already, `ERR_STREAM`, `ERR_DEVICE_STOPPED`, or what stopped the lane
   */
  recordSamples(signals: SampledSignals, options?: RecordOptions): Promise<readonly Submission[]>
  /**
   * Changes the device's key, in both lanes; resolves with the two rotations when they are stored. Keep the new key before
   * this is called, and the old one until both are proved: a start in between takes them as `signer` and `formerSigners`.
   *
   * @throws VitalchainError `ERR_DEVICE_STOPPED`, or what stopped a lane: the next start finishes what is half done
   */
  rotateKey(signer: Signer): Promise<readonly Submission[]>
  /**
   * Records for another stream from here on: signs and stores what was recorded until now, then binds both lanes to the
   * stream, whatever readings come afterwards. The operator allows it with `devices.associate`; until that is on the
   * ledger the lanes wait. Keep the stream before this is called: after a
   * crash start with it as `stream`, and with `bindStream`, because the change may not have begun.
   *
   * @throws VitalchainError `ERR_DEVICE_INIT` for a stream that cannot be, `ERR_DEVICE_STOPPED`, or what stopped a lane
   */
  associate(stream: DeviceStream): Promise<readonly Submission[]>
  /** Records for nobody from here on: as `associate`, and `record` throws `ERR_STREAM` until the next `associate`. */
  dissociate(): Promise<readonly Submission[]>
  /**
   * How far the device's clock is off as the members told it: network time minus the device's, and how wrong that may be, ms.
   * Undefined before the first session, while too few members answer or agree, and since the clock was set.
   */
  clock(): ClockError | undefined
  /** Signs what was recorded without waiting for full batches; resolves when it is stored. */
  flush(): Promise<void>
  /**
   * Resolves when everything stored is proved.
   *
   * @throws VitalchainError what stopped a lane, or the signal's reason
   */
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** The statements that are not proved yet, those of earlier starts included, in order by lane. */
  waiting(): readonly Submission[]
  /** What happens from now on; ends with the device or the signal. */
  events(options?: { readonly signal?: AbortSignal }): AsyncIterable<DeviceEvent>
  /** Stores what was recorded, closes connections, transports and outbox. Never rejects; may be called twice. */
  stop(): Promise<void>
}

/**
 * A device: seals and signs readings, keeps them until they are proved, and brings them to the network over any node.
 *
 * @throws VitalchainError `ERR_DEVICE_INIT` for settings that cannot work, or as `genesisFormat.decode`
 */
export function createDevice(init: DeviceInit): Device {
  checkInit(init)
  return new LedgerDevice(init)
}

class LedgerDevice implements Device {
  readonly id: Uint8Array
  readonly #init: DeviceInit
  /** The newest first. A rotation adds one. */
  readonly #signers: [Signer, ...Signer[]]
  readonly #transports: readonly DeviceTransport[]
  readonly #timers: DeviceTimers
  readonly #random: (bytes: number) => Uint8Array
  readonly #store: OutboxStore
  readonly #events = new EventHub()
  readonly #time: TimeKeeper
  #lanes: readonly Lane[] = []
  #voices: readonly [LaneVoice, LaneVoice] | undefined
  #changes: LaneChanges | undefined
  readonly #stopping = new AbortController()
  #batchers: readonly [Batcher, Batcher] | undefined
  #recorders: readonly [SampleRecorder, SampleRecorder] | undefined
  #delivering: Promise<void> = Promise.resolve()
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(init: DeviceInit) {
    this.#init = init
    this.#signers = [
      lowSSigner(init.signer),
      ...(init.formerSigners ?? []).map(former => lowSSigner(former))
    ]
    this.id = init.device ?? deviceId(init.signer.publicKey)
    this.#transports = [init.transport].flat()
    this.#timers = init.timers ?? systemTimers
    this.#random = init.random ?? (bytes => crypto.getRandomValues(new Uint8Array(bytes)))
    this.#store = init.outbox ?? memoryOutbox()
    const genesis = genesisFormat.decode(init.genesis)
    this.#time = new TimeKeeper({
      network: networkId(init.genesis),
      validators: genesisValidators(genesis),
      precisionMs: genesis.parameters.clockPrecisionMs,
      now: init.now ?? Date.now,
      timers: this.#timers,
      random: this.#random,
      onClock: error => this.#events.emit({ type: 'clock', error })
    })
  }

  async start({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#starting !== undefined)
      throw new VitalchainError('ERR_DEVICE_STARTED', 'a device starts once')
    if (this.#stopped !== undefined) throw deviceStopped()
    this.#starting = this.#start()
    await this.#starting
    if (signal?.aborted === true) await this.stop()
    signal?.addEventListener('abort', () => void this.stop(), { signal: this.#stopping.signal })
  }

  async #start(): Promise<void> {
    const { stream, bindStream = false, resume, retention = 0, genesis, batch } = this.#init
    const { compress = true } = this.#init
    const contents = await this.#store.load()
    const epochs = new EpochCounter(stream.epoch ?? 0, this.#timers)
    if (contents.epoch !== undefined) epochs.after(contents.epoch)
    const boot = this.#init.boot ?? contents.boot
    if (boot === undefined)
      throw new VitalchainError('ERR_DEVICE_INIT', 'this outbox does not count boots: give `boot`')
    const lanes = [this.#lane(LANE.readings, boot), this.#lane(LANE.urgent, boot)] as const
    for (const lane of lanes) {
      const { tip, entries, known, sent: marked } = contents.lanes[lane.number]
      // The power went between a first statement and its mark, so it is the one that says that history was lost.
      const [unmarked] = entries.map(({ boot, seq }) => ({ boot, seq }))
      const sent = known ? marked : unmarked
      lane.restore(entries, sent)
      const last = tip ?? (resume === 'ledger' ? undefined : resume?.[lane.number])
      if (last === undefined && resume === 'ledger' && !known) continue
      lane.open(last, false)
      // From now on the store says that there is nothing to ask the ledger for.
      if (!known) await this.#store.mark(lane.number, sent)
    }
    this.#lanes = lanes
    const network = networkId(genesis)
    const identity = { network, device: this.id, signers: this.#signers }
    const voices = lanesVoices({
      device: this.id,
      signers: this.#signers,
      stream,
      lanes: contents.lanes,
      bind: bindStream,
      resumed: resume !== undefined
    })
    this.#voices = voices
    const writer = new StatementWriter(
      {
        network,
        device: this.id,
        voices,
        retention,
        isAttested: this.#init.attestedBy === 'gateway',
        compress,
        random: this.#random
      },
      epochs
    )
    const readings = batch?.readings ?? BATCH_READINGS_DEFAULT
    const ms = batch?.ms ?? BATCH_MS_DEFAULT
    const sinks = [this.#sink(lanes[0], writer), this.#sink(lanes[1], writer)] as const
    this.#batchers = [
      new Batcher(lanes[0], { readings, ms }, this.#timers, sinks[0]),
      new Batcher(lanes[1], { readings, ms: 0 }, this.#timers, sinks[1])
    ]
    this.#recorders = [
      new SampleRecorder(lanes[0], sinks[0]),
      new SampleRecorder(lanes[1], sinks[1])
    ]
    this.#changes = new LaneChanges({
      lanes,
      voices,
      writer,
      signers: this.#signers,
      flush: () => this.#flush(),
      onFault: (lane, error) => this.#laneFault(lane, error)
    })
    // Not awaited: a lane that still has to learn where it stands takes nothing before it heard from a node.
    this.#changes.begin(bindStream).catch(() => undefined)
    const { members } = genesisFormat.decode(genesis)
    const nodesMin = faultTolerance(members.length) + 1
    const refusalsMax = Math.max(REFUSALS_MIN, nodesMin)
    this.#delivering = keepConnected(
      this.#transports,
      {
        identity,
        // The urgent one is served first.
        lanes: this.#lanes.toReversed(),
        timers: this.#timers,
        nodesMin,
        random: this.#random,
        events: this.#events,
        read: record => this.#store.read(record),
        onFault: (lane, error) => this.#laneFault(lane, error),
        onSession: session => this.#time.opened(session),
        onProved: (pending, proof) => {
          this.#time.believe(proof.proven.header.height, proof.proven.validatorSet)
          this.#events.emit({ type: 'proved', submission: pending.submission, proof })
          this.#store.remove(pending.record).catch((error: unknown) => {
            this.#events.emit({ type: 'outbox-fault', error })
          })
        },
        onRefused: (lane, error, what) => {
          if (lane.refuse(error, what, refusalsMax)) this.#laneStopped(lane, error)
        },
        onHistory: statement => epochs.after(statement.epoch)
      },
      this.#stopping.signal
    )
  }

  #lane(number: 0 | 1, boot: number): Lane {
    const { outboxBytes = OUTBOX_BYTES_MAX, full = 'block' } = this.#init
    const [newest] = this.#signers
    const voices = (): readonly [LaneVoice, LaneVoice] | undefined => this.#voices
    const settings = {
      // Only what stands behind the newest rotation is dropped, so the key of today is the right one.
      get signer(): Signer {
        return voices()?.[number].signer ?? newest
      },
      now: this.#init.now ?? Date.now,
      read: (record: OutboxRecord) => this.#store.read(record)
    }
    return new Lane({
      number,
      boot,
      bytesMax:
        number === LANE.urgent ? Math.min(outboxBytes, OUTBOX_URGENT_BYTES_MAX) : outboxBytes,
      store: entry => this.#store.append(entry),
      mark: sent => this.#store.mark(number, sent),
      gap: full === 'block' ? undefined : dropped => signGap(settings, dropped),
      onStored: submission => this.#events.emit({ type: 'stored', submission }),
      onDropped: (gap, statements) => this.#events.emit({ type: 'dropped', gap, statements })
    })
  }

  #sink(lane: Lane, writer: StatementWriter): StatementSink {
    return {
      look: () => this.#time.look(),
      write: (content, stretch) =>
        lane.write(place => writer.write(lane.number, place, content, stretch)),
      onFault: error => this.#laneFault(lane, error)
    }
  }

  #laneFault(lane: Lane, error: unknown): void {
    const cause = error instanceof Error ? error : new Error('unknown', { cause: error })
    if (lane.stop(cause) && this.#stopped === undefined) this.#laneStopped(lane, cause)
  }

  #laneStopped(lane: Lane, error: Error): void {
    this.#events.emit({ type: 'lane-stopped', lane: lane.number, error })
    // What was recorded and waits for its batch to fill learns of it now.
    this.#batchers?.[lane.number].flush().catch(() => undefined)
  }

  async record(
    readings: readonly Reading[],
    { urgent = false, times }: RecordOptions = {}
  ): Promise<readonly Submission[]> {
    const batchers = this.#running()
    // What is recorded behind a change of key or stream belongs behind it in the chain. Else nothing is waited for: what is
    // recorded before a call of `flush` is flushed by it.
    const running = this.#changes?.running
    if (running !== undefined) await running
    return batchers[this.#laneFor(urgent)].add(readings, this.#stretchOf(times))
  }

  async recordSamples(
    signals: SampledSignals,
    { urgent = false, times }: RecordOptions = {}
  ): Promise<readonly Submission[]> {
    if (this.#recorders === undefined) throw notStarted()
    const running = this.#changes?.running
    if (running !== undefined) await running
    return this.#recorders[this.#laneFor(urgent)].add(signals, this.#stretchOf(times))
  }

  /** @throws VitalchainError `ERR_DEVICE_STOPPED`, `ERR_STREAM` */
  #laneFor(urgent: boolean): 0 | 1 {
    if (this.#stopped !== undefined) throw deviceStopped()
    const lane = urgent ? LANE.urgent : LANE.readings
    if (this.#voices?.[lane].stream === undefined)
      throw new VitalchainError('ERR_STREAM', 'the device records for no stream')
    return lane
  }

  #stretchOf(times: RecordOptions['times']): ClockStretch | undefined {
    return this.#init.attestedBy === 'gateway' && times === 'sensor' ? SENSOR_TIMES : undefined
  }

  async rotateKey(signer: Signer): Promise<readonly Submission[]> {
    return this.#change(changes => changes.rotate(lowSSigner(signer)))
  }

  async associate(stream: DeviceStream): Promise<readonly Submission[]> {
    checkStream(stream)
    return this.#change(changes => changes.bind(stream))
  }

  async dissociate(): Promise<readonly Submission[]> {
    return this.#change(changes => changes.bind(undefined))
  }

  async #change<T>(change: (changes: LaneChanges) => Promise<T>): Promise<T> {
    if (this.#stopped !== undefined) throw deviceStopped()
    if (this.#changes === undefined) throw notStarted()
    return change(this.#changes)
  }

  clock(): ClockError | undefined {
    return this.#time.error()
  }

  async flush(): Promise<void> {
    this.#running()
    const running = this.#changes?.running
    if (running !== undefined) await running
    await this.#flush()
  }

  async #flush(): Promise<void> {
    const all = [...this.#running(), ...(this.#recorders ?? [])]
    await Promise.all(all.map(each => each.flush()))
  }

  async drained({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const wake = (): void => {
      for (const lane of this.#lanes) lane.wake()
    }
    signal?.addEventListener('abort', wake)
    try {
      for (const lane of this.#lanes) {
        while (true) {
          signal?.throwIfAborted()
          if (lane.failure !== undefined) throw lane.failure
          if (lane.queue.length === 0) break
          await lane.changed()
        }
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  waiting(): readonly Submission[] {
    return this.#lanes.flatMap(lane => lane.queue.map(({ submission }) => submission))
  }

  events({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<DeviceEvent> {
    return this.#events.read(signal)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    for (const lane of this.#lanes) lane.closing()
    const all = [...(this.#batchers ?? []), ...(this.#recorders ?? [])]
    await Promise.allSettled(all.map(each => each.flush()))
    this.#stopping.abort()
    for (const lane of this.#lanes) lane.stop(deviceStopped())
    await this.#delivering
    await Promise.all(this.#lanes.map(lane => lane.settled()))
    await Promise.allSettled(this.#transports.map(async transport => transport.close?.()))
    if (this.#starting !== undefined) await this.#store.close().catch(() => undefined)
    this.#events.close()
  }

  #running(): readonly [Batcher, Batcher] {
    if (this.#batchers === undefined) throw notStarted()
    return this.#batchers
  }
}

function notStarted(): VitalchainError {
  return new VitalchainError('ERR_DEVICE_NOT_STARTED', 'start() the device first')
}
