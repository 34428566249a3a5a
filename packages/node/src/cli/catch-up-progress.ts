import type { ErrorValues } from '@vitalchain/core'
import type { LedgerNode } from '../types.ts'
import type { CliIo } from './io.ts'
import { barText } from './progress-bar.ts'

/** How often it is looked how far the node is, ms, and how often the log is told. */
const LOOK_MS = 500
const LOG_MS = 5_000

/** Blocks that a node may be behind without a word: those that are under way. */
const BEHIND_MIN = 5

/** Tells how far a node is that fetches what it missed. */
export interface CatchUpProgress {
  /** Looks once; the timer does it too. */
  look(): void
  stop(): void
}

/**
 * Watches a node that started: while others are ahead, a line of the log now and then says how far it is, and a bar shows it on a
 * terminal.
 */
export function watchCatchUp({
  node,
  log,
  paint,
  now = Date.now
}: {
  readonly node: Pick<LedgerNode, 'status' | 'members'>
  readonly log: (event: string, values: ErrorValues) => void
  readonly paint?: CliIo['paint']
  readonly now?: () => number
}): CatchUpProgress {
  let from: { readonly height: number; readonly time: number } | undefined
  let logged = 0

  function look(): void {
    const { height } = node.status()
    const ahead = Math.max(...node.members().map(each => each.height ?? 0), 0)
    const time = now()
    if (ahead - height < (from === undefined ? BEHIND_MIN : 1)) {
      if (from !== undefined) end(height, time)
      return
    }
    from ??= { height, time }
    const done = height - from.height
    const total = ahead - from.height
    if (time - logged >= LOG_MS) {
      logged = time
      log('catching up', { height, of: ahead, seconds: Math.round((time - from.time) / 1_000) })
    }
    const text = barText('fetching blocks', { done, total }, time - from.time)
    paint?.(columns => [text.slice(0, columns - 1)])
  }

  function end(height: number, time: number): void {
    const ms = time - (from?.time ?? time)
    log('caught up', { height, blocks: height - (from?.height ?? height), ms })
    from = undefined
    paint?.(() => [])
  }

  const timer = setInterval(() => {
    try {
      look()
    } catch {
      // The node stopped by itself: whoever waits for that says so.
      clearInterval(timer)
    }
  }, LOOK_MS)
  timer.unref()
  return {
    look,
    stop() {
      clearInterval(timer)
      if (from !== undefined) paint?.(() => [])
    }
  }
}
