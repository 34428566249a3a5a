import { readFile } from 'node:fs/promises'
import type { BatchLog } from './batch-log.ts'
import type { Hospital } from './hospitals.ts'
import { HISTORY_S, liveLines } from './live-view.ts'
import type { ApiStatus } from './node-api.ts'

const PROGRESS_MS = 1_000

/** How long a node may take to say where it is, ms: the line comes every second, whoever hangs. */
const ANSWER_MS = 500

/** What a progress line shows of a hospital. */
export interface Glance {
  /** `silent` while its process runs and does not answer. */
  readonly state: 'up' | 'silent' | 'down'
  /** Where it was when it answered last. */
  readonly last: (Partial<ApiStatus> & Pick<ApiStatus, 'height' | 'view'>) | undefined
}

/** Says once a second how it goes. */
export interface Progress {
  /** The most memory that each node was seen to use, MiB; null where the system does not tell. */
  readonly rssMb: readonly (number | null)[]
  stop(): void
}

/** Begins to write progress lines. */
export function startProgress(
  {
    hospitals,
    log,
    readings
  }: {
    readonly hospitals: readonly Hospital[]
    readonly log: BatchLog
    /** How many readings the replay has; undefined when it has no end. */
    readonly readings: number | undefined
  },
  say: (line: string) => void,
  paint?: (lines: (columns: number) => readonly string[]) => void
): Progress {
  const began = performance.now()
  const history: number[] = []
  let committedBefore = 0
  const rssMb: (number | null)[] = hospitals.map(() => null)
  const last: (ApiStatus | undefined)[] = hospitals.map(() => undefined)
  let busy = false
  let stopped = false
  const tick = async (): Promise<void> => {
    const glances = await Promise.all(
      hospitals.map(async ({ api, process }, k): Promise<Glance> => {
        const status = await api.status(ANSWER_MS).catch(() => undefined)
        last[k] = status ?? last[k]
        if (status !== undefined) return { state: 'up', last: status }
        return { state: process.pid === undefined ? 'down' : 'silent', last: last[k] }
      })
    )
    for (const [k, { process }] of hospitals.entries()) {
      const now = process.pid === undefined ? undefined : await residentMb(process.pid)
      if (now !== undefined) rssMb[k] = Math.max(rssMb[k] ?? 0, now)
    }
    if (stopped) return
    if (paint === undefined) {
      say(progressLine(glances, log, readings))
      return
    }
    history.push(log.counts.committed - committedBefore)
    committedBefore = log.counts.committed
    history.splice(0, history.length - HISTORY_S)
    const [median, most] = [log.recentLatency(0.5), log.recentLatency(0.99)]
    const glance = {
      hospitals: glances.map((each, k) => ({ ...each, name: hospitals[k]?.name ?? '' })),
      counts: log.counts,
      readings,
      latency: median === undefined || most === undefined ? undefined : ([median, most] as const),
      history: [...history],
      seconds: Math.round((performance.now() - began) / 1_000)
    }
    paint(columns => liveLines(glance, columns))
  }
  if (paint === undefined) say('each hospital: height/view')
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    void tick().finally(() => (busy = false))
  }, PROGRESS_MS)
  return {
    rssMb,
    stop() {
      stopped = true
      clearInterval(timer)
      paint?.(() => [])
    }
  }
}

/** One line: each hospital as height/view, the readings, the latency. A `?` marks where a hospital was that is silent. */
export function progressLine(
  glances: readonly Glance[],
  { counts, recentLatency }: Pick<BatchLog, 'counts' | 'recentLatency'>,
  readings: number | undefined
): string {
  const heights = glances.map((glance, k) => `H${k + 1} ${glanceText(glance)}`).join('  ')
  const of = readings === undefined ? '' : ` of ${readings}`
  const latency = recentLatency(0.5)
  const p50 = latency === undefined ? '' : ` | p50 ${Math.round(latency)} ms`
  return `${heights} | readings ${counts.accepted} accepted, ${counts.committed} committed${of} | ${counts.proved} batches proved${p50}`
}

function glanceText({ state, last }: Glance): string {
  if (state === 'down') return 'down'
  const place = last === undefined ? '' : `${last.height}/${last.view}`
  return state === 'up' ? place : `${place} ?`.trimStart()
}

/** Resident memory of a process; undefined where there is no /proc. */
async function residentMb(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024)
}
