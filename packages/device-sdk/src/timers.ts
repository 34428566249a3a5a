/** What the SDK needs of time. Wall-clock time is not among it: a device's clock may be wrong. */
export interface DeviceTimers {
  /** Milliseconds since some moment, never going back. */
  elapsed(): number
  /** Calls back once after so many ms. The answer cancels that. */
  after(ms: number, callback: () => void): () => void
}

/** The platform's own timers. */
export const systemTimers: DeviceTimers = {
  elapsed: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  }
}

/** Resolves after so many ms, or at once when the signal is aborted. Never rejects. */
export function pause(timers: DeviceTimers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = timers.after(ms, done)
    signal.addEventListener('abort', done)
  })
}
