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
  /**
   * Keys before `signer`, the newest first, until the rotation from them is proved: with them a rotation that a crash cut
   * in two is finished, and sessions are opened while the ledger does not know the new key.
   */
  readonly formerSigners?: readonly Signer[]
  /** The device's identifier, 32 bytes. Default: that of the signer's key, which is right until the key rotates. */
  readonly device?: Uint8Array
  /** The genesis document of the network: what statements are signed for and receipts are verified against. */
  readonly genesis: Uint8Array
  /** What it records for, unless it was dissociated: then nothing, until `associate`. */
  readonly stream: DeviceStream
  /** Whether the lanes are to be bound to `stream` at this start, when they are not yet; see `associate`. Default false. */
  readonly bindStream?: boolean
  /**
   * Whether the key is that of a gateway, which signs for a sensor that cannot: every statement of readings says so, for
   * ever. spec F-11
   */
  readonly attestedBy?: 'gateway'
  /** One way to the network, or several in the order in which they are tried. */
  readonly transport: DeviceTransport | readonly DeviceTransport[]
  /**
   * How often the device has started, this time included: it is higher at every start. Unsigned 32-bit. Needed only with
   * an outbox that cannot count, like the one in memory; where both say something this one is used.
   */
  readonly boot?: number
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
  /** Bytes that wait in the lane of readings before it is full; the urgent one holds as many, up to 8 MiB. Default 48 MiB. */
  readonly outboxBytes?: number
  /**
   * What a full outbox does. `block` (default): `record` waits until a statement is proved. `drop-oldest`: the oldest
   * statements that never left the device are dropped, and one signed gap says where and how many. It waits too when
   * nothing is left that may be dropped, as in an outbox that holds fewer than four of the largest statements (512 KiB).
   */
  readonly full?: 'block' | 'drop-oldest'
  /** Whether payloads are compressed where that saves a quarter or more. Default true. spec P-4 */
  readonly compress?: boolean
  /**
   * The device's clock, ms since 1970, by which its readings have their times. It may be wrong, and is never corrected: each
   * statement says how far it was off, as far as the network told. Default: the platform's.
   */
  readonly now?: () => number
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
  checkStream(stream)
  const { retentionDays } = genesisFormat.decode(genesis).parameters
  const rules: readonly (readonly [boolean, string])[] = [
    [isU32(boot ?? 0), 'a count of boots is an unsigned 32-bit integer'],
    [retentionDays[retention] !== undefined, 'the genesis has no such retention class'],
    [[transport].flat().length > 0, 'a device needs a transport'],
    [
      isWithin(batch?.readings ?? 1, 1, SENML_READINGS_MAX),
      `a batch has 1 to ${SENML_READINGS_MAX} readings`
    ],
    [(batch?.ms ?? 1) > 0, 'a batch waits for more than 0 ms']
  ]
  check(rules)
}

/** Refuses a stream that cannot be. @throws VitalchainError `ERR_DEVICE_INIT` */
export function checkStream({ id, secret, generation, epoch = 0 }: DeviceStream): void {
  check([
    [id.length === 16, 'a stream id has 16 bytes'],
    [secret.length === 32, 'a stream secret has 32 bytes'],
    [isU32(generation), 'a generation is an unsigned 32-bit integer'],
    [isU32(epoch), 'an epoch is an unsigned 32-bit integer']
  ])
}

function check(rules: readonly (readonly [holds: boolean, rule: string])[]): void {
  for (const [holds, rule] of rules) if (!holds) throw new VitalchainError('ERR_DEVICE_INIT', rule)
}

function isU32(value: number): boolean {
  return isWithin(value, 0, 0xffff_ffff)
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}
