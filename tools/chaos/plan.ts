import type { Random } from '../../packages/node/src/dev/random.ts'

/** Something that is done to nodes for a while. Times are ms from the beginning of the plan. */
export interface Fault {
  readonly kind: FaultKind
  readonly at: number
  readonly ms: number
  /** The nodes that it makes faulty. */
  readonly nodes: readonly number[]
  /** Of `cut`: the node at the other end, which counts as healthy. Of `delay`: how long each byte takes, ms. */
  readonly parameter: number
}

export type FaultKind = (typeof FAULT_KINDS)[number]

export const FAULT_KINDS = [
  /** SIGKILL, started again at the end. */
  'kill',
  /** SIGSTOP, SIGCONT at the end. */
  'freeze',
  /** SIGSTOP and SIGCONT many times a second. */
  'stutter',
  /** No byte to or from any other node. */
  'isolate',
  /** It hears and is not heard. */
  'mute',
  /** It is heard and does not hear. */
  'deafen',
  /** Two nodes do not reach each other; connections are reset and refused. */
  'cut',
  /** Bytes to and from it take longer. */
  'delay',
  /** Every write that makes a file longer fails. */
  'disk-full',
  /** Another process writes and syncs without pause on the same disk. */
  'slow-disk'
] as const

/** How often each kind is drawn, in parts of all. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  kill: 5,
  freeze: 3,
  stutter: 1,
  isolate: 3,
  mute: 1,
  deafen: 1,
  cut: 2,
  delay: 1,
  'disk-full': 2,
  'slow-disk': 1
}

/** Shortest and longest, ms. A freeze of more than 10 s looks to others like a machine that died. */
const DURATIONS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [200, 6_000],
  freeze: [500, 11_000],
  stutter: [2_000, 5_000],
  isolate: [1_000, 9_000],
  mute: [1_000, 7_000],
  deafen: [1_000, 7_000],
  cut: [2_000, 9_000],
  delay: [2_000, 6_000],
  'disk-full': [1_500, 4_000],
  'slow-disk': [2_000, 5_000]
}

/** How long a node takes to be back after its process was ended, ms, as far as the plan reckons. */
const START_MS = 3_500

/** Share of the draws in which more nodes fail at once than the network tolerates. */
const STORM_SHARE = 0.1

/** Calm after a storm, ms: time to commit again. */
const CALM_MS = 3_000

/** Between a node that is well again and the next fault, ms. */
const GAP_MS: readonly [number, number] = [100, 1_200]

/** Longest delay on a link, ms. */
const DELAY_MS_MAX = 400

/**
 * Draws faults for a network: as many nodes are faulty most of the time as it tolerates, sometimes more.
 *
 * @param nodes - the validators' numbers
 * @param tolerated - how many of them may be faulty while the others go on
 * @param ms - how long the plan lasts; every fault has ended by then
 */
export function drawPlan(
  random: Random,
  nodes: readonly number[],
  tolerated: number,
  ms: number
): readonly Fault[] {
  const plan: Fault[] = []
  const wellAt = new Map(nodes.map(node => [node, 0]))
  let quietUntil = 0
  while (true) {
    const free = [...wellAt.values()].toSorted((a, b) => a - b)
    // As soon as one more may fail.
    const next = Math.max(quietUntil, free[nodes.length - tolerated] ?? 0, free[0] ?? 0)
    const storm = random.uniform() < STORM_SHARE
    const at = Math.round((storm ? (free.at(-1) ?? 0) : next) + random.between(...GAP_MS))
    const kind = storm ? draw(random, HARMING) : draw(random, FAULT_KINDS)
    const well = nodes.filter(node => (wellAt.get(node) ?? 0) <= at)
    const count = storm ? Math.floor(random.between(tolerated + 1, nodes.length + 1)) : 1
    const chosen = shuffled(random, well).slice(0, Math.max(1, count))
    const duration = Math.round(random.between(...DURATIONS[kind]))
    const parameter = parameterOf(random, kind, nodes, chosen)
    const end = at + duration
    if (end + START_MS > ms) return plan
    const harmed = kind === 'slow-disk' ? [] : chosen
    // Several nodes, one kind of fault: a power cut, a split, a full volume.
    for (const node of kind === 'cut' ? chosen.slice(0, 1) : harmed) {
      plan.push({ kind, at, ms: duration, nodes: [node], parameter })
      wellAt.set(node, end + (endsProcess(kind) ? START_MS : 0))
    }
    if (kind === 'slow-disk') plan.push({ kind, at, ms: duration, nodes: [], parameter: 0 })
    quietUntil = storm ? end + START_MS + CALM_MS : at
  }
}

function endsProcess(kind: FaultKind): boolean {
  return kind === 'kill' || kind === 'disk-full'
}

function parameterOf(
  random: Random,
  kind: FaultKind,
  nodes: readonly number[],
  [victim]: readonly number[]
): number {
  const others = nodes.filter(node => node !== victim)
  if (kind === 'cut') return others[Math.floor(random.between(0, others.length))] ?? 0
  return Math.round(random.between(20, DELAY_MS_MAX))
}

/** Kinds of which several at once stop the network. */
const HARMING: readonly FaultKind[] = ['kill', 'freeze', 'isolate', 'mute', 'deafen', 'disk-full']

function draw(random: Random, kinds: readonly FaultKind[]): FaultKind {
  const total = kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0)
  let left = random.between(0, total)
  for (const kind of kinds) {
    left -= WEIGHTS[kind]
    if (left < 0) return kind
  }
  return 'kill'
}

function shuffled(random: Random, values: readonly number[]): readonly number[] {
  return values
    .map(value => ({ value, order: random.uniform() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ value }) => value)
}
