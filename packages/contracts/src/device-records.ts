import {
  concatBytes,
  decodeCbor,
  equalBytes,
  hash32,
  laneRecordCodec,
  laneRecordId,
  metricsCodec,
  MODEL_CHARACTERS_MAX,
  optional,
  publicKeyCodec,
  STATE_VALUE_BYTES_MAX,
  text,
  toHex,
  tuple,
  u32,
  u64be,
  uint,
  VitalchainError,
  type Codec,
  type LaneRecord,
  type PublicKey
} from '@vitalchain/core'
import type { State, StateReader } from './contract.ts'
import { getMember } from './member-records.ts'
import { table, type Table } from './table.ts'

/** A device as the ledger knows it. */
export interface Device {
  /** The member whose operator answers for it: for statements of `ownerFromBoot` and later boots. */
  readonly owner: Uint8Array
  /** The key of lanes without a rotation of their own: the first one, or that of the newest re-keying. */
  readonly publicKey: PublicKey
  readonly model: string
  /** SHA-256 of the firmware, if it was stated. */
  readonly firmware: Uint8Array | undefined
  /** What it measures, as far as it was stated. */
  readonly metrics: readonly string[]
  /** The claim that enrolled it; undefined for one that an operator registered by its key. */
  readonly claim: Uint8Array | undefined
  readonly registeredHeight: number
  /** From this height on none of its statements is taken; undefined while it is not revoked. */
  readonly revokedHeight: number | undefined
  /** The first boot of the owner's; statements of earlier boots are the former owner's, whenever they come. */
  readonly ownerFromBoot: number
  readonly formerOwner: Uint8Array | undefined
  /** To which member the owner offered it, and from which boot at the earliest. */
  readonly offer: { readonly to: Uint8Array; readonly boot: number } | undefined
  /** Statements of this boot and later ones are not taken any more. */
  readonly retired: { readonly height: number; readonly boot: number } | undefined
}

const deviceCodec: Codec<Device> = tuple({
  owner: hash32,
  publicKey: publicKeyCodec,
  model: text(MODEL_CHARACTERS_MAX),
  firmware: optional(hash32),
  metrics: metricsCodec,
  claim: optional(hash32),
  registeredHeight: uint(),
  revokedHeight: optional(uint()),
  ownerFromBoot: u32,
  formerOwner: optional(hash32),
  offer: optional(tuple({ to: hash32, boot: u32 })),
  retired: optional(tuple({ height: uint(), boot: u32 }))
})

/** Devices by their identifier. */
export const deviceRecords: Table<Device> = table('devices', 'device', deviceCodec)

/** Lanes by `laneRecordId`. */
export const laneRecords: Table<LaneRecord> = table('devices', 'lane', laneRecordCodec)

const counts: Table<number> = table('devices', 'owned-count', uint())
const owned: Table<Uint8Array> = table('devices', 'owned', hash32)

/** A device's record, or undefined for one that nobody registered. */
export function getDevice(state: StateReader, id: Uint8Array): Device | undefined {
  return deviceRecords.get(state, id)
}

/** The key of a device's record in the state, for state proofs. */
export function deviceStateKey(id: Uint8Array): Uint8Array {
  return deviceRecords.key(id)
}

/** A device's record from the state's value, as a state proof shows it. @throws VitalchainError as a format's `decode` does */
export function decodeDevice(value: Uint8Array): Device {
  return deviceCodec.read(decodeCbor(value, STATE_VALUE_BYTES_MAX), 'devices/device')
}

/** Where a lane of a device stands, or undefined before its first statement. */
export function getLane(
  state: StateReader,
  device: Uint8Array,
  lane: 0 | 1
): LaneRecord | undefined {
  return laneRecords.get(state, laneRecordId(device, lane))
}

/** The key that signs the next statement of a lane. spec D-3 */
export function laneKey(device: Device, lane: LaneRecord | undefined): PublicKey {
  return lane?.publicKey ?? device.publicKey
}

/** The member that answers for a device's statements of a boot. spec D-15 */
export function ownerAt(device: Device, boot: number): Uint8Array {
  return device.formerOwner !== undefined && boot < device.ownerFromBoot
    ? device.formerOwner
    : device.owner
}

/** A device of a member, and which one it was that came to it, from 0. */
export interface OwnedDevice {
  readonly at: number
  readonly id: Uint8Array
  readonly device: Device
}

/** The devices that a member owns, in the order in which they came to it, from the one with number `from` on. */
export function* listDevices(
  state: StateReader,
  member: Uint8Array,
  from: number = 0
): Generator<OwnedDevice> {
  const seen = new Set<string>()
  const count = counts.get(state, member) ?? 0
  for (let at = from; at < count; at++) {
    const id = owned.get(state, nthOf(member, at))
    const device = id && getDevice(state, id)
    // One that was given away stays in the list, and stands there twice when it came back.
    if (id === undefined || device === undefined || !equalBytes(device.owner, member)) continue
    if (seen.has(toHex(id))) continue
    seen.add(toHex(id))
    yield { at, id, device }
  }
}

/** Adds a device to those of a member. */
export function appendOwned(state: State, member: Uint8Array, id: Uint8Array): void {
  const count = counts.get(state, member) ?? 0
  owned.put(state, nthOf(member, count), id)
  counts.put(state, member, count + 1)
}

function nthOf(member: Uint8Array, k: number): Uint8Array {
  return concatBytes([member, u64be(k)])
}

/** @throws VitalchainError `ERR_DEVICE_UNKNOWN` */
export function knownDevice(state: StateReader, id: Uint8Array): Device {
  const device = getDevice(state, id)
  if (device === undefined) throw refused('ERR_DEVICE_UNKNOWN', 'no such device is registered', id)
  return device
}

/**
 * A device that its owner changes: in force, and the author's.
 *
 * @throws VitalchainError `ERR_NOT_A_MEMBER`, `ERR_DEVICE_UNKNOWN`, `ERR_NOT_THE_OWNER`, `ERR_DEVICE_REVOKED`, `ERR_DEVICE_RETIRED`
 */
export function ownDevice(state: StateReader, id: Uint8Array, author: Uint8Array): Device {
  requireMember(state, author)
  const device = knownDevice(state, id)
  if (!equalBytes(device.owner, author))
    throw refused('ERR_NOT_THE_OWNER', 'only the member that owns a device does this', id)
  requireInForce(device, id)
  return device
}

/** @throws VitalchainError `ERR_DEVICE_REVOKED` or `ERR_DEVICE_RETIRED` */
export function requireInForce(device: Device, id: Uint8Array): void {
  if (device.revokedHeight !== undefined)
    throw refused('ERR_DEVICE_REVOKED', 'the device is revoked', id)
  if (device.retired !== undefined) throw refused('ERR_DEVICE_RETIRED', 'the device is retired', id)
}

/** @throws VitalchainError `ERR_NOT_A_MEMBER` */
export function requireMember(state: StateReader, author: Uint8Array): void {
  if (getMember(state, author) === undefined)
    throw new VitalchainError('ERR_NOT_A_MEMBER', 'only a member does this')
}

/** A refusal that names the device. */
export function refused(
  code: string,
  message: string,
  device: Uint8Array,
  retryable: boolean = false
): VitalchainError {
  return new VitalchainError(code, message, { values: { device: toHex(device) }, retryable })
}
