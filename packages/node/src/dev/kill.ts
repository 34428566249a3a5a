import { isVitalchainError, VitalchainError } from '@vitalchain/core'
import type { BatchLog } from './batch-log.ts'
import type { Hospital } from './hospitals.ts'
import type { KillPlan } from './kill-plan.ts'
import type { ApiStatus } from './node-api.ts'

/** How long the survivors may take to decide the next block before the killed validator comes back anyway, ms. */
const NEXT_BLOCK_MS = 2_000

/** How long they may take until a block is decided without the leader that was killed, ms. */
const VIEW_CHANGE_MS = 20_000

/** What a kill did, before and after. */
export interface KillReport {
  readonly validator: string
  /** Where the network stood when the process was killed. */
  readonly before: { readonly height: number; readonly view: number; readonly pid: number }
  /** The block that the others decided without it, if they did in time, and the process that came back. */
  readonly after: {
    readonly height: number | undefined
    readonly view: number | undefined
    readonly pid: number
  }
}

/**
 * Waits until the plan's share of the readings is committed, kills the validator with SIGKILL, and starts it again:
 * after the next block; if it led, after the first block that a later view decided.
 */
export async function carryOutKill(
  { victim, share }: KillPlan,
  {
    hospitals,
    readings,
    log,
    say,
    signal
  }: {
    readonly hospitals: readonly Hospital[]
    /** How many readings the replay has. */
    readonly readings: number
    readonly log: BatchLog
    readonly say: (line: string) => void
    readonly signal: AbortSignal
  }
): Promise<KillReport | undefined> {
  await log.committed(Math.ceil(readings * share), signal)
  if (signal.aborted) return undefined
  const status = await newestStatus(hospitals)
  const hospital =
    victim === 'primary' ? hospitals.find(({ name }) => name === status.leader) : hospitals[victim]
  if (hospital === undefined) {
    throw new VitalchainError('ERR_NO_LEADER', 'no validator says who leads')
  }
  const before = { height: status.height, view: status.view, pid: hospital.process.pid ?? 0 }
  await hospital.process.kill()
  const who = `${hospital.name}${victim === 'primary' ? ', the primary' : ''}`
  const at = `${Math.round(share * 100)} % (${log.counts.committed} of ${readings} readings)`
  say(
    `killed ${who}, at ${at}: height ${before.height}, process ${before.pid}, view ${before.view}`
  )
  const block = await log.decided(
    ({ height, view }) => height > before.height && (victim !== 'primary' || view > 0),
    AbortSignal.any([
      signal,
      AbortSignal.timeout(victim === 'primary' ? VIEW_CHANGE_MS : NEXT_BLOCK_MS)
    ])
  )
  if (signal.aborted) return undefined
  await hospital.process.start()
  const after = { height: block?.height, view: block?.view, pid: hospital.process.pid ?? 0 }
  say(
    `${hospital.name} is back: before height ${before.height}, process ${before.pid}, view ${before.view}; ` +
      `after height ${after.height ?? 'unchanged'}, process ${after.pid}, view ${after.view ?? 'unchanged'}`
  )
  return { validator: hospital.name, before, after }
}

/** The status of whoever is furthest. */
async function newestStatus(hospitals: readonly Hospital[]): Promise<ApiStatus> {
  const all = await Promise.allSettled(hospitals.map(({ api }) => api.status()))
  const found = all
    .flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
    .toSorted((a, b) => b.height - a.height)[0]
  if (found !== undefined) return found
  const failure = all.find(each => each.status === 'rejected')
  if (isVitalchainError(failure?.reason)) throw failure.reason
  throw new VitalchainError('ERR_UNREACHABLE', 'no hospital answers', { retryable: true })
}
