import {
  decodeLaneRecord,
  equalBytes,
  laneStateKey,
  VitalchainError,
  type LaneRecord,
  type ProvenState
} from '@vitalchain/core'
import { decodeDevice, deviceStateKey, type Device } from './device-records.ts'

/** What a proven state says of a device at a height. */
export type DeviceStanding =
  /** Nobody had registered it by then. */
  | { readonly type: 'unregistered' }
  /** Its statements were taken. */
  | { readonly type: 'registered'; readonly record: Device }
  /** It was revoked in this height's block or before: see `record.revokedHeight`. */
  | { readonly type: 'revoked'; readonly record: Device }

/**
 * Whether a device was registered, and not revoked, after the block of a height: one state proof of a device's key tells
 * it for every height up to its header, because the record keeps both heights and is never deleted. spec D-1, D-2
 *
 * @param proven - what `verifyStateProofDocument` returned for `deviceStateKey(device)`
 * @param height - by default the header's
 * @throws VitalchainError `ERR_STATE_PROOF` for a proof of another key, `ERR_STATE_HEIGHT` for a height above the header
 */
export function deviceStanding(
  proven: ProvenState,
  device: Uint8Array,
  height: number = proven.header.height
): DeviceStanding {
  if (!equalBytes(proven.key, deviceStateKey(device)))
    throw new VitalchainError('ERR_STATE_PROOF', "the state proof is not of this device's record")
  if (!(height <= proven.header.height)) {
    throw new VitalchainError(
      'ERR_STATE_HEIGHT',
      `a proof of height ${proven.header.height} says nothing of a later one`,
      { values: { height, proven: proven.header.height } }
    )
  }
  const record = proven.value === undefined ? undefined : decodeDevice(proven.value)
  if (record === undefined || record.registeredHeight > height) return { type: 'unregistered' }
  const isRevoked = record.revokedHeight !== undefined && record.revokedHeight <= height
  return { type: isRevoked ? 'revoked' : 'registered', record }
}

/**
 * Where a lane of a device stood after the header's block; undefined when it had sent nothing.
 *
 * @param proven - what `verifyStateProofDocument` returned for `laneStateKey(device, lane)`
 * @throws VitalchainError `ERR_STATE_PROOF` for a proof of another key
 */
export function laneHead(
  proven: ProvenState,
  device: Uint8Array,
  lane: 0 | 1
): LaneRecord | undefined {
  if (!equalBytes(proven.key, laneStateKey(device, lane)))
    throw new VitalchainError('ERR_STATE_PROOF', "the state proof is not of this lane's record")
  return proven.value === undefined ? undefined : decodeLaneRecord(proven.value)
}
