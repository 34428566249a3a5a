import { getDevice, type StateReader } from '@vitalchain/contracts'
import { equalBytes, VitalchainError, type PublicKey } from '@vitalchain/core'

/**
 * Checks that a key which signed a session is the key of the device that it names. A revoked device may still read its own
 * chain: what it recorded stays its owner's evidence.
 *
 * @throws VitalchainError `ERR_DEVICE_UNKNOWN` or `ERR_SIGNATURE`
 */
export function checkDeviceKey(state: StateReader, device: Uint8Array, key: PublicKey): void {
  const known = getDevice(state, device)
  if (known === undefined) {
    throw new VitalchainError('ERR_DEVICE_UNKNOWN', 'no such device is registered')
  }
  if (
    known.publicKey.algorithm !== key.algorithm ||
    !equalBytes(known.publicKey.bytes, key.bytes)
  ) {
    throw new VitalchainError('ERR_SIGNATURE', "the session is not signed by the device's key")
  }
}
