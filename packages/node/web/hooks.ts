import { useEffect, useRef, useState } from 'preact/hooks'
import { askJson } from './api.ts'

/** Something that is asked for. */
export interface Asked<T> {
  /** The newest answer; stays while a later one fails. */
  readonly data: T | undefined
  /** Why the newest request failed. */
  readonly error: Error | undefined
}

/**
 * JSON of the node, asked for again and again while the page is seen.
 *
 * @param path - undefined asks for nothing
 * @param everyMs - 0 asks once
 */
export function useAsked<T>(path: string | undefined, everyMs: number = 0): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { readonly path?: string | undefined }>({
    data: undefined,
    error: undefined
  })
  useEffect(() => {
    if (path === undefined) return undefined
    const gone = new AbortController()
    const run = async (): Promise<void> => {
      try {
        const data = await askJson<T>(path, gone.signal)
        if (!gone.signal.aborted) setAsked({ path, data, error: undefined })
      } catch (error) {
        if (gone.signal.aborted) return
        const told = error instanceof Error ? error : new Error(String(error))
        setAsked(before => ({
          path,
          data: before.path === path ? before.data : undefined,
          error: told
        }))
      }
    }
    return repeat(run, everyMs, gone)
  }, [path, everyMs])
  // An answer to another question is none.
  return asked.path === path ? asked : { data: undefined, error: undefined }
}

/** Runs a task at once and then again and again, one run at a time, never while the page is hidden. */
export function useRepeated(task: (signal: AbortSignal) => Promise<void>, everyMs: number): void {
  const newest = useRef(task)
  newest.current = task
  useEffect(() => {
    const gone = new AbortController()
    return repeat(() => newest.current(gone.signal), everyMs, gone)
  }, [everyMs])
}

function repeat(run: () => Promise<void>, everyMs: number, gone: AbortController): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let busy = false
  const next = async (): Promise<void> => {
    if (busy) return
    busy = true
    clearTimeout(timer)
    try {
      await run()
    } finally {
      busy = false
      if (everyMs > 0 && !gone.signal.aborted && !document.hidden)
        timer = setTimeout(() => void next(), everyMs)
    }
  }
  const onSeen = (): void => {
    if (!document.hidden && everyMs > 0) void next()
  }
  document.addEventListener('visibilitychange', onSeen)
  void next()
  return () => {
    gone.abort()
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onSeen)
  }
}
