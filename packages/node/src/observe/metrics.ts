import { statfs } from 'node:fs/promises'
import { isVitalchainError } from '@vitalchain/core'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { MemberReport } from '../diagnosis/types.ts'
import { publicCodes } from '../http/problem.ts'
import type { NodeStatus } from '../types.ts'
import { LOG_EVENTS } from './log-events.ts'
import type { Meters } from './meters.ts'

/** What {@link createMetrics} reads each time it is asked. */
export interface MetricsSource {
  /** The version of the software. */
  readonly version: string
  /** The directory whose disk is measured; undefined for a node that keeps all in memory. */
  readonly dataDir: string | undefined
  /** Where the node stands; throws while it does not run. */
  status(): NodeStatus
  /** What it knows of the members. */
  members(): readonly MemberReport[]
}

/** The figures of a node in the text format of Prometheus. */
export interface Metrics {
  /** To be given to the node. */
  readonly meters: Meters
  /** The media type of {@link Metrics.text}. */
  readonly contentType: string
  /** The figures of now. */
  text(): Promise<string>
  /** The names of all of them, with what they are. */
  names(): ReadonlyMap<string, string>
}

/** Upper bounds of what takes a few ms to minutes, s. The base timeout of a view is among them. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 60]

/** HTTP methods that are told apart. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])

/** Routes whose answer goes on until the client leaves: how long says nothing about this node. */
const STREAMS: ReadonlySet<string> = new Set(['/v1/events', '/v1/events/ws', '/v1/device'])

/** Figures that prom-client makes of the process and whose names promtool refuses: gauges that end like counters. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total'
]

/**
 * Makes the {@link Metrics} of a node: `vitalchain_…` with the unit at the end of the name, and `process_…`, `nodejs_…` of the
 * process. Labels are bounded: members' names, routes, codes and kinds, never a device or a transaction.
 */
