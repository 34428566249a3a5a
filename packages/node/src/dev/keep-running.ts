import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, type VitalchainError } from '@vitalchain/core'
import type { HospitalProcess } from './hospital-process.ts'

/** How long a node that ended stays down before it is started again, ms: long enough to be seen. */
const RESTART_MS = 2_000

/** A node that ends sooner than this after it was ready did not come back, ms. */
const STABLE_MS = 3_000

/** Starts in a row that may fail: the fourth would end the same way. */
const FAILURES_MAX = 3

/** Starts nodes again that ended by themselves, on the same directories. */
export interface Keeper {
  /** To be told of each node that ended by itself. */
  ended(hospital: Kept, error: VitalchainError): void
  /** Starts nothing any more. */
  stop(): void
}

/** What a {@link Keeper} needs of a hospital. */
export interface Kept {
  readonly name: string
  readonly process: Pick<HospitalProcess, 'pid' | 'start'>
}

/** Settings of {@link createKeeper}. */
export interface KeeperOptions {
  /** Told in one line what ended and what came back. */
  readonly say: (line: string) => void
  /** Told why a node does not come back. */
  readonly onFault: (error: unknown) => void
  /** How long a node stays down, ms. */
  readonly restartMs?: number
}

/** Makes a {@link Keeper}. */
export function createKeeper({ say, onFault, restartMs = RESTART_MS }: KeeperOptions): Keeper {
  const stopped = new AbortController()
  const { signal } = stopped
  /** When each was ready last, and how often in a row it was not for long. */
  const known = new Map<string, { readyAt: number; failures: number }>()

  const startAgain = async ({ name, process }: Kept, cause: VitalchainError): Promise<void> => {
    const state = known.get(name) ?? { readyAt: Number.NEGATIVE_INFINITY, failures: 0 }
    known.set(name, state)
    if (performance.now() - state.readyAt < STABLE_MS) state.failures++
    else state.failures = 0
    if (state.failures < FAILURES_MAX)
      say(`${cause.message}; it is started again in ${restartMs / 1_000} s`)
    let last: unknown = cause
    while (state.failures < FAILURES_MAX) {
      await pause(restartMs, undefined, { signal })
      try {
        await process.start()
      } catch (error) {
        if (signal.aborted) return
        last = error
        state.failures++
        say(
          `${name} did not start again (${errorCode(error)}), ${state.failures} of ${FAILURES_MAX}`
        )
        continue
      }
      state.readyAt = performance.now()
      say(`${name} runs again: process ${process.pid ?? 'ended'}`)
      return
    }
    onFault(last)
  }

  return {
    ended(hospital, error) {
      if (signal.aborted) return
      startAgain(hospital, error).catch((fault: unknown) => {
        if (!signal.aborted) onFault(fault)
      })
    },
    stop: () => stopped.abort()
  }
}
