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
  const previous = await untilAnswered(() => api.callHead(author), signal)
  const args = registerDeviceArgs(device)
  const call = callFormat.encode({ network, author, previous, method: 'devices.register', args })
  const transaction = callTransaction(await signCose(operator, call))
  const id = sha256(call)
  const submit = async (): Promise<void> => {
    try {
      await api.submit({ transaction, payload: undefined })
    } catch (error) {
      // An answer that was lost: then the receipt is there.
      if (!isVitalchainError(error) || error.code !== 'ERR_ALREADY_COMMITTED') throw error
    }
  }
  // Again from the start when the node does not answer: one that was killed forgets what waited.
  await untilAnswered(async () => {
    await untilAnswered(submit, signal)
    while (!(await api.isCommitted(id))) await pause(POLL_MS, undefined, { signal })
  }, signal)
}

/** Asks again while the error is one that passes. */
async function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  while (true) {
    try {
      return await ask()
    } catch (error) {
      if (!isVitalchainError(error) || !error.retryable) throw error
      await pause(POLL_MS, undefined, { signal })
    }
  }
}
