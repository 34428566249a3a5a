import { join } from 'node:path'
import { deviceId, errorCode, VitalchainError, type PublicKey, type Signer } from '@vitalchain/core'
import { createDevice, type Device } from '../device.ts'
import type { DeviceInit } from '../device-init.ts'
import { deviceStopped } from '../lane.ts'
import type { OutboxStore } from '../outbox.ts'
import type { DeviceStream } from '../statement-writer.ts'
import { fileOutbox } from '../stores/file-outbox.ts'
import type { DeviceTransport } from '../transport.ts'
import { checkSensorName, sensorSigner } from './keys.ts'
import { SENSORS_MAX } from './limits.ts'
import { RememberingOutbox } from './seen.ts'
import { SeenJournal } from './seen-journal.ts'
import { Sensor, type SensorCounts } from './sensor.ts'
import type { GatewayIntake, GatewaySource, SensorMessage, SourceEvent } from './source.ts'

/** A sensor that cannot sign: the gateway does so for it, as a device of its own on the ledger. */
export interface GatewaySensor extends Pick<
  DeviceInit,
  'batch' | 'retention' | 'outboxBytes' | 'full'
> {
  /** 1 to 64 of A-Z a-z 0-9 . _ -, and no personal data: it names the sensor's directory. */
  readonly name: string
  /** Whose readings they are. */
  readonly stream: DeviceStream
  /** Its key. Default: `sensorSigner` of the gateway's secret. */
  readonly signer?: Signer
  /** How many readings it may send, on average over 10 s. Default 1 000. */
  readonly readingsPerSecond?: number
}

/** What a gateway is made of. */
export interface GatewayInit {
  /** The genesis document of the network. */
  readonly genesis: Uint8Array
  /** 32 random bytes, from which the keys of sensors without a `signer` come. Kept like a key. */
  readonly secret?: Uint8Array
  /** At most 1 024. */
  readonly sensors: readonly GatewaySensor[]
  readonly sources: readonly GatewaySource[]
  /** One way to the network for each device, or several in the order in which they are tried. */
  readonly transport: (device: Uint8Array) => DeviceTransport | readonly DeviceTransport[]
  /** Where outboxes are kept: a directory in it for each sensor. One gateway uses it at a time. */
  readonly directory: string
  /** Another store than `fileOutbox` for the statements of a sensor. */
  readonly outbox?: (sensor: string) => OutboxStore
  /** The gateway's clock, ms since 1970: for what comes without a time. Default: the platform's. */
  readonly now?: () => number
  /** Replaced in tests. */
  readonly timers?: DeviceInit['timers']
  /** Called with everything that a person may want to know. What it throws is not caught. */
  readonly onEvent?: (event: GatewayEvent) => void
}

/** What happens in a gateway beside what happens to its devices. */
export type GatewayEvent = SourceEvent & { readonly source: string }

/** What became of messages since the start. */
export interface GatewayStatus {
  readonly sensors: readonly (SensorCounts & {
    readonly name: string
    /** The device's identifier, 32 bytes. */
    readonly device: Uint8Array
    /** Statements that are not proved yet. */
    readonly waiting: number
  })[]
  readonly sources: readonly {
    readonly name: string
    readonly isConnected: boolean
    /** What the source refused, sensors known or not, by code. */
    readonly refused: Readonly<Record<string, number>>
  }[]
}

/** A device whose readings come through the gateway only, which remembers what it recorded. */
export type GatewayDevice = Omit<Device, 'start' | 'stop' | 'record' | 'recordSamples'>

/** Signs for sensors that cannot. Nothing runs before `start()`; everything is closed by `stop()`. It starts once. */
export interface Gateway {
  /** The device of each sensor, to be registered by the hospital. */
  readonly devices: readonly {
    readonly name: string
    readonly device: Uint8Array
    readonly publicKey: PublicKey
  }[]
  /** The device that signs for a sensor. @throws VitalchainError `ERR_GATEWAY_SENSOR` */
  device(sensor: string): GatewayDevice
  /**
   * Opens all outboxes, then begins to take messages. Aborting the signal stops the gateway.
   *
   * @throws VitalchainError as `Device.start`, or what a source throws: then everything is closed
   */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>
  status(): GatewayStatus
  /** Stores what came without waiting for full batches. */
  flush(): Promise<void>
  /** Resolves when everything stored is proved. @throws VitalchainError what stopped a lane, or the signal's reason */
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Stops the sources, stores what they took, closes everything. Never rejects; may be called twice. */
  stop(): Promise<void>
}

/**
 * A gateway for sensors that cannot sign. Each is a device on the ledger; every statement says `gateway-attested`, and
 * whether its times are the sensor's own or those of arrival.
 *
 * @throws VitalchainError `ERR_GATEWAY_INIT` for settings that cannot work, or as `createDevice`
 */
export function createGateway(init: GatewayInit): Gateway {
  return new LedgerGateway(init)
}

class LedgerGateway implements Gateway {
  readonly devices: Gateway['devices']
  readonly #init: GatewayInit
  readonly #sensors: ReadonlyMap<string, Sensor>
  readonly #sources: readonly SourceState[]
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(init: GatewayInit) {
    checkInit(init)
    this.#init = init
    const made = init.sensors.map(each => makeSensor(init, each))
    this.#sensors = new Map(made.map(({ name, sensor }) => [name, sensor]))
    this.devices = made.map(({ name, sensor, publicKey }) => ({
      name,
      device: sensor.device.id,
      publicKey
    }))
    this.#sources = init.sources.map(source => ({ source, isConnected: false, refused: new Map() }))
  }

