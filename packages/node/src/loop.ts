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
  let woken = false
  let endWait: (() => void) | undefined
  let running: Promise<void> = Promise.resolve()

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Before the turn: who wakes it meanwhile has something new.
      woken = false
      const wait = await turn(signal)
      if (wait > 0 && !woken) await rest(wait)
    }
  }

  // Not by a signal: each commit wakes several loops, and an abort makes an error with a stack.
  function rest(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = ms === Infinity ? undefined : setTimeout(resolve, ms)
      endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function wake(): void {
    woken = true
    endWait?.()
  }

  return {
    start() {
      stopping = new AbortController()
      running = run(stopping.signal)
    },
    async stop() {
      stopping.abort()
      wake()
      await running
    },
    wake
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
