import { VitalchainError } from '@vitalchain/core'

/** Aborts its signal when nothing has happened for a while. */
export interface Watchdog {
  readonly signal: AbortSignal
  /** Something happened: the time starts anew. */
  touch(): void
  /** Stops the time until the next {@link touch}: the wait is not the other side's fault. */
  pause(): void
  /** Aborts now. */
  abort(error: Error): void
  /** Why the signal was aborted, as an error. */
  reason(): Error
  /** Ends the watch and lets go of the timer. */
  stop(): void
}

/** A {@link Watchdog} of `timeoutMs` milliseconds that also follows `parent`. */
export function watchdog(timeoutMs: number, parent?: AbortSignal): Watchdog {
  const controller = new AbortController()
  const signal =
    parent === undefined ? controller.signal : AbortSignal.any([controller.signal, parent])
  let timer: NodeJS.Timeout | undefined
  const pause = (): void => clearTimeout(timer)
  const touch = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      controller.abort(
        new VitalchainError('ERR_TIMEOUT', `no progress for ${timeoutMs} ms`, {
          values: { timeoutMs },
          retryable: true
        })
      )
    }, timeoutMs)
  }
  touch()
  return {
    signal,
    touch,
    pause,
    abort: error => controller.abort(error),
    reason: () => (signal.reason instanceof Error ? signal.reason : new Error('aborted')),
    stop: pause
  }
}

/** The promise's result, or the signal's reason as soon as it aborts; the promise is then ignored. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) {
      onAbort()
    }
    return await Promise.race([aborted.promise, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