  device(sensor: string): GatewayDevice {
    return this.#sensor(sensor).device
  }

  async start({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#starting !== undefined)
      throw new VitalchainError('ERR_DEVICE_STARTED', 'a gateway starts once')
    if (this.#stopped !== undefined) throw deviceStopped()
    this.#starting = this.#start()
    try {
      await this.#starting
    } catch (error) {
      await this.stop()
      throw error
    }
    if (signal?.aborted === true) await this.stop()
    else signal?.addEventListener('abort', () => void this.stop(), { once: true })
  }

  async #start(): Promise<void> {
    // One after the other: each syncs its files.
    for (const { device } of this.#sensors.values()) await device.start()
    for (const state of this.#sources) await state.source.start(this.#intake(state))
  }

  #intake(state: SourceState): GatewayIntake {
    const source = state.source.name
    return {
      now: this.#init.now ?? Date.now,
      take: message => this.#take(message),
      flush: () => void this.flush().catch(() => undefined),
      report: event => {
        if (event.type === 'connected') state.isConnected = true
        if (event.type === 'disconnected') state.isConnected = false
        if (event.type === 'refused') {
          const code = errorCode(event.error)
          state.refused.set(code, (state.refused.get(code) ?? 0) + 1)
        }
        this.#init.onEvent?.({ ...event, source })
      }
    }
  }

  async #take(message: SensorMessage): Promise<'stored' | 'repeated'> {
    return this.#sensor(message.sensor).take(message)
  }

  #sensor(name: string): Sensor {
    const sensor = this.#sensors.get(name)
    // Without its name, which came from outside.
    if (sensor === undefined)
      throw new VitalchainError('ERR_GATEWAY_SENSOR', 'the gateway has no such sensor')
    return sensor
  }

  status(): GatewayStatus {
    return {
      sensors: this.devices.map(({ name, device }) => ({
        ...this.#sensor(name).counts,
        name,
        device,
        waiting: this.device(name).waiting().length
      })),
      sources: this.#sources.map(({ source, isConnected, refused }) => ({
        name: source.name,
        isConnected,
        refused: Object.fromEntries(refused)
      }))
    }
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#sensors.values()].map(({ device }) => device.flush()))
  }

  async drained(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    for (const { device } of this.#sensors.values()) await device.drained(options)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    for (const sensor of this.#sensors.values()) sensor.closing()
    // Devices first: they store what was taken, and then the sources acknowledge it.
    await Promise.all([...this.#sensors.values()].map(({ device }) => device.stop()))
    await Promise.all(this.#sources.map(({ source }) => source.stop()))
  }
}

/** A source and what it reported. */
interface SourceState {
  readonly source: GatewaySource
  isConnected: boolean
  readonly refused: Map<string, number>
}

function makeSensor(
  init: GatewayInit,
  { name, stream, signer: given, readingsPerSecond, ...settings }: GatewaySensor
): { readonly name: string; readonly sensor: Sensor; readonly publicKey: PublicKey } {
  const { genesis, secret, directory, timers, transport, now = Date.now } = init
  const signer = given ?? (secret && sensorSigner(secret, genesis, name))
  if (signer === undefined)
    throw new VitalchainError('ERR_GATEWAY_INIT', 'a sensor without a signer needs the secret')
  const place = join(directory, name)
  const outbox = new RememberingOutbox(
    init.outbox?.(name) ?? fileOutbox(join(place, 'outbox')),
    new SeenJournal(join(place, 'seen'))
  )
  const device = createDevice({
    ...settings,
    attestedBy: 'gateway',
    signer,
    genesis,
    stream,
    outbox,
    resume: 'ledger',
    now,
    transport: transport(deviceId(signer.publicKey)),
    ...(timers === undefined ? {} : { timers })
  })
  const sensor = new Sensor({ device, outbox, now, timers, readingsPerSecond })
  return { name, sensor, publicKey: signer.publicKey }
}

/** @throws VitalchainError `ERR_GATEWAY_INIT` */
function checkInit({ sensors, sources }: GatewayInit): void {
  const rules: readonly (readonly [boolean, string])[] = [
    [
      sensors.length > 0 && sensors.length <= SENSORS_MAX,
      `a gateway has 1 to ${SENSORS_MAX} sensors`
    ],
    [sources.length > 0, 'a gateway has a source'],
    // File systems that do not tell capitals apart would make one directory of two.
    [!hasDouble(sensors.map(({ name }) => name.toLowerCase())), 'two sensors have one name'],
    [!hasDouble(sources.map(({ name }) => name)), 'two sources have one name'],
    [sensors.every(({ readingsPerSecond = 1 }) => readingsPerSecond > 0), 'a rate is above 0']
  ]
  for (const [holds, rule] of rules) if (!holds) throw new VitalchainError('ERR_GATEWAY_INIT', rule)
  for (const { name } of sensors) checkSensorName(name)
}

function hasDouble(names: readonly string[]): boolean {
  return new Set(names).size < names.length
}
