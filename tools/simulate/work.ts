/** What the threads of a campaign do, and what they give back. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  EMPTY_TALLY,
  STRATEGIES,
  addOutcome,
  addTally,
  randomScenario,
  runOutage,
  runScenario,
  type Outcome,
  type Scenario,
  type Strategy,
  type Tally
} from '@vitalchain/consensus/simulator'

/** One run of a campaign, by its number. */
export type Campaign =
  | { readonly kind: 'seeds' }
  /** Two of four validators are away for so long, ms. */
  | { readonly kind: 'outages'; readonly ms: number }
  /** Every strategy at every size below, alone, with as many faulty validators as are tolerated. */
  | { readonly kind: 'strategies' }

/** Sizes at which f faulty validators have every strategy: f = 1, 2, 3, and those where 2f + 1 is no quorum. */
const STRATEGY_SIZES = [4, 7, 10, 5, 6, 8, 9]

/** How many runs a seed takes in a campaign. */
export function runsPerSeed({ kind }: Campaign): number {
  return kind === 'strategies' ? STRATEGIES.length * STRATEGY_SIZES.length : 1
}

/** What a campaign has come to. */
export interface Report {
  readonly tally: Tally
  /** The first runs that failed: what went wrong, and how to see it again. */
  readonly failures: readonly { readonly run: number; readonly violation: string }[]
}

interface Part {
  readonly campaign: Campaign
  /** Every `stride`-th run from `first` to `last`, so that all threads end at about the same time. */
  readonly first: number
  readonly last: number
  readonly stride: number
}

type Told = { readonly done: number } | { readonly report: Report }

/** Runs between two signs of progress. */
const TELL_EVERY = 50

/** The scenario of one run of the strategies: commits must go on after healing. */
export function strategyScenario(run: number): Scenario {
  const strategy = STRATEGIES[run % STRATEGIES.length] ?? 'silent'
  const each = Math.floor(run / STRATEGIES.length)
  const validators = STRATEGY_SIZES[each % STRATEGY_SIZES.length] ?? 4
  const faults = Math.floor((validators - 1) / 3)
  const faulty = new Map<number, readonly Strategy[]>(
    Array.from({ length: faults }, (_, index) => [(1 + 3 * index) % validators, [strategy]])
  )
  return randomScenario(1_000 + run, {
    validators,
    faulty,
    lost: new Map(),
    heights: 8,
    workAfter: 5
  })
}

function perform(campaign: Campaign, run: number): Outcome {
  switch (campaign.kind) {
    case 'seeds':
      return runScenario(randomScenario(run))
    case 'outages':
      return runOutage(run, campaign.ms)
    case 'strategies':
      return runScenario(strategyScenario(run))
  }
}

function work({ campaign, first, last, stride }: Part, tell: (told: Told) => void): void {
  let tally = EMPTY_TALLY
  const failures: { run: number; violation: string }[] = []
  let done = 0
  for (let run = first; run <= last && failures.length === 0; run += stride) {
    const outcome = perform(campaign, run)
    tally = addOutcome(tally, outcome)
    if (outcome.violation !== undefined) failures.push({ run, violation: outcome.violation })
    done += 1
    if (done % TELL_EVERY === 0) tell({ done: TELL_EVERY })
  }
  tell({ report: { tally, failures } })
}

/**
 * Runs a campaign in threads.
 *
 * @param progress - told how many runs are done
 */
export async function campaignInThreads(
  campaign: Campaign,
  from: number,
  runs: number,
  jobs: number,
  progress: (done: number) => void
): Promise<Report> {
  let done = 0
  const last = from + runs - 1
  const parts = Array.from({ length: jobs }, (_, k): Part => {
    return { campaign, first: from + k, last, stride: jobs }
  })
  const reports = await Promise.all(
    parts.map(
      part =>
        new Promise<Report>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: part })
          worker.on('message', (told: Told) => {
            if ('report' in told) return resolve(told.report)
            done += told.done
            progress(done)
          })
          worker.once('error', reject)
        })
    )
  )
  return {
    tally: reports.map(each => each.tally).reduce(addTally, EMPTY_TALLY),
    failures: reports.flatMap(each => each.failures).toSorted((a, b) => a.run - b.run)
  }
}

if (!isMainThread) {
  work(workerData as Part, told => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage(told)
  })
}
