import { registerDeviceArgs, type RegisterDevice } from '@vitalchain/contracts'
import { memberId } from '@vitalchain/core'
import { operatorSigner } from '../testing/found-network.ts'
import type { Hospital } from './hospitals.ts'
import { operatorCall } from './operator-call.ts'

/** Registers a device with its hospital, over the HTTP API; resolves when that is committed at the hospital. */
export async function registerDevice(
  { secrets, api }: Pick<Hospital, 'secrets' | 'api'>,
  network: Uint8Array,
  device: RegisterDevice,
  signal: AbortSignal
): Promise<void> {
  const operator = operatorSigner(secrets)
  const author = memberId(operator.publicKey)
  const args = (): Uint8Array => registerDeviceArgs(device)
  await operatorCall(
    { api, network, operator, author },
    { method: 'devices.register', args },
    signal
  )
}
