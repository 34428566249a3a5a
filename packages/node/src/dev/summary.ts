import type { LedgerAudit } from './audit.ts'
import type { BatchLog } from './batch-log.ts'
import type { KillReport } from './kill.ts'

/** What a finished run comes to, from the validators' disks and the devices' receipts. */
export interface Summary {
  /** Readings that devices recorded. */
  readonly readings: number
  readonly accepted: number
  /** Readings in the statements of every validator's ledger: of the one that has fewest. */
  readonly committed: number
  readonly batches: number
  readonly blocks: number
  /** Recorded batches that some validator lacks, statement or payload. */
  readonly lost: number
  readonly duplicates: number
  readonly receiptsVerified: number
  readonly validators: readonly {
    readonly name: string
    readonly height: number
    readonly head: string
    readonly state: string
    readonly payloadsMissing: number
  }[]
  /** From a batch signed to its receipt verified on the device, ms. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  readonly readingsPerSecond: number
  readonly batchesPerSecond: number
  /** From the first reading recorded to the last one proved. */
  readonly seconds: number
  /** From the start of the command to the first committed block. */
  readonly startupMs: number
  /** The most memory that each node was seen to use, MiB. */
  readonly rssMb: readonly (number | null)[]
  /** Blocks that a view above 0 decided. */
  readonly viewChanges: number
  /** The devices, and the hospitals they had sessions with in that order. */
  readonly devices: readonly { readonly name: string; readonly hospitals: readonly string[] }[]
  readonly kill: KillReport | null
  /** Whether nothing is lost, nothing is there twice, every batch is proved and all validators agree. */
  readonly ok: boolean
}

/** What a {@link Summary} is made of. */
export interface RunResult {
  readonly log: BatchLog
  readonly audits: readonly { readonly name: string; readonly audit: LedgerAudit }[]
  readonly receiptsVerified: number
  readonly seconds: number
  readonly startupMs: number
  readonly rssMb: readonly (number | null)[]
  readonly devices: Summary['devices']
  readonly kill: KillReport | undefined
}

/** Sums a run up. */
export function summarise(result: RunResult): Summary {
  const { log, audits, receiptsVerified, seconds } = result
  const ledgers = audits.map(({ audit }) => audit)
  const lost = log.batches.filter(({ id }) =>
    ledgers.some(({ statements }) => !statements.has(id))
  ).length
  const duplicates = Math.max(0, ...ledgers.map(each => each.duplicates))
  const committed = Math.min(...ledgers.map(({ readings }) => readings))
  const states = new Set(ledgers.map(({ height, head, state }) => `${height} ${head} ${state}`))
  const batches = log.batches.length
  return {
    readings: log.counts.recorded,
    accepted: log.counts.accepted,
    committed,
    batches,
    blocks: Math.max(...ledgers.map(({ height }) => height)),
    lost,
    duplicates,
    receiptsVerified,
    validators: audits.map(({ name, audit: { height, head, state, payloadsMissing } }) => ({
      name,
      height,
      head,
      state,
      payloadsMissing
    })),
    latencyMs: { p50: tenths(log.latency(0.5)), p99: tenths(log.latency(0.99)) },
    readingsPerSecond: Math.round(committed / seconds),
    batchesPerSecond: Math.round(batches / seconds),
    seconds: Math.round(seconds * 1_000) / 1_000,
    startupMs: Math.round(result.startupMs),
    rssMb: result.rssMb,
    viewChanges: Math.max(0, ...ledgers.map(each => each.viewChanges)),
    devices: result.devices,
    kill: result.kill ?? null,
    ok:
      lost === 0 &&
      duplicates === 0 &&
      receiptsVerified === batches &&
      committed === log.counts.recorded &&
      states.size === 1
  }
}

/** A summary for people. */
export function summaryLines(summary: Summary): readonly string[] {
  const { latencyMs, validators } = summary
  return [
    `readings    ${summary.readings} recorded, ${summary.accepted} accepted, ${summary.committed} committed`,
    `batches     ${summary.batches} in ${summary.blocks} blocks, ${summary.lost} lost, ${summary.duplicates} twice, ${summary.receiptsVerified} receipts verified`,
    `speed       ${summary.readingsPerSecond} readings/s, ${summary.batchesPerSecond} batches/s, proved after ${latencyMs.p50 ?? '-'} ms (p50), ${latencyMs.p99 ?? '-'} ms (p99)`,
    ...validators.map(
      ({ name, height, head }) => `${name.padEnd(12)}height ${height}, head ${head}`
    ),
    summary.ok ? 'all is well' : 'SOMETHING IS WRONG: see above'
  ]
}

function tenths(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10) / 10
}
