import { setTimeout as pause } from 'node:timers/promises'
import { registerDeviceArgs, type RegisterDevice } from '@vitalchain/contracts'
import {
  callFormat,
  callTransaction,
  isVitalchainError,
  memberId,
  sha256,
  signCose
} from '@vitalchain/core'
import { operatorSigner } from '../testing/found-network.ts'
import type { Hospital } from './hospitals.ts'

/** How often it is asked whether the call is committed, ms. */
const POLL_MS = 25

/** Registers a device with its hospital, over the HTTP API; resolves when that is committed at the hospital. */
export async function registerDevice(
  { secrets, api }: Hospital,
  network: Uint8Array,
  device: RegisterDevice,
  signal: AbortSignal
): Promise<void> {
  const operator = operatorSigner(secrets)
  const author = memberId(operator.publicKey)
  const previous = await api.callHead(author)
  const args = registerDeviceArgs(device)
  const call = callFormat.encode({ network, author, previous, method: 'devices.register', args })
  const transaction = callTransaction(await signCose(operator, call))
  const id = sha256(call)
  while (!signal.aborted) {
    try {
      await api.submit({ transaction, payload: undefined })
      break
    } catch (error) {
      if (!isVitalchainError(error) || !error.retryable) throw error
      await pause(POLL_MS, undefined, { signal })
    }
  }
  while (!(await api.isCommitted(id))) await pause(POLL_MS, undefined, { signal })
}
