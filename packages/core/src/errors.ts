/**
 * Values that help to understand an error: numbers, short names and hashes. Never a secret and never
 * anything about a patient, because errors end in logs.
 */
export type ErrorValues = Readonly<Record<string, string | number | boolean>>

/** What a caller may add to an error. */
export interface ErrorDetails extends ErrorOptions {
  /** The values behind the message. */
  readonly values?: ErrorValues
  /** Whether the same call can succeed later without a change to its input. Default: false. */
  readonly retryable?: boolean
}

/**
 * The one error class of vitalchain. Callers test `code`, which is stable and listed in
 * `docs/errors.md`; the message is for people and may change.
 */
export class VitalchainError extends Error {
  /** A stable code, `ERR_…`. */
  readonly code: string
  /** Whether the same call can succeed later without a change to its input. */
  readonly retryable: boolean
  /** The values behind the message. */
  readonly values: ErrorValues

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.name = 'VitalchainError'
    this.code = code
    this.retryable = details.retryable ?? false
    this.values = details.values ?? {}
  }
}

/** Whether a value is a {@link VitalchainError}, also one from another copy of this package. */
export function isVitalchainError(value: unknown): value is VitalchainError {
  return value instanceof Error && value.name === 'VitalchainError' && 'code' in value
}

/** The code of an error, or `ERR_INTERNAL` for one that is not ours. */
export function errorCode(error: unknown): string {
  return isVitalchainError(error) ? error.code : 'ERR_INTERNAL'
}
