import { equalKeys, getDevice, getLane, laneKey, type StateReader } from '@vitalchain/contracts'
import { VitalchainError, type PublicKey } from '@vitalchain/core'

const LANES = [0, 1] as const

/**
 * Checks that a key which signed a session is the key of the device that it names: the one that signs next in either
 * lane, because a rotation reaches them one after the other. A revoked device may still read its own chain: what it
 * recorded stays its owner's evidence. spec S-2
 *
 * @throws VitalchainError `ERR_DEVICE_UNKNOWN` or `ERR_SIGNATURE`
 */
export function checkDeviceKey(state: StateReader, device: Uint8Array, key: PublicKey): void {
  const known = getDevice(state, device)
  if (known === undefined) {
    throw new VitalchainError('ERR_DEVICE_UNKNOWN', 'no such device is registered')
  }
  if (!LANES.some(lane => equalKeys(laneKey(known, getLane(state, device, lane)), key)))
    throw new VitalchainError('ERR_SIGNATURE', "the session is not signed by the device's key")
}
