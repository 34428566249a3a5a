/**
 * Real nodes under attack: processes over libp2p on loopback, killed, frozen, cut off and out of disk, while devices hand in
 * signed batches; then the whole history is checked against what the devices were told.
 *
 *   npm run chaos -- --minutes 3               a new seed; exit 1 when anything is lost, doubled or stuck
 *   npm run chaos -- --minutes 3 --seed 7      the faults of seed 7 again, at about the same times
 *
 * Options: --validators (4 to 7), --devices, --no-members (no changes of the validators), --dir (kept; without it a
 * temporary directory is kept only after a violation). Linux only: it looks at /proc and sets limits with prlimit(1).
 */
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createReceiptVerifier, faultTolerance, useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { openStoppedLedger } from '../packages/node/src/cli/stopped-node.ts'
import {
  checkHistory,
  readChain,
  readProof,
  type Chain,
  type ProvedBatch
} from '../packages/node/src/dev/history.ts'
import type { ApiStatus } from '../packages/node/src/dev/node-api.ts'
import { createRandom } from '../packages/node/src/dev/random.ts'
import { createAttack, type Attack } from './chaos/attack.ts'
import { foundCluster, isExcused, type Cluster, type Node } from './chaos/cluster.ts'
import { createMemberChanges } from './chaos/members.ts'
import { drawPlan } from './chaos/plan.ts'
import { readLogs, startWatch, type Watch } from './chaos/watch.ts'
import { startWorkload, type Workload } from './chaos/workload.ts'
import { positiveNumber, readFlags, wholeNumber } from './flags.ts'

/** After all faults have ended, a batch signed from then on must be proved within this, ms. */
const RECOVER_MS = 20_000

/** After that everything that waits must be proved within this, ms: backlogs of minutes. */
const DRAIN_MS = 120_000

/** Then all nodes must hold the same head and every payload within this, ms. */
const AGREE_MS = 60_000

/** No longer pause while no more nodes are faulty than tolerated, ms: several views, and a node that must catch up first. */
const PAUSE_MS_MAX = 45_000

const POLL_MS = 200

interface Settings {
  readonly ms: number
  readonly seed: number
  readonly validators: number
  readonly devices: number
  /** Whether two nodes join and one leaves. */
  readonly changesMembers: boolean
  readonly directory: string
}

const begin = performance.now()
const say = (line: string): void => {
  const at = ((performance.now() - begin) / 1_000).toFixed(1).padStart(6)
  process.stdout.write(`${at} s  ${line}\n`)
}

/** Everything is well again; what must hold then. */
async function heal(nodes: readonly Node[], workload: Workload): Promise<number> {
  for (const node of nodes) node.signal('SIGCONT')
  await Promise.all(nodes.map(node => node.up()))
  const recovered = await workload.nextProof(AbortSignal.timeout(RECOVER_MS))
  say(`all nodes run; a batch signed now was proved after ${Math.round(recovered)} ms`)
  return recovered
}

async function agree(nodes: readonly Node[]): Promise<void> {
  const until = performance.now() + AGREE_MS
  while (performance.now() < until) {
    const all: (ApiStatus | undefined)[] = await Promise.all(
      nodes.map(({ api }) => api.status().catch(() => undefined))
    )
    const same = all.every(
      status => status !== undefined && status.head === all[0]?.head && status.payloadsMissing === 0
    )
    if (same) return
    await pause(POLL_MS)
  }
}

async function readHistory(
  { nodes, founded }: Cluster,
  left: ReadonlySet<Node>,
  { log }: Workload,
  receipts: string
): Promise<{ chains: readonly Chain[]; proved: readonly ProvedBatch[]; bad: readonly string[] }> {
  const chains: Chain[] = []
  for (const node of nodes) {
    const ledger = await openStoppedLedger(node.dataDir)
    chains.push(readChain(node.name, ledger, left.has(node)))
    await ledger.close()
  }
  const verify = createReceiptVerifier({ genesis: founded.document })
  const proved: ProvedBatch[] = []
  const bad: string[] = []
  for (const { file, id } of log.batches) {
    const receipt = await readFile(join(receipts, file)).catch(() => undefined)
    if (receipt === undefined) continue
    const proof = readProof(verify, receipt, id)
    if (proof === undefined) bad.push(`the receipt ${file} does not verify`)
    else proved.push(proof)
  }
  return { chains, proved, bad }
}

/** Share of the time before the members change, and the least time after it, ms. */
const FIRST_SHARE = 0.45
const LAST_MS_MIN = 15_000

/** Attacks, changes the members while everything runs, and attacks again those who stayed. */
async function attackNetwork(
  { cluster, attack, left }: { cluster: Cluster; attack: Attack; left: Set<Node> },
  { ms, seed, changesMembers }: Settings
): Promise<void> {
  const random = createRandom(seed)
  const until = performance.now() + ms
  const never = new AbortController().signal
  const members = (): readonly Node[] => cluster.nodes.filter(node => !left.has(node))
  const round = (length: number): Promise<void> => {
    const indices = members().map(node => cluster.nodes.indexOf(node))
    return attack.carryOut(drawPlan(random, indices, faultTolerance(indices.length), length), never)
  }
  await round(changesMembers ? ms * FIRST_SHARE : ms)
  if (!changesMembers) return
  const changes = createMemberChanges(cluster, members, random, say)
  await changes.join()
  await changes.join()
  const leaving = cluster.nodes[Math.floor(random.between(0, cluster.nodes.length - 2))]
  if (leaving !== undefined) {
    await changes.leave(leaving)
    left.add(leaving)
  }
  await round(Math.max(LAST_MS_MIN, until - performance.now()))
}

