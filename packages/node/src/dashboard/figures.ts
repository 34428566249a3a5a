import { percentile } from '../dev/percentile.ts'
import type { CommitMeter, Meters } from '../observe/meters.ts'

/** How long a figure stands for, ms: short enough to look alive, long enough that a chart has no comb of empty seconds. */
export const FIGURE_MS: number = 2_000

/** How far back figures go: ten minutes. Each takes about 100 bytes. */
export const FIGURES_MAX: number = 300

/** Waiting times kept within one figure; of more than that every n-th would do, and the first ones say as much. */
const WAITED_MAX = 2_048

/** What became durable on this node in one span of two seconds. */
export interface Figure {
  /** When it began, ms since 1970 by this node's clock. */
  readonly at: number
  readonly blocks: number
  readonly transactions: number
  readonly readings: number
  /**
   * From when this node first had a transaction until it was durable here, ms: the middle one, and that which 99 of 100 do
   * not exceed. Null when it knew none of them before their block.
   */
  readonly latency: { readonly p50: number; readonly p99: number } | null
}

/** The last ten minutes of a node, for charts. */
export interface Figures {
  /** To be told by the node. */
  readonly meters: Meters
  /** Spans in which anything happened and that are over, oldest first; of those that began at `since` or later. */
  list(since?: number): readonly Figure[]
}

/** Counts what a node commits. */
export function createFigures(now: () => number = Date.now): Figures {
  const kept: Figure[] = []
  let open: (Omit<Figure, 'latency'> & { readonly waited: number[] }) | undefined

  /** Closes the span that is over, and forgets what is too old. */
  const settle = (): void => {
    const time = startOf(now())
    // A clock that was set back must not leave a span open for ever.
    if (open !== undefined && open.at !== time) {
      const { waited, ...counts } = open
      const p50 = percentile(waited, 0.5)
      const p99 = percentile(waited, 0.99)
      kept.push({
        ...counts,
        latency: p50 === undefined || p99 === undefined ? null : { p50, p99 }
      })
      open = undefined
    }
    while (kept.length > FIGURES_MAX || (kept[0]?.at ?? time) < time - FIGURES_MAX * FIGURE_MS)
      kept.shift()
  }

  const count = ({ executed, by, waitedMs }: CommitMeter): void => {
    settle()
    const before = open ?? {
      at: startOf(now()),
      blocks: 0,
      transactions: 0,
      readings: 0,
      waited: []
    }
    // What was fetched because this node was away waited for this node, not for the network.
    if (by === 'consensus')
      before.waited.push(...waitedMs.slice(0, WAITED_MAX - before.waited.length))
    open = {
      ...before,
      blocks: before.blocks + 1,
      transactions: before.transactions + executed.transactions.length,
      readings: before.readings + readingsIn(executed)
    }
  }

  return {
    meters: {
      submitting: () => nothing,
      admitted: nothing,
      proposed: nothing,
      heightDone: nothing,
      committed: count,
      receiptMade: nothing,
      httpAnswered: nothing,
      logged: nothing
    },
    list(since = 0) {
      settle()
      return kept.filter(({ at }) => at >= since)
    }
  }
}

function readingsIn({ transactions }: CommitMeter['executed']): number {
  let readings = 0
  for (const { transaction } of transactions)
    if (transaction.type === 'statement' && transaction.statement.type === 'readings')
      readings += transaction.statement.count
  return readings
}

function nothing(): void {
  // What figures do not count.
}

/** The beginning of the span that a time is in. */
function startOf(time: number): number {
  return time - (time % FIGURE_MS)
}
