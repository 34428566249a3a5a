import { isVitalchainError, type VitalchainError } from '../../src/errors.ts'

/** The error of a call that must refuse; throws what it threw when that is no error of ours. */
export function refusalOf(call: () => unknown): VitalchainError | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (isVitalchainError(error)) return error
    throw error
  }
}