async function chaos(settings: Settings): Promise<readonly string[]> {
  const { seed, validators, devices, directory } = settings
  useCryptoBackend(nodeCryptoBackend)
  const violations: string[] = []
  const cluster = await foundCluster(directory, validators, (node, error) => {
    if (!isExcused(node)) violations.push(`ended by itself: ${error.message}`)
    say(`${error.message}${isExcused(node) ? ', as its disk is full' : ''}`)
  })
  const { nodes, founded } = cluster
  // Nodes end with this process, but for those that are frozen just then.
  const interrupt = (): never => {
    for (const node of nodes) node.signal('SIGCONT')
    return process.exit(130)
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const receipts = join(directory, 'receipts')
  await mkdir(receipts)
  let workload: Workload | undefined
  let watch: Watch | undefined
  const left = new Set<Node>()
  const cleanUp = async (): Promise<void> => {
    watch?.stop()
    for (const node of nodes) node.signal('SIGCONT')
    await workload?.stop()
    const ends = await Promise.all(nodes.map(node => node.end()))
    cluster.proxies.close()
    for (const [k, well] of ends.entries())
      if (!well) violations.push(`${nodes[k]?.name ?? ''} could not be stopped`)
  }
  try {
    await Promise.all(nodes.map(node => node.up()))
    workload = await startWorkload({
      hospitals: nodes,
      genesis: founded.document,
      devices,
      receipts,
      seed,
      onFault: error => violations.push(`a device gave up: ${String(error)}`),
      signal: AbortSignal.timeout(60_000)
    })
    const attack = createAttack(cluster, directory, say)
    const stay = (): number => nodes.length - left.size
    watch = startWatch(
      nodes,
      () => ({ now: attack.faulty().size, tolerated: faultTolerance(stay()) }),
      (ms, stood) => {
        say(`no block for ${seconds(ms)} until now; meanwhile`)
        for (const each of stood) say(`  ${each}`)
      }
    )
    const tolerated = faultTolerance(validators)
    say(`${validators} validators and ${devices} devices run, ${tolerated} may be faulty`)
    await workload.nextProof(AbortSignal.timeout(RECOVER_MS))
    await attackNetwork({ cluster, attack, left }, settings)
    const recovered = await heal(nodes, workload)
    await workload.drain(AbortSignal.timeout(DRAIN_MS))
    await agree(nodes.filter(node => !left.has(node)))
    report(attack, watch, workload, recovered)
    if (watch.longestTolerablePauseMs > PAUSE_MS_MAX)
      violations.push(`no block for ${watch.longestTolerablePauseMs} ms with few faulty nodes`)
  } catch (error) {
    violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    await cleanUp()
  }
  if (workload === undefined) return violations
  const { chains, proved, bad } = await readHistory(cluster, left, workload, receipts)
  const { log, signed } = workload
  const logs = readLogs(nodes)
  const done = log.counts.proved === log.counts.batches
  if (!done) violations.push(`${log.counts.batches - log.counts.proved} batches are not proved`)
  if (proved.length !== log.counts.proved)
    violations.push(`${proved.length} receipts of ${log.counts.proved} verify`)
  const late = Math.max(...chains.map(({ viewChanges }) => viewChanges))
  say(
    `${chains[0]?.blocks.length ?? 0} blocks, ${late} of them decided above view 0; views entered ${logs.views}, highest ${logs.highestView}; messages rejected ${logs.rejected}`
  )
  say(`${proved.length} receipts verified, ${chains.length} chains compared`)
  return [
    ...violations,
    ...bad,
    ...logs.violations,
    ...checkHistory(chains, { signed, proved }, done)
  ]
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const percent = (share: number): string => `${Math.round(share * 100)} %`

function report(
  { counts }: Attack,
  { longestPauseMs, longestTolerablePauseMs, shares }: Watch,
  { log }: Workload,
  recovered: number
): void {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  say(
    `faults ${total}: ${Object.entries(counts)
      .map(each => each.join(' '))
      .join(', ')}`
  )
  say(
    `as many nodes faulty as tolerated, or more, in ${percent(shares.atLeastTolerated)} of the time; more in ${percent(shares.more)}`
  )
  say(
    `batches ${log.counts.batches}, proved ${log.counts.proved}; longest pause ${seconds(longestPauseMs)}, with no more faulty nodes than tolerated ${seconds(longestTolerablePauseMs)}; recovered in ${seconds(recovered)}`
  )
}

async function main(): Promise<boolean> {
  const values = readFlags({
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    validators: { type: 'string', default: '4' },
    devices: { type: 'string', default: '6' },
    dir: { type: 'string' },
    'no-members': { type: 'boolean', default: false }
  })
  const minutes = positiveNumber('minutes', values.minutes)
  const seed = wholeNumber('seed', values.seed, 0)
  const validators = wholeNumber('validators', values.validators, 4)
  const devices = wholeNumber('devices', values.devices, 1)
  const kept = values.dir !== undefined
  const directory = resolve(values.dir ?? (await mkdtemp(join(tmpdir(), 'vitalchain-chaos-'))))
  say(`seed ${seed}; files in ${directory}`)
  const violations = await chaos({
    ms: minutes * 60_000,
    seed,
    validators,
    devices,
    changesMembers: !values['no-members'],
    directory
  })
  for (const violation of violations) say(`VIOLATION ${violation}`)
  say(violations.length === 0 ? 'nothing lost, nothing doubled, all agree' : 'FAILED')
  if (violations.length > 0) {
    say(`the files are kept in ${directory}`)
    const without = values['no-members'] ? ' --no-members' : ''
    say(
      `again: npm run chaos -- --minutes ${minutes} --seed ${seed} --validators ${validators} --devices ${devices}${without}`
    )
  } else if (!kept) await rm(directory, { recursive: true })
  return violations.length === 0
}

process.exitCode = (await main()) ? 0 : 1
