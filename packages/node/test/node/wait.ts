import type { LedgerNode } from '../../src/index.ts'

/** Waits until a node has committed so many transactions, by its own events. */
export async function committedCount(node: LedgerNode, count: number): Promise<void> {
  const ended = new AbortController()
  let seen = 0
  for await (const _ of node.events({
    signal: AbortSignal.any([ended.signal, AbortSignal.timeout(20_000)])
  })) {
    seen++
    if (seen >= count) ended.abort()
  }
  if (seen < count) throw new Error(`${seen} of ${count} transactions were committed in time`)
}

/** Waits until something holds, looking again at each commit of a node and every 20 ms. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
