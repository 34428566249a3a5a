import {
  genesisFormat,
  SENML_READINGS_MAX,
  VitalchainError,
  type LaneHead,
  type Signer
} from '@vitalchain/core'
import type { OutboxStore } from './outbox.ts'
import type { DeviceStream } from './statement-writer.ts'
import type { DeviceTimers } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

/** What a device is made of. */
export interface DeviceInit {
  /** The device's key: in memory (`createSigner`) or the door to a secure element. */
  readonly signer: Signer
  /** The device's identifier, 32 bytes. Default: that of the signer's key, which is right until the key rotates. */
  readonly device?: Uint8Array
  /** The genesis document of the network: what statements are signed for and receipts are verified against. */
  readonly genesis: Uint8Array
  readonly stream: DeviceStream
  /** One way to the network, or several in the order in which they are tried. */
  readonly transport: DeviceTransport | readonly DeviceTransport[]
  /** How often the device has started, this time included: it is higher at every start. Unsigned 32-bit. */
  readonly boot: number
  /** A batch is signed when it has so many readings (default 60) or its first has waited so long (default 10 000 ms). */
  readonly batch?: { readonly readings?: number; readonly ms?: number }
  /** The retention class, an index into the genesis's `retentionDays`. Default 0. */
  readonly retention?: number
  /**
   * The last statement of each lane, where the outbox does not remember it; none for a new device. `ledger` is for a
   * device that lost its outbox: it asks the ledger, signs nothing before it knows, and says so in its next statement.
   */
  readonly resume?: 'ledger' | { readonly [L in 0 | 1]?: LaneHead }
  /** Where statements wait until they are proved. Default: memory, which a power cut empties. */
  readonly outbox?: OutboxStore
  /** Bytes that a lane's outbox holds before `record` waits. Default 32 MiB. */
  readonly outboxBytes?: number
  /** Replaced in tests. */
  readonly timers?: DeviceTimers
  /** Random bytes for salts and waits. Default: the platform's. */
  readonly random?: (bytes: number) => Uint8Array
}

/**
 * Refuses settings that cannot work.
 *
 * @throws VitalchainError `ERR_DEVICE_INIT`, or as `genesisFormat.decode`
 */
export function checkInit({
  genesis,
  stream,
  boot,
  batch,
  retention = 0,
  transport
}: DeviceInit): void {
  const { retentionDays } = genesisFormat.decode(genesis).parameters
  const rules: readonly (readonly [boolean, string])[] = [
    [stream.id.length === 16, 'a stream id has 16 bytes'],
    [stream.secret.length === 32, 'a stream secret has 32 bytes'],
    [isU32(stream.generation), 'a generation is an unsigned 32-bit integer'],
    [isU32(stream.epoch ?? 0), 'an epoch is an unsigned 32-bit integer'],
    [isU32(boot), 'a count of boots is an unsigned 32-bit integer'],
    [retentionDays[retention] !== undefined, 'the genesis has no such retention class'],
    [[transport].flat().length > 0, 'a device needs a transport'],
    [
      isWithin(batch?.readings ?? 1, 1, SENML_READINGS_MAX),
      `a batch has 1 to ${SENML_READINGS_MAX} readings`
    ],
    [(batch?.ms ?? 1) > 0, 'a batch waits for more than 0 ms']
  ]
  for (const [holds, rule] of rules) if (!holds) throw new VitalchainError('ERR_DEVICE_INIT', rule)
}

function isU32(value: number): boolean {
  return isWithin(value, 0, 0xffff_ffff)
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}
