import { listMembers } from '@vitalchain/contracts'
import { equalBytes, toHex } from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'
import { createDialBack, REACHED } from './dial-back.ts'
import type { DialBackObservation } from './observations.ts'
import { LASTING_MS, RECENT_MS } from './probe-cache.ts'

/** Finds out whether others can connect to this node. */
export interface OwnReach {
  /** What a member found that was asked to try; undefined while an inbound connection proves it, and while nothing is known. */
  observe(): Promise<DialBackObservation | undefined>
}

/** Makes the {@link OwnReach} of a node, before its network starts. */
export function createOwnReach({
  ledger,
  network,
  signal
}: {
  readonly ledger: Ledger
  readonly network: Network
  readonly signal: AbortSignal
}): OwnReach {
  const dialBack = createDialBack(network, () => toHex(ledger.network), signal)
  let asking = 0
  let last: { readonly at: number; readonly seen: DialBackObservation } | undefined

  return {
    async observe() {
      // Members alone: nobody approved what a follower says.
      const linked = listMembers(ledger.state).filter(({ id }) =>
        network.linkedMembers().some(each => equalBytes(each, id))
      )
      const asked = linked[asking % linked.length]
      const isProved = network.peers().some(({ direction }) => direction === 'inbound')
      if (asked === undefined || isProved) return undefined
      if (last !== undefined) {
        const age = performance.now() - last.at
        if (age < (last.seen.reached ? LASTING_MS : RECENT_MS)) return last.seen
      }
      // Another one the next time: the way from this one may be cut.
      asking += 1
      const attempts = await dialBack.ask(asked.id, signal)
      if (attempts.length === 0) return last?.seen
      const seen = {
        by: asked.name,
        reached: attempts.some(({ outcome }) => outcome === REACHED),
        addresses: attempts.map(({ address }) => address)
      }
      last = { at: performance.now(), seen }
      return seen
    }
  }
}
