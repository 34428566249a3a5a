/** Wakes all who wait for something to change. */
export class Waiters {
  readonly #waiting = new Set<() => void>()

  /** Resolves with the next {@link wake}, or when the signal is aborted. Never rejects. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted === true) return resolve()
      const done = (): void => {
        this.#waiting.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal?.addEventListener('abort', done)
    })
  }

  wake(): void {
    for (const done of this.#waiting) done()
  }
}
