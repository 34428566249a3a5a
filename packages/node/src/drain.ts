import type { ErrorValues } from '@vitalchain/core'
import { pause } from './loop.ts'
import type { Offers } from './pool/offers.ts'
import type { OwnDoor } from './pool/own-door.ts'
import type { Pool } from './pool/pool.ts'

/** How long a leader waits for each block of what it still proposes, ms: twice what a slow network takes. */
const BLOCK_WAIT_MS = 2_000

/** How long what is being taken may take, ms: a check of signatures and a write to the disk; a device's turn, which is shorter. */
const UNDER_WAY_MS = 2_500

/** Lets a node stop without anybody noticing: what its clients handed over stays on its way, and nobody waits for it to lead. */
export interface Drain {
  /** Takes nothing more of own clients and hands over what waits. Resolves when the node may stop, early when the signal aborts. */
  run(signal: AbortSignal): Promise<void>
  /** A block is durable. */
  committed(): void
}

/** Makes the {@link Drain} of a node. */
export function createDrain({
  door,
  offers,
  pool,
  leads,
  trust,
  log
}: {
  readonly door: OwnDoor
  readonly offers: Offers
  readonly pool: Pool
  /** Whether this node votes and leads the height above the head. */
  readonly leads: () => boolean
  /** How many others must have a transaction so that one of them is honest: f + 1. */
  readonly trust: () => number
  readonly log: (event: string, values: ErrorValues) => void
}): Drain {
  let block = new AbortController()
  return {
    async run(signal) {
      const closed = door.close()
      log('drains', { waiting: pool.size })
      // Their clients will be told that they are accepted.
      const taken = new AbortController()
      void closed.then(() => taken.abort())
      await pause(UNDER_WAY_MS, AbortSignal.any([taken.signal, signal]))
      const told = await offers.handOver(trust(), signal)
      // Whoever leads and goes costs the others a view. Its block makes another the leader; with nothing to propose, nobody waits.
      while (leads() && pool.size > 0 && !signal.aborted) {
        block = new AbortController()
        await pause(BLOCK_WAIT_MS, AbortSignal.any([block.signal, signal]))
        // What waits cannot take effect: it is not held up by this node.
        if (!block.signal.aborted) break
      }
      log(signal.aborted ? 'drain cut short' : 'drained', { waiting: pool.size, told })
    },
    committed: () => block.abort()
  }
}
