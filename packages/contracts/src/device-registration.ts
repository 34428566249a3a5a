import {
  checkPublicKey,
  deviceId,
  equalBytes,
  hash32,
  laneRecordId,
  mapped,
  metricsCodec,
  MODEL_CHARACTERS_MAX,
  optional,
  publicKeyCodec,
  text,
  tuple,
  type Codec,
  type DeviceDescription,
  type PublicKey
} from '@vitalchain/core'
import { equalKeys } from './accounts.ts'
import { encodeArgs, method, type Method, type State } from './contract.ts'
import {
  appendOwned,
  deviceRecords,
  getDevice,
  getLane,
  knownDevice,
  laneKey,
  laneRecords,
  ownDevice,
  refused,
  requireMember
} from './device-records.ts'
import { getMember } from './member-records.ts'

/** The arguments of `devices.register`. */
export interface RegisterDevice {
  readonly publicKey: PublicKey
  readonly model: string
  readonly firmware: Uint8Array | undefined
  /** What it measures. Default: not stated. */
  readonly metrics?: readonly string[]
}

/** The arguments of `devices.revoke`. */
export interface RevokeDevice {
  readonly device: Uint8Array
}

/** The arguments of `devices.rekey`. */
export interface RekeyDevice {
  readonly device: Uint8Array
  readonly publicKey: PublicKey
}

const LANES = [0, 1] as const
const NO_STATEMENT = new Uint8Array(32)

/** How the arguments of `devices.register` are written. */
export const registerDeviceCodec: Codec<RegisterDevice> = mapped(
  tuple({
    publicKey: publicKeyCodec,
    model: text(MODEL_CHARACTERS_MAX),
    firmware: optional(hash32),
    metrics: metricsCodec
  }),
  (args): RegisterDevice => args,
  ({ metrics = [], ...args }) => ({ ...args, metrics })
)

/** How the arguments of `devices.revoke` are written. */
export const revokeDeviceCodec: Codec<RevokeDevice> = tuple({ device: hash32 })

/** How the arguments of `devices.rekey` are written. */
export const rekeyDeviceCodec: Codec<RekeyDevice> = tuple({
  device: hash32,
  publicKey: publicKeyCodec
})

/** The bytes of the arguments of `devices.register`. */
export function registerDeviceArgs(args: RegisterDevice): Uint8Array {
  return encodeArgs(registerDeviceCodec, args)
}

/** The bytes of the arguments of `devices.revoke`. */
export function revokeDeviceArgs(args: RevokeDevice): Uint8Array {
  return encodeArgs(revokeDeviceCodec, args)
}

/** The bytes of the arguments of `devices.rekey`. */
export function rekeyDeviceArgs(args: RekeyDevice): Uint8Array {
  return encodeArgs(rekeyDeviceCodec, args)
}

/** Makes a device known. @throws VitalchainError `ERR_KEY_INVALID`, `ERR_DEVICE_EXISTS` */
export function admitDevice(
  state: State,
  publicKey: PublicKey,
  device: DeviceDescription & {
    readonly owner: Uint8Array
    readonly claim: Uint8Array | undefined
    readonly registeredHeight: number
  }
): void {
  checkPublicKey(publicKey)
  const id = deviceId(publicKey)
  if (getDevice(state, id) !== undefined)
    throw refused('ERR_DEVICE_EXISTS', 'the device is registered already', id)
  deviceRecords.put(state, id, {
    ...device,
    publicKey,
    revokedHeight: undefined,
    ownerFromBoot: 0,
    formerOwner: undefined,
    offer: undefined,
    retired: undefined
  })
  appendOwned(state, device.owner, id)
}

/** The methods by which an operator binds, replaces and withdraws a device's key. */
export const registrationMethods: Readonly<Record<'register' | 'revoke' | 'rekey', Method>> = {
  // spec D-1
  register: method(
    registerDeviceCodec,
    (state, { publicKey, model, firmware, metrics = [] }, { author }, { height }) => {
      requireMember(state, author)
      admitDevice(state, publicKey, {
        owner: author,
        model,
        firmware,
        metrics,
        claim: undefined,
        registeredHeight: height
      })
    }
  ),
  // spec D-2
  revoke: method(revokeDeviceCodec, (state, { device: id }, { author }, { height }) => {
    requireMember(state, author)
    const device = knownDevice(state, id)
    // Devices outlive the membership of their owner: somebody must be able to stop them.
    const isOrphan = getMember(state, device.owner) === undefined
    if (!isOrphan && !equalBytes(device.owner, author))
      throw refused('ERR_NOT_THE_OWNER', 'only the member that owns a device revokes it', id)
    if (device.revokedHeight !== undefined)
      throw refused('ERR_DEVICE_REVOKED', 'the device is revoked already', id)
    deviceRecords.put(state, id, { ...device, revokedHeight: height })
  }),
  // spec D-12
  rekey: method(rekeyDeviceCodec, (state, { device: id, publicKey }, { author }) => {
    const device = ownDevice(state, id, author)
    checkPublicKey(publicKey)
    if (LANES.some(lane => equalKeys(laneKey(device, getLane(state, id, lane)), publicKey)))
      throw refused('ERR_NOTHING_CHANGES', 'the device signs with this key already', id)
    deviceRecords.put(state, id, { ...device, publicKey })
    for (const number of LANES) {
      const lane = getLane(state, id, number)
      if (lane === undefined) continue
      const key = laneRecordId(id, number)
      // A lane that was closed before its first statement begins as if it had never been.
      if (equalBytes(lane.head, NO_STATEMENT)) laneRecords.delete(state, key)
      else
        laneRecords.put(state, key, {
          ...lane,
          publicKey: undefined,
          quarantinedHeight: undefined
        })
    }
  })
}
