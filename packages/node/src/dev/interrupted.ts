import type { BatchLog } from './batch-log.ts'

/** A run that was to end by itself and was told to end before: counts of the devices alone, no disk was looked at. */
export interface Interrupted {
  readonly ok: false
  readonly interrupted: true
  readonly readings: number
  readonly accepted: number
  readonly committed: number
  readonly batches: number
  readonly proved: number
}

/** Sums up what a run did until it was interrupted; all 0 before the first reading. */
export function interrupted(log: Pick<BatchLog, 'counts'> | undefined): Interrupted {
  const { recorded = 0, accepted = 0, committed = 0, batches = 0, proved = 0 } = log?.counts ?? {}
  return {
    ok: false,
    interrupted: true,
    readings: recorded,
    accepted,
    committed,
    batches,
    proved
  }
}

/** The same for people. */
export function interruptedLine({
  readings,
  accepted,
  committed,
  batches,
  proved
}: Interrupted): string {
  return (
    `interrupted: ${readings} readings recorded, ${accepted} accepted, ${committed} committed; ` +
    `${proved} of ${batches} batches proved`
  )
}
