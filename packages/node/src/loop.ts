/** Something that is done again and again from `start` to `stop`. */
export interface Loop {
  start(): void
  stop(): Promise<void>
  /** There may be something to do: what is left of the wait is skipped. */
  wake(): void
}

/**
 * Makes a {@link Loop}.
 *
 * @param turn - does it once, less when the signal aborts, and returns how long to wait before the next time, ms; Infinity: until woken. It throws nothing.
 */
export function createLoop(turn: (signal: AbortSignal) => Promise<number>): Loop {
  let stopping = new AbortController()
  let awake = new AbortController()
  let running: Promise<void> = Promise.resolve()

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Before the turn: who wakes it meanwhile has something new.
      awake = new AbortController()
      const wait = await turn(signal)
      if (wait > 0) await pause(wait, AbortSignal.any([signal, awake.signal]))
    }
  }

  return {
    start() {
      stopping = new AbortController()
      running = run(stopping.signal)
    },
    async stop() {
      stopping.abort()
      await running
    },
    wake: () => awake.abort()
  }
}

/** Waits so many ms, Infinity for ever, or less when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = ms === Infinity ? undefined : setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}
