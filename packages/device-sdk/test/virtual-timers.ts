import type { Test } from 'tap'
import type { DeviceTimers } from '../src/index.ts'

/** Time for tests: it jumps to the next timer as soon as nothing else has anything to do. Nothing is slept. */
export interface VirtualTimers extends DeviceTimers {
  /** Timers set and neither fired nor cancelled. */
  readonly pending: number
  /** Moves time on without firing anything: a device that was busy elsewhere. */
  skip(ms: number): void
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>
}

/** Turns of the event loop without a new timer before time jumps: the fake ledger commits in one of its own. */
const QUIET_TURNS = 4

/** `jump: false` = timers fire only when the test skips beyond them. */
export function virtualTimers(t: Pick<Test, 'teardown'>, { jump = true } = {}): VirtualTimers {
  let now = 0
  let next = 0
  let running = true
  let quiet = 0
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>()
  t.teardown(() => {
    running = false
  })

  const turn = (): void => {
    if (!running) return
    const due = [...timers].toSorted(([i, a], [j, b]) => a.at - b.at || i - j)[0]
    if (due !== undefined && (due[1].at <= now || (jump && quiet >= QUIET_TURNS))) {
      timers.delete(due[0])
      now = Math.max(now, due[1].at)
      quiet = 0
      due[1].callback()
    }
    quiet++
    setImmediate(turn)
  }
  setImmediate(turn)

  return {
    elapsed: () => now,
    after(ms, callback) {
      const key = next++
      quiet = 0
      timers.set(key, { at: now + ms, callback })
      return () => void timers.delete(key)
    },
    get pending() {
      return timers.size
    },
    skip(ms) {
      now += ms
    },
    async settle() {
      for (let k = 0; k < 20; k++) await new Promise(resolve => setImmediate(resolve))
    }
  }
}
