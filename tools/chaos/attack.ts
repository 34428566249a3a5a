import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOM_BYTES_MAX, type Cluster, type Node } from './cluster.ts'
import type { Fault, FaultKind } from './plan.ts'
import type { LinkRule } from '../../packages/node/src/dev/link-proxies.ts'

/** How long a stuttering node is stopped, and runs, ms. */
const STUTTER_STOP_MS = 80
const STUTTER_RUN_MS = 40

/** How often a node is asked whether it is back, and how long it may take to answer, ms. */
const POLL_MS = 250
const ANSWER_MS = 1_000

/** How long a node that noticed a full disk may take to end, ms. */
const STOP_MS = 10_000

/** Carries faults out and takes them back. */
export interface Attack {
  /** How many faults of each kind were carried out. */
  readonly counts: Readonly<Partial<Record<FaultKind, number>>>
  /** The nodes that are faulty now. */
  faulty(): ReadonlySet<number>
  /** Carries a plan out; resolves when each of its faults is over. */
  carryOut(plan: readonly Fault[], signal: AbortSignal): Promise<void>
}

/** @param say - told what is done, line by line */
export function createAttack(
  { nodes, proxies }: Cluster,
  directory: string,
  say: (line: string) => void
): Attack {
  const counts: Partial<Record<FaultKind, number>> = {}
  const active = new Set<Fault>()

  const applyLinks = (): void =>
    proxies.apply((from, to) => {
      const rule: { -readonly [key in keyof LinkRule]?: LinkRule[key] } = {}
      for (const { kind, nodes: victims, parameter } of active) {
        const source = victims.includes(from)
        const target = victims.includes(to)
        if (!source && !target) continue
        if (kind === 'isolate' || (kind === 'mute' && source) || (kind === 'deafen' && target))
          rule.held = true
        if (kind === 'cut' && (from === parameter || to === parameter)) rule.refused = true
        if (kind === 'delay') rule.delayMs = parameter
      }
      return rule
    })

  const during = async (fault: Fault, signal: AbortSignal): Promise<void> => {
    const victims = fault.nodes.flatMap(each => nodes[each] ?? [])
    const wait = (): Promise<void> => pause(fault.ms, undefined, { signal }).catch(() => undefined)
    switch (fault.kind) {
      case 'kill':
        await Promise.all(victims.map(node => node.kill()))
        await wait()
        return void (await Promise.all(victims.map(node => node.up())))
      case 'freeze':
        for (const node of victims) node.signal('SIGSTOP')
        await wait()
        return victims.forEach(node => node.signal('SIGCONT'))
      case 'stutter':
        return void (await Promise.all(victims.map(node => stutter(node, fault.ms, signal))))
      case 'isolate':
      case 'mute':
      case 'deafen':
      case 'cut':
      case 'delay':
        applyLinks()
        return wait()
      case 'disk-full':
        return void (await Promise.all(victims.map(node => fillDisk(node, fault, signal))))
      case 'slow-disk':
        return loadDisk(directory, fault.ms, signal)
    }
  }

  const carryOutOne = async (fault: Fault, from: number, signal: AbortSignal): Promise<void> => {
    await pause(Math.max(0, from + fault.at - performance.now()), undefined, { signal })
    const who = fault.nodes.map(each => nodes[each]?.name ?? '').join(', ')
    const more =
      fault.kind === 'cut'
        ? ` from ${nodes[fault.parameter]?.name ?? ''}`
        : fault.kind === 'delay'
          ? ` by ${fault.parameter} ms`
          : ''
    say(`${fault.kind} ${who}${more} for ${(fault.ms / 1_000).toFixed(1)} s`)
    counts[fault.kind] = (counts[fault.kind] ?? 0) + 1
    active.add(fault)
    try {
      await during(fault, signal)
    } finally {
      active.delete(fault)
      applyLinks()
    }
  }

  return {
    counts,
    faulty: () => new Set([...active].flatMap(({ nodes: victims }) => victims)),
    async carryOut(plan, signal) {
      const from = performance.now()
      await Promise.all(
        plan.map(fault =>
          carryOutOne(fault, from, signal).catch((error: unknown) => {
            if (!signal.aborted) throw error
          })
        )
      )
    }
  }
}

async function stutter(node: Node, ms: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until && !signal.aborted) {
    node.signal('SIGSTOP')
    await pause(STUTTER_STOP_MS)
    node.signal('SIGCONT')
    await pause(STUTTER_RUN_MS)
  }
}

/** What does not fit fails as on a full disk: the last write is cut short. The node ends or goes on, and starts again. */
async function fillDisk(node: Node, { ms, parameter }: Fault, signal: AbortSignal): Promise<void> {
  node.excusedUntil = Number.POSITIVE_INFINITY
  node.fill((parameter * 1_021) % ROOM_BYTES_MAX)
  await pause(ms, undefined, { signal }).catch(() => undefined)
  node.fill(undefined)
  node.excusedUntil = performance.now() + STOP_MS
  // One that ended of it is back when it answers: until then it counts as faulty, like one that was killed.
  while (!signal.aborted && !(await answers(node)))
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined)
}

async function answers({ api }: Node): Promise<boolean> {
  return api.status(ANSWER_MS).then(
    () => true,
    () => false
  )
}

async function loadDisk(directory: string, ms: number, signal: AbortSignal): Promise<void> {
  const script = fileURLToPath(new URL('./load-disk.ts', import.meta.url))
  const child = spawn(process.execPath, [script, directory, `${ms}`], { stdio: 'ignore' })
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  signal.addEventListener('abort', () => child.kill('SIGKILL'))
  await ended
}
