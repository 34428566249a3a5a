import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { receiptFormat, toHex } from '@vitalchain/core'
import type { Proof, Submission } from '@vitalchain/device-sdk'
import { percentile } from './percentile.ts'

/** Latencies kept for the percentiles: those of the last so many batches. */
const LATENCIES_MAX = 100_000

/** Latencies behind the percentile of a progress line: the newest say how it goes now. */
const LATENCIES_RECENT = 500

/** A batch that a device signed. */
export interface RecordedBatch {
  /** The statement's identity, hexadecimal. */
  readonly id: string
  /** How many readings it holds. */
  readonly count: number
  /** Name of its receipt's file. */
  readonly file: string
}

/** A block as a receipt shows it. */
interface DecidedBlock {
  readonly height: number
  /** The view that decided it. */
  readonly view: number
}

/** Keeps count of what devices recorded and what became of it. */
export interface BatchLog {
  readonly counts: {
    readonly recorded: number
    readonly accepted: number
    readonly committed: number
    readonly batches: number
    readonly proved: number
  }
  /** All batches in the order of recording; empty when they are not kept. */
  readonly batches: readonly RecordedBatch[]
  /**
   * Notes a batch that its device has just signed; once, however often it is added. `onProof` is told when its receipt
   * is verified and kept.
   */
  add(device: string, submission: Submission, onProof?: () => void): void
  /** Milliseconds from a batch signed to its receipt verified on the device. */
  latency(share: number): number | undefined
  /** The same of the newest batches only. */
  recentLatency(share: number): number | undefined
  /** Resolves with the next block that fits, of those that receipts show; undefined when the signal aborts first. */
  decided(
    fits: (block: DecidedBlock) => boolean,
    signal: AbortSignal
  ): Promise<DecidedBlock | undefined>
  /** Resolves when so many readings are committed, or the signal aborts. */
  committed(readings: number, signal: AbortSignal): Promise<void>
  /** Resolves when all receipts of now are on the disk. */
  settled(): Promise<void>
}

/**
 * Makes a {@link BatchLog}.
 *
 * @param receipts - the directory for receipts; undefined keeps neither them nor the list of batches, for runs without an end
 * @param onFault - told when a batch will not be proved, or a receipt cannot be written
 */
export function createBatchLog(
  receipts: string | undefined,
  onFault: (error: unknown) => void
): BatchLog {
  const counts = { recorded: 0, accepted: 0, committed: 0, batches: 0, proved: 0 }
  const batches: RecordedBatch[] = []
  const latencies: number[] = []
  const seen = new WeakSet<Submission>()
  const writing = new Set<Promise<void>>()
  const watchers = new Set<(block: DecidedBlock | undefined) => void>()

  const keep = async (file: string, { receipt }: Proof): Promise<void> => {
    if (receipts !== undefined) await writeFile(join(receipts, file), receipt)
  }
  const tell = (block: DecidedBlock | undefined): void => {
    for (const watcher of watchers) watcher(block)
  }
  /** Resolves when `look` gives something, asked at each change. */
  const watch = <T>(
    look: (block: DecidedBlock | undefined) => T | undefined,
    signal: AbortSignal
  ): Promise<T | undefined> =>
    new Promise(resolve => {
      const end = (found: T | undefined): void => {
        watchers.delete(watcher)
        signal.removeEventListener('abort', onAbort)
        resolve(found)
      }
      const onAbort = (): void => end(undefined)
      const watcher = (block: DecidedBlock | undefined): void => {
        const found = look(block)
        if (found !== undefined) end(found)
      }
      if (signal.aborted) return resolve(undefined)
      signal.addEventListener('abort', onAbort)
      watchers.add(watcher)
      watcher(undefined)
    })

  const prove = async (file: string, proof: Proof, since: number): Promise<void> => {
    latencies.push(performance.now() - since)
    if (latencies.length > LATENCIES_MAX) latencies.shift()
    // Only a kill looks at blocks; taking every receipt apart again would cost as much as sending it.
    if (watchers.size > 0) tell(blockOf(proof))
    const written = keep(file, proof)
    writing.add(written)
    await written.finally(() => writing.delete(written))
    counts.proved++
  }

  return {
    counts,
    batches,
    add(device, submission, onProof = () => undefined) {
      // Readings recorded one by one share a batch.
      if (seen.has(submission)) return
      seen.add(submission)
      const since = performance.now()
      const { lane, place, count, id } = submission
      const file = `${device}-${lane}-${place.boot}-${place.seq}.receipt`
      counts.batches++
      counts.recorded += count
      if (receipts !== undefined) batches.push({ id: toHex(id), count, file })
      void reached(submission.accepted, () => (counts.accepted += count))
      void reached(submission.committed, () => {
        counts.committed += count
        tell(undefined)
      })
      submission.proved
        .then(proof => prove(file, proof, since))
        .then(onProof)
        .catch(onFault)
    },
    latency: share => percentile(latencies, share),
    recentLatency: share => percentile(latencies.slice(-LATENCIES_RECENT), share),
    decided: (fits, signal) =>
      watch(block => (block !== undefined && fits(block) ? block : undefined), signal),
    async committed(readings, signal) {
      await watch(() => (counts.committed >= readings ? true : undefined), signal)
    },
    async settled() {
      await Promise.all(writing)
    }
  }
}

function blockOf({ receipt }: Proof): DecidedBlock {
  const { header, certificate } = receiptFormat.decode(receipt)
  return { height: header.height, view: certificate.view }
}

/** Does something when a step is reached. That it will not be is told by the rejection of `proved`. */
async function reached(step: Promise<void>, then: () => void): Promise<void> {
  try {
    await step
  } catch {
    return
  }
  then()
}