export function createMetrics(source: MetricsSource): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  const registers = [registry]

  const counter = <T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = []
  ): Counter<T> =>
    new Counter({ name: `vitalchain_${name}`, help, labelNames: [...labelNames], registers })
  const gauge = <T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = []
  ): Gauge<T> =>
    new Gauge({ name: `vitalchain_${name}`, help, labelNames: [...labelNames], registers })
  const seconds = <T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = []
  ): Histogram<T> =>
    new Histogram({
      name: `vitalchain_${name}_seconds`,
      help,
      labelNames: [...labelNames],
      buckets: SECONDS,
      registers
    })

  const submissions = counter('submissions_total', 'Transactions handed over by own clients.', [
    'outcome'
  ])
  const submission = seconds('submission', 'From the hand-over to the answer.')
  const admitted = counter('transactions_admitted_total', 'Transactions that newly waited.')
  const blocks = counter('blocks_committed_total', 'Blocks made durable.', ['by'])
  const transactions = counter('transactions_committed_total', 'Transactions made durable.', [
    'type'
  ])
  const bytes = counter('committed_bytes_total', 'Bytes of committed transactions, no payloads.')
  const waited = seconds('commit_wait', 'From the pool of this node to a durable block.')
  const height = seconds('height', 'From the proposal to the durable block.', ['leads'])
  const step = seconds('consensus_step', 'Each step of a height.', ['step'])
  const proposals = counter('proposals_total', 'Proposals made or heard.', ['view'])
  const receipts = counter('receipts_total', 'Receipts made.')
  const requests = counter('http_requests_total', 'HTTP requests answered.', [
    'method',
    'route',
    'status'
  ])
  const request = seconds('http_request', 'HTTP requests, but for streams.', ['route'])
  const events = counter('events_total', 'What went to the log, whatever its level.', ['event'])

  const info = gauge('build_info', 'Always 1; the version is a label.', ['version'])
  const running = gauge('running', '1 while the node runs.')
  const figures: readonly [Gauge, (status: NodeStatus) => number][] = [
    [gauge('height', 'Height of the newest durable block.'), status => status.height],
    [gauge('view', 'View of the height above.'), status => status.view],
    [gauge('ledger_transactions', 'Transactions on the ledger.'), status => status.transactions],
    [
      gauge('checkpoint_transactions', 'Size of the newest checkpoint.'),
      ({ checkpoint }) => checkpoint
    ],
    [
      gauge('checkpoint_fault', '1 when something is wrong with checkpoints.'),
      status => Number(status.checkpointFault !== undefined)
    ],
    [gauge('pool_transactions', 'Transactions that wait.'), status => status.waiting],
    [
      gauge('payloads_missing', 'Payloads to be fetched; 64 stands for 64 or more.'),
      status => status.payloadsMissing
    ],
    [gauge('device_sessions', 'Sessions of devices.'), status => status.deviceSessions],
    [
      gauge('is_member', '1 when this node is that of a member.'),
      status => Number(status.membership === 'member')
    ],
    [gauge('votes', '1 when this node votes.'), status => Number(status.votes)],
    [gauge('draining', '1 while this node drains.'), status => Number(status.draining)],
    [gauge('links', 'Other members that are linked.'), ({ links }) => links.length]
  ]
  const members: readonly [Gauge<'member'>, (report: MemberReport) => number | undefined][] = [
    [
      gauge('member_linked', '1 while the link to the member is up.', ['member']),
      report => Number(report.linked)
    ],
    [
      gauge('member_banned', '1 while the member is kept out.', ['member']),
      report => Number(report.banned)
    ],
    [gauge('member_height', 'Its height, by its own word.', ['member']), report => report.height],
    [
      gauge('member_clock_skew_seconds', 'How far its clock is ahead of ours.', ['member']),
      report => inSeconds(report.clockSkewMs)
    ],
    [
      gauge('member_round_trip_seconds', 'The last round trip measured.', ['member']),
      report => inSeconds(report.roundTripMs)
    ],
    [
      gauge('member_heard_seconds', 'How long ago its last status came.', ['member']),
      report => inSeconds(report.heardMs)
    ]
  ]
  const free = gauge('disk_free_bytes', 'Bytes that this node may still write.')
  const size = gauge('disk_size_bytes', 'Bytes of its disk.')

  info.set({ version: source.version }, 1)
  // A rate needs the zero before the first one.
  for (const event of [...LOG_EVENTS, 'other']) events.inc({ event }, 0)
  for (const by of ['consensus', 'catch-up']) blocks.inc({ by }, 0)
  for (const view of ['first', 'later']) proposals.inc({ view }, 0)
  submissions.inc({ outcome: 'accepted' }, 0)
  const knownEvents = new Set(LOG_EVENTS)
  const knownCodes = new Set(publicCodes())

  function readNode(): void {
    for (const [each] of members) each.reset()
    let status: NodeStatus
    try {
      status = source.status()
    } catch {
      running.set(0)
      // What stood there is not true any more, and a zero was never.
      for (const [each] of figures) each.remove()
      return
    }
    running.set(1)
    for (const [each, of] of figures) each.set(of(status))
    for (const report of source.members())
      for (const [each, of] of members) {
        const value = of(report)
        if (value !== undefined) each.set({ member: report.name }, value)
      }
  }

  async function readDisk(): Promise<void> {
    if (source.dataDir === undefined) return
    try {
      const { bavail, blocks: all, bsize } = await statfs(source.dataDir)
      free.set(bavail * bsize)
      size.set(all * bsize)
    } catch {
      free.remove()
      size.remove()
    }
  }

  const meters: Meters = {
    submitting() {
      const begun = performance.now()
      return ({ error }) => {
        const outcome = error === undefined ? 'accepted' : outcomeOf(error, knownCodes)
        submissions.inc({ outcome })
        submission.observe((performance.now() - begun) / 1_000)
      }
    },
    admitted: () => admitted.inc(),
    proposed: ({ view }) => proposals.inc({ view: view === 0 ? 'first' : 'later' }),
    heightDone({ leads, steps: { total = 0, ...parts } }) {
      height.observe({ leads: String(leads) }, total / 1_000)
      for (const [name, ms] of Object.entries(parts)) step.observe({ step: name }, ms / 1_000)
    },
    committed({ executed, by, waitedMs }) {
      blocks.inc({ by })
      for (const {
        transaction,
        bytes: { length }
      } of executed.transactions) {
        transactions.inc({ type: transaction.type })
        bytes.inc(length)
      }
      for (const ms of waitedMs) waited.observe(ms / 1_000)
    },
    receiptMade: () => receipts.inc(),
    httpAnswered({ method, route = 'none', status, ms }) {
      requests.inc({ method: METHODS.has(method) ? method : 'other', route, status })
      if (!STREAMS.has(route)) request.observe({ route }, ms / 1_000)
    },
    logged: event => events.inc({ event: knownEvents.has(event) ? event : 'other' })
  }

  return {
    meters,
    contentType: registry.contentType,
    async text() {
      readNode()
      await readDisk()
      return registry.metrics()
    },
    names: () => new Map(registry.getMetricsAsArray().map(({ name, type }) => [name, String(type)]))
  }
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000
}

/** What a client would be told, so that no code makes a series that is not listed. */
function outcomeOf(error: unknown, known: ReadonlySet<string>): string {
  return isVitalchainError(error) && known.has(error.code) ? error.code : 'ERR_INTERNAL'
}
