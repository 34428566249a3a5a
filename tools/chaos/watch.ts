import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiStatus } from '../../packages/node/src/dev/node-api.ts'
import type { Node } from './cluster.ts'

/** How often nodes are asked where they stand, ms. */
const POLL_MS = 250

/** How long a node may take to say it, ms: frozen ones do not answer. */
const ANSWER_MS = 1_000

/** A pause that is told when it ends, with where each node stood meanwhile, ms: longer than a view and a link take. */
const TOLD_MS = 3_000

/** How commits went on. */
export interface Watch {
  readonly height: number
  /** Longest time without a new block, ms. */
  readonly longestPauseMs: number
  /** The same while no more nodes were faulty than the network tolerates, ms. */
  readonly longestTolerablePauseMs: number
  /** Share of the time in which so many were faulty as tolerated or more, and in which more were. */
  readonly shares: { readonly atLeastTolerated: number; readonly more: number }
  stop(): void
}

/**
 * Watches how the highest block grows.
 *
 * @param faulty - how many nodes are faulty now, and how many may be
 * @param onPause - is told how long there was no block, when there is one again, ms, and where each node stood
 */
export function startWatch(
  nodes: readonly Node[],
  faulty: () => { readonly now: number; readonly tolerated: number },
  onPause: (ms: number, stood: readonly string[]) => void
): Watch {
  const begin = performance.now()
  let height = 0
  let grownAt = begin
  let tolerableSince = begin
  let longestPauseMs = 0
  let longestTolerablePauseMs = 0
  let polls = 0
  let full = 0
  let over = 0
  const asked = new Set<Node>()
  /** Where the nodes stood at their last answer within a pause. */
  const stood = new Map<Node, string>()
  const poll = (): void => {
    const now = performance.now()
    const { now: count, tolerated } = faulty()
    polls++
    if (count >= tolerated) full++
    if (count > tolerated) {
      over++
      tolerableSince = now
    }
    longestPauseMs = Math.max(longestPauseMs, now - grownAt)
    longestTolerablePauseMs = Math.max(
      longestTolerablePauseMs,
      now - Math.max(grownAt, tolerableSince)
    )
    for (const node of nodes) {
      if (asked.has(node) || node.process.pid === undefined) continue
      asked.add(node)
      look(node)
        .catch(() => undefined)
        .finally(() => asked.delete(node))
    }
  }
  const look = async (node: Node): Promise<void> => {
    const status = await node.api.status(ANSWER_MS)
    const now = performance.now()
    if (status.height <= height) {
      if (now - grownAt > TOLD_MS) stood.set(node, standing(node.name, status))
      return
    }
    height = status.height
    if (now - grownAt > TOLD_MS) onPause(now - grownAt, [...stood.values()])
    stood.clear()
    grownAt = now
  }
  const timer = setInterval(poll, POLL_MS)
  return {
    get height() {
      return height
    },
    get longestPauseMs() {
      return longestPauseMs
    },
    get longestTolerablePauseMs() {
      return longestTolerablePauseMs
    },
    get shares() {
      return { atLeastTolerated: full / Math.max(1, polls), more: over / Math.max(1, polls) }
    },
    stop: () => clearInterval(timer)
  }
}

function standing(name: string, status: ApiStatus): string {
  const { height, view, votes, waiting, deviceSessions, links } = status
  return `${name}: height ${height}, view ${view}, ${votes ? 'votes' : 'does not vote'}, links ${links}, waiting ${waiting}, devices ${deviceSessions}`
}

/** Events of a node's log that none may write while all are honest, with what they tell. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'validator broke the rules',
  'leader proposed an invalid block'
])

/** Of a block that a frozen node finds when it wakes: it is late, and nobody is to blame. */
const LATE = 'ERR_BLOCK_TIME'

/** Codes with which a node may stop itself: its disk was full. */
const STOP_CODES: ReadonlySet<string> = new Set(['ERR_STORE', 'ERR_CONSENSUS_HOST'])

/** What the nodes wrote into their logs. */
export interface LogReport {
  readonly views: number
  readonly highestView: number
  readonly rejected: number
  readonly violations: readonly string[]
}

/** Reads the logs of all nodes. */
export function readLogs(nodes: readonly Node[]): LogReport {
  let views = 0
  let highestView = 0
  let rejected = 0
  const violations: string[] = []
  for (const { name, dataDir } of nodes) {
    for (const line of readFileSync(join(dataDir, 'node.log'), 'utf8').split('\n')) {
      const entry = parse(line)
      if (entry === undefined) continue
      const { event } = entry
      if (event === 'view change') {
        views++
        highestView = Math.max(highestView, Number(entry['view'] ?? 0))
      }
      if (event === 'message rejected') rejected++
      const stopped = event === 'node stops' && !STOP_CODES.has(String(entry['code']))
      const forbidden = FORBIDDEN.has(String(event)) && entry['code'] !== LATE
      if (forbidden || stopped) violations.push(`${name} wrote ${line}`)
    }
  }
  return { views, highestView, rejected, violations }
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    // Cut short by a kill.
    return undefined
  }
}
