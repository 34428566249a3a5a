import { errorCode, VitalchainError, type ErrorValues } from '@vitalchain/core'
import { certifiedBlockFormat, type CertifiedBlock } from '../ledger/certified-block.ts'
import { damageOf, type Damage } from '../ledger/damage.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { firstLeaf } from '../ledger/records.ts'
import { createLoop, type Loop } from '../loop.ts'
import type { Network } from '../network/index.ts'
import { BLOCKS, rangeFormat, SYNC_BYTES_MAX } from './catch-up.ts'

/** Pause after something could not be healed, ms: the others may be away. */
const HEAL_PAUSE_MS = 1_000

/** How often a damage is tried before it waits until somebody reads it again. */
const TRIES_MAX = 10

/** How long a member may take to answer, ms. */
const HEAL_TIMEOUT_MS = 5_000

/** What {@link createHealer} needs. */
export interface HealerComponents {
  readonly ledger: Ledger
  readonly network: Network
  readonly log: (event: string, values: ErrorValues) => void
}

/**
 * Heals what reading finds damaged: blocks are fetched from other members and checked against the own certified history,
 * tiles and index are made anew from the transactions. What is damaged is refused meanwhile, never served.
 */
export function createHealer({ ledger, network, log }: HealerComponents): Loop {
  const { damage: found, restore } = ledger
  const tries = new Map<string, number>()

  found.onFound(damage => {
    log('damage found', { ...damage })
    loop.wake()
  })
  network.onLinkUp(() => loop.wake())

  async function heal(damage: Damage, signal: AbortSignal): Promise<void> {
    switch (damage.type) {
      case 'header':
        return fetchInto(damage.height, signal, restore.block)
      case 'transaction':
        return fetchInto(heightOf(damage.leaf), signal, restore.block)
      case 'tile':
        return healTile(damage, signal)
      case 'index':
        return restore.index(signal)
      case 'state':
        // Only carrying all blocks out again makes it anew: vitalchain repair, while the node does not run.
        throw new VitalchainError('ERR_DAMAGED', 'the state cannot be healed while the node runs')
    }
  }

  async function healTile(
    tile: Extract<Damage, { type: 'tile' }>,
    signal: AbortSignal
  ): Promise<void> {
    const given = new Map<number, Uint8Array>()
    let missing = await restore.tile(tile, given)
    while (missing[0] !== undefined) {
      const height = heightOf(missing[0])
      await fetchInto(height, signal, async ({ block }) => {
        const first = firstLeaf(block.header)
        for (const [k, bytes] of block.transactions.entries()) given.set(first + k, bytes)
        const before = missing.length
        // What another member sent wrong shows in the tile's root, and the next one is asked.
        missing = await restore.tile(tile, given)
        if (missing.length >= before)
          throw new VitalchainError('ERR_DAMAGED', 'the block did not bring what is missing')
      })
    }
  }

  /** The block of a transaction, by the headers alone. */
  function heightOf(leaf: number): number {
    let [low, high] = [1, ledger.head.height]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((ledger.header(middle)?.history.size ?? 0) > leaf) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Asks the members for a block, one after the other, until one's is taken. */
  async function fetchInto(
    height: number,
    signal: AbortSignal,
    take: (certified: CertifiedBlock) => Promise<void>
  ): Promise<void> {
    let failure: unknown = new VitalchainError('ERR_UNREACHABLE', 'no member is linked', {
      retryable: true
    })
    for (const member of network.linkedMembers()) {
      try {
        const answer = network.request(member, BLOCKS, rangeFormat.encode({ from: height }), {
          maxResponseBytes: SYNC_BYTES_MAX + certifiedBlockFormat.bytesMax,
          timeoutMs: HEAL_TIMEOUT_MS,
          signal
        })
        for await (const part of answer) {
          const certified = certifiedBlockFormat.decode(part)
          if (certified.block.header.height !== height)
            throw new VitalchainError('ERR_BLOCK_HEIGHT', `block ${height} was asked for`, {
              values: { height }
            })
          return await take(certified)
        }
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  const loop = createLoop(async signal => {
    const damage = found.first()
    if (damage === undefined) return Infinity
    const name = JSON.stringify(damage)
    try {
      await heal(damage, signal)
      log('damage healed', { ...damage })
    } catch (error) {
      const count = (tries.get(name) ?? 0) + 1
      const giveUp = count >= TRIES_MAX || damage.type === 'state'
      if (count === 1 || giveUp) {
        log('damage not healed', { ...damage, code: errorCode(error), tries: count })
      }
      // What it needs may be damaged too.
      found.note(error)
      if (!giveUp) {
        tries.set(name, count)
        found.later(damage)
        return damageOf(error) === undefined ? HEAL_PAUSE_MS : 0
      }
    }
    tries.delete(name)
    found.done(damage)
    return 0
  })
  return loop
}
