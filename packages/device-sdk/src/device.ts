import {
  deviceId,
  faultTolerance,
  genesisFormat,
  LANE,
  networkId,
  VitalchainError,
  type Reading,
  type Signer
} from '@vitalchain/core'
import { Batcher } from './batcher.ts'
import { keepConnected } from './connector.ts'
import { EventHub, type DeviceEvent } from './events.ts'
import { deviceStopped, Lane } from './lane.ts'
import {
  BATCH_MS_DEFAULT,
  BATCH_READINGS_DEFAULT,
  OUTBOX_BYTES_MAX,
  REFUSALS_MIN
} from './limits.ts'
import { checkInit, type DeviceInit } from './device-init.ts'
import { memoryOutbox, type OutboxStore } from './outbox.ts'
import { EpochCounter, lowSSigner, StatementWriter } from './statement-writer.ts'
import { Pending, type Submission } from './submission.ts'
import { systemTimers, type DeviceTimers } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

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
   * outbox is full. Urgent readings go their own way, past any backlog and at once.
   *
   * @throws VitalchainError `ERR_SENML` for a reading that no statement can hold, `ERR_OUTBOX_FULL` (retryable) when
   * 65 536 readings wait already, `ERR_DEVICE_STOPPED`, or what stopped the lane
   */
  record(
    readings: readonly Reading[],
    options?: { readonly urgent?: boolean }
  ): Promise<readonly Submission[]>
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
  readonly #signer: Signer
  readonly #transports: readonly DeviceTransport[]
  readonly #timers: DeviceTimers
  readonly #random: (bytes: number) => Uint8Array
  readonly #store: OutboxStore
  readonly #events = new EventHub()
  readonly #lanes: readonly [Lane, Lane]
  readonly #stopping = new AbortController()
  #batchers: readonly [Batcher, Batcher] | undefined
  #delivering: Promise<void> = Promise.resolve()
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(init: DeviceInit) {
    this.#init = init
    this.#signer = lowSSigner(init.signer)
    this.id = init.device ?? deviceId(init.signer.publicKey)
    this.#transports = [init.transport].flat()
    this.#timers = init.timers ?? systemTimers
    this.#random = init.random ?? (bytes => crypto.getRandomValues(new Uint8Array(bytes)))
    this.#store = init.outbox ?? memoryOutbox()
    const bytesMax = init.outboxBytes ?? OUTBOX_BYTES_MAX
    this.#lanes = [
      new Lane(LANE.readings, init.boot, bytesMax),
      new Lane(LANE.urgent, init.boot, bytesMax)
    ]
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
    const { stream, resume, retention = 0, genesis, batch } = this.#init
    const contents = await this.#store.load()
    const epochs = new EpochCounter(stream.epoch ?? 0, this.#timers)
    if (contents.epoch !== undefined) epochs.after(contents.epoch)
    for (const lane of this.#lanes) {
      const { tip, entries } = contents.lanes[lane.number]
      for (const entry of entries) lane.restore(new Pending(entry))
      const known = tip ?? (resume === 'ledger' ? undefined : resume?.[lane.number])
      if (known !== undefined || resume !== 'ledger') lane.open(known, false)
    }
    const network = networkId(genesis)
    const identity = { network, device: this.id, signer: this.#signer }
    const writer = new StatementWriter(
      { ...identity, stream, retention, random: this.#random },
      epochs
    )
    const readings = batch?.readings ?? BATCH_READINGS_DEFAULT
    const ms = batch?.ms ?? BATCH_MS_DEFAULT
    this.#batchers = [
      this.#batcher(this.#lanes[0], { readings, ms }, writer),
      this.#batcher(this.#lanes[1], { readings, ms: 0 }, writer)
    ]
    const { members } = genesisFormat.decode(genesis)
    const refusalsMax = Math.max(REFUSALS_MIN, faultTolerance(members.length) + 1)
    this.#delivering = keepConnected(
      this.#transports,
      {
        identity,
        // The urgent one is served first.
        lanes: this.#lanes.toReversed(),
        timers: this.#timers,
        random: this.#random,
        events: this.#events,
        onProved: (pending, proof) => {
          this.#events.emit({ type: 'proved', submission: pending.submission, proof })
          this.#store.remove(pending.entry).catch((error: unknown) => {
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

  #batcher(
    lane: Lane,
    settings: { readonly readings: number; readonly ms: number },
    writer: StatementWriter
  ): Batcher {
    return new Batcher(lane, settings, this.#timers, {
      write: async (place, readings, clear) => {
        const entry = await writer.write(lane.number, place, readings, clear)
        await this.#store.append(entry)
        const pending = new Pending(entry)
        lane.push(pending)
        this.#events.emit({ type: 'stored', submission: pending.submission })
        return pending.submission
      },
      onFault: error => {
        if (lane.stop(error) && this.#stopped === undefined) this.#laneStopped(lane, error)
      }
    })
  }

  #laneStopped(lane: Lane, error: Error): void {
    this.#events.emit({ type: 'lane-stopped', lane: lane.number, error })
    // What was recorded and waits for its batch to fill learns of it now.
    this.#batchers?.[lane.number].flush().catch(() => undefined)
  }

  async record(
    readings: readonly Reading[],
    { urgent = false }: { readonly urgent?: boolean } = {}
  ): Promise<readonly Submission[]> {
    if (this.#stopped !== undefined) throw deviceStopped()
    return this.#running()[urgent ? LANE.urgent : LANE.readings].add(readings)
  }

  async flush(): Promise<void> {
    await Promise.all(this.#running().map(batcher => batcher.flush()))
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
    await Promise.allSettled((this.#batchers ?? []).map(batcher => batcher.flush()))
    this.#stopping.abort()
    for (const lane of this.#lanes) lane.stop(deviceStopped())
    await this.#delivering
    await Promise.allSettled(this.#transports.map(async transport => transport.close?.()))
    if (this.#starting !== undefined) await this.#store.close().catch(() => undefined)
    this.#events.close()
  }

  #running(): readonly [Batcher, Batcher] {
    if (this.#batchers === undefined)
      throw new VitalchainError('ERR_DEVICE_NOT_STARTED', 'start() the device first')
    return this.#batchers
  }
}
