import type { ErrorValues } from '@vitalchain/core'
import type { Effect, Input } from '@vitalchain/consensus'
import type { Meters } from '../observe/meters.ts'

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/**
 * Measures where the time of each height goes, from what enters and leaves the replica: one line of the log for each
 * height, and the same for meters. For operators and benchmarks; nothing hangs on it.
 */
export interface HeightTiming {
  input(event: Without<Input, 'now'>): void
  effect(effect: Effect): void
}

/** What a proposal says that is timed. */
interface Proposal {
  readonly height: number
  readonly view: number
  readonly block: { readonly transactions: readonly Uint8Array[] }
}

/** What is known of the height under way. Times are of a monotonic clock, ms. */
interface Marks {
  readonly height: number
  /** The leader: when it asked for its proposal to be signed; others: when the proposal came in. */
  begin: number
  leads: boolean
  view: number
  /** When the last step of the vote ended. */
  last: number
  /** ms of each step. */
  readonly steps: Record<string, number>
  /** Writes that were waited for. */
  syncs: number
  readonly transactions: number
}

/**
 * Makes a {@link HeightTiming} that writes `height timing` with, in ms: `total` from the proposal (signed by the leader, or
 * received) to the block durable with its certificate; and its parts, `validate`, `prepare`, `commit` (sign and sync of that
 * vote), `prepares`, `commits` (waits for the quorum of the others), `block` (the write of the block).
 *
 * @param clock - monotonic, ms
 * @param log - undefined when the log is not to have it
 */
export function createHeightTiming(
  clock: () => number,
  log: ((event: string, values: ErrorValues) => void) | undefined,
  meters?: Pick<Meters, 'proposed' | 'heightDone'>
): HeightTiming {
  let marks: Marks | undefined
  let building: number | undefined

  const begin = ({ height, view, block: { transactions } }: Proposal, leads: boolean): void => {
    if (marks?.height === height && marks.view >= view) return
    const now = clock()
    const steps = leads && building !== undefined ? { build: now - building } : {}
    const count = transactions.length
    marks = { height, begin: now, leads, view, last: now, steps, syncs: 0, transactions: count }
    meters?.proposed({ height, view, transactions })
  }
  /** Ends a step that began when the last one ended. */
  const step = (name: string): void => {
    if (marks === undefined) return
    const now = clock()
    marks.steps[name] = (marks.steps[name] ?? 0) + now - marks.last
    marks.last = now
  }

  return {
    input(event) {
      if (event.type === 'message' && event.message.type === 'proposal') begin(event.message, false)
      else if (event.type === 'validated') step('validate')
      else if (event.type === 'signed') {
        const kind = event.votes.at(-1)?.type
        if (kind === 'prepare' || kind === 'commit') step(kind)
        if (marks !== undefined) marks.syncs++
      } else if (event.type === 'committed' && marks?.height === event.context.height - 1) {
        step('block')
        const { height, view, leads, transactions } = marks
        const steps = { total: clock() - marks.begin, ...marks.steps }
        const values = { height, view, leads, transactions, syncs: marks.syncs + 1 }
        meters?.heightDone({ ...values, steps })
        const parts = Object.fromEntries(
          Object.entries(steps).map(([name, ms]) => [name, hundredths(ms)])
        )
        log?.('height timing', { ...values, ...parts })
        marks = undefined
      }
    },
    effect(effect) {
      if (effect.type === 'build') building = clock()
      else if (effect.type === 'sign') {
        const first = effect.votes[0]?.message
        if (first?.type === 'proposal') begin(first, true)
        else if (first?.type === 'commit') step('prepares')
      } else if (effect.type === 'commit') step('commits')
    }
  }
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100
}
