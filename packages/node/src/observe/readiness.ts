import { access, constants, statfs } from 'node:fs/promises'
import { faultTolerance } from '@vitalchain/core'
import type { MemberReport } from '../diagnosis/types.ts'
import type { LedgerNode } from '../types.ts'

/** Blocks that a node may be behind and still answer for the ledger of now: about what catch-up brings in one answer. */
const BEHIND_MAX = 64

/** A status older than this says nothing about now, ms: three were missed. */
const HEARD_MAX_MS = 35_000

/** Bytes that must be free: a block with its payloads and LevelDB's next tables fit in several times. */
const DISK_FREE_MIN = 64 * 1024 * 1024

/** What {@link notReady} looks at. */
export interface ReadinessSource {
  readonly node: Pick<LedgerNode, 'status' | 'ledger'>
  /** What this node knows of the members. */
  readonly members: () => readonly MemberReport[]
  /** Where the ledger is kept; undefined when that is in memory. */
  readonly dataDir?: string | undefined
}

/**
 * Why clients should rather use another node: it does not run or is about to stop, it reaches nobody, it is behind, or it cannot
 * write. Whether it votes does not matter: a follower serves as well.
 *
 * @returns the reasons in words; none when it is ready
 */
export async function notReady({
  node,
  members,
  dataDir
}: ReadinessSource): Promise<readonly string[]> {
  const reasons: string[] = []
  try {
    const { draining, links, height } = node.status()
    if (draining) reasons.push('this node is about to stop')
    const others = members().filter(({ self }) => !self)
    if (node.ledger.validators().length > 1 && links.length === 0)
      reasons.push('no other member is linked')
    const behind = certainHeight(others, node.ledger.validators().length) - height
    if (behind > BEHIND_MAX) reasons.push(`this node is ${behind} blocks behind`)
  } catch {
    reasons.push('the node does not run')
  }
  if (dataDir !== undefined && !(await isWritable(dataDir)))
    reasons.push('the data directory cannot be written, or its disk is full')
  return reasons
}

/** A height that at least one honest member has: of each f members any might lie about theirs. */
function certainHeight(others: readonly MemberReport[], validators: number): number {
  const heights = others
    .filter(({ heardMs }) => heardMs !== undefined && heardMs <= HEARD_MAX_MS)
    .flatMap(({ height }) => height ?? [])
    .toSorted((a, b) => b - a)
  return heights[faultTolerance(validators)] ?? 0
}

async function isWritable(dir: string): Promise<boolean> {
  try {
    await access(dir, constants.W_OK)
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize >= DISK_FREE_MIN
  } catch {
    return false
  }
}
