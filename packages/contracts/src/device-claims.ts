import {
  checkPublicKey,
  claimId,
  deviceId,
  ENROL_METHOD,
  enrolDeviceCodec,
  equalBytes,
  hash32,
  metricsCodec,
  MODEL_CHARACTERS_MAX,
  optional,
  publicKeyCodec,
  text,
  toHex,
  tuple,
  uint,
  verifyEnrolProof,
  VitalchainError,
  type Codec,
  type DeviceDescription,
  type PublicKey
} from '@vitalchain/core'
import { accounts, closeAccount } from './accounts.ts'
import { encodeArgs, method, type Method, type StateReader } from './contract.ts'
import { admitDevice } from './device-registration.ts'
import { requireMember } from './device-records.ts'
import { getMember } from './member-records.ts'
import { table, type Table } from './table.ts'

/** Blocks that a claim may live: weeks of a busy network, and a claim in a drawer ends some day. */
export const CLAIM_BLOCKS_MAX: number = 1_000_000

/** The arguments of `devices.claim`: one device may enrol with this key, if it is what the operator expects. */
export interface ClaimDevice {
  readonly claimKey: PublicKey
  readonly model: string
  /** SHA-256 of the firmware that it must state; undefined: any. */
  readonly firmware: Uint8Array | undefined
  /** What it may measure at most; undefined: anything. */
  readonly metrics: readonly string[] | undefined
  /** The last height at which the claim is good. */
  readonly expires: number
}

/** The arguments of `devices.unclaim`. */
export interface UnclaimDevice {
  readonly claim: Uint8Array
}

/** A claim as the ledger knows it. */
export interface Claim extends Omit<ClaimDevice, 'claimKey'> {
  /** The member that made it and will own the device. */
  readonly issuer: Uint8Array
  /** When it ended, and by which device; undefined without a device: the issuer withdrew it. */
  readonly ended: { readonly height: number; readonly device: Uint8Array | undefined } | undefined
}

const expectation = {
  model: text(MODEL_CHARACTERS_MAX),
  firmware: optional(hash32),
  metrics: optional(metricsCodec),
  expires: uint()
}

const records: Table<Claim> = table(
  'devices',
  'claim',
  tuple({
    issuer: hash32,
    ...expectation,
    ended: optional(tuple({ height: uint(), device: optional(hash32) }))
  })
)

/** How the arguments of `devices.claim` are written. */
export const claimDeviceCodec: Codec<ClaimDevice> = tuple({
  claimKey: publicKeyCodec,
  ...expectation
})

/** How the arguments of `devices.unclaim` are written. */
export const unclaimDeviceCodec: Codec<UnclaimDevice> = tuple({ claim: hash32 })

/** The bytes of the arguments of `devices.claim`. */
export function claimDeviceArgs(args: ClaimDevice): Uint8Array {
  return encodeArgs(claimDeviceCodec, args)
}

/** The bytes of the arguments of `devices.unclaim`. */
export function unclaimDeviceArgs(args: UnclaimDevice): Uint8Array {
  return encodeArgs(unclaimDeviceCodec, args)
}

/** A claim's record, or undefined for one that nobody made. */
export function getClaim(state: StateReader, id: Uint8Array): Claim | undefined {
  return records.get(state, id)
}

/** The methods by which a device enrols itself with what its operator prepared. */
export const claimMethods: Readonly<Record<'claim' | 'unclaim' | 'enrol', Method>> = {
  // spec D-9
  claim: method(claimDeviceCodec, (state, { claimKey, ...expected }, { author }, { height }) => {
    requireMember(state, author)
    checkPublicKey(claimKey)
    const id = claimId(claimKey)
    if (records.get(state, id) !== undefined)
      throw claimError('ERR_CLAIM_EXISTS', 'there is or was a claim with this key', id)
    if (expected.expires <= height || expected.expires > height + CLAIM_BLOCKS_MAX)
      throw claimError('ERR_CLAIM_EXPIRED', `a claim ends 1 to ${CLAIM_BLOCKS_MAX} blocks on`, id)
    records.put(state, id, { issuer: author, ...expected, ended: undefined })
    accounts.bind(state, id, claimKey, [ENROL_METHOD])
  }),
  // spec D-9
  unclaim: method(unclaimDeviceCodec, (state, { claim: id }, { author }, { height }) => {
    requireMember(state, author)
    const claim = records.get(state, id)
    if (claim === undefined || claim.ended !== undefined)
      throw claimError('ERR_CLAIM_UNKNOWN', 'there is no such open claim', id)
    if (!equalBytes(claim.issuer, author))
      throw claimError('ERR_NOT_THE_OWNER', 'only the member that made a claim withdraws it', id)
    records.put(state, id, { ...claim, ended: { height, device: undefined } })
    closeAccount(state, id)
  }),
  // spec D-10
  enrol: method(enrolDeviceCodec, (state, device, { author: id }, { height, network }) => {
    const claim = records.get(state, id)
    if (claim === undefined || claim.ended !== undefined)
      throw claimError('ERR_CLAIM_UNKNOWN', 'only an open claim enrols a device', id)
    if (height > claim.expires)
      throw claimError('ERR_CLAIM_EXPIRED', 'the claim is over: the operator makes a new one', id)
    if (getMember(state, claim.issuer) === undefined)
      throw claimError('ERR_NOT_A_MEMBER', 'the member that made the claim is none any more', id)
    requireExpected(claim, device, id)
    checkPublicKey(device.publicKey)
    if (!verifyEnrolProof(network, id, device))
      throw claimError('ERR_KEY_PROOF', "the device's key did not sign its enrolment", id)
    const { publicKey, model, firmware, metrics } = device
    admitDevice(state, publicKey, {
      owner: claim.issuer,
      model,
      firmware,
      metrics,
      claim: id,
      registeredHeight: height
    })
    records.put(state, id, { ...claim, ended: { height, device: deviceId(publicKey) } })
    closeAccount(state, id)
  })
}

function requireExpected(claim: Claim, device: DeviceDescription, id: Uint8Array): void {
  const { model, firmware, metrics } = claim
  const fits =
    device.model === model &&
    (firmware === undefined ||
      (device.firmware !== undefined && equalBytes(device.firmware, firmware))) &&
    (metrics === undefined || device.metrics.every(metric => metrics.includes(metric)))
  if (!fits)
    throw claimError('ERR_CLAIM_MISMATCH', 'the device is not what the operator expects', id)
}

function claimError(code: string, message: string, claim: Uint8Array): VitalchainError {
  return new VitalchainError(code, message, { values: { claim: toHex(claim) } })
}
