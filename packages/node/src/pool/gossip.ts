import { errorCode, isVitalchainError, type ErrorValues } from '@vitalchain/core'
import type { GossipVerdict, Network } from '../network/index.ts'
import type { Admission } from './admission.ts'
import { bundles, BUNDLE_BYTES, unitBytes, unitsFormat, type Unit } from './unit.ts'

/** The topic on which members tell each other what came in. */
const TOPIC = 'transactions'

/**
 * Shortest time between two bundles, ms: the first unit after a pause is told at once, under load they go together. Each bundle
 * costs every member a message from every other.
 */
const GATHER_MS = 10

/** Tells other members of admitted transactions, and takes in theirs. */
export interface Gossip {
  /** Tells the others of a unit that came in here. */
  tell(unit: Unit): void
  stop(): void
}

/**
 * Makes the {@link Gossip} of a node. A bundle is only an envelope: each unit in it is checked by itself, and none is relayed
 * before its signature was. A bundle with anything in it that this node could not admit goes no further.
 */
export function createGossip({
  network,
  admission,
  log
}: {
  readonly network: Network
  readonly admission: Admission
  readonly log: (event: string, values: ErrorValues) => void
}): Gossip {
  let gathered: Unit[] = []
  let gatheredBytes = 0
  let timer: NodeJS.Timeout | undefined
  let told = -Infinity
  /** Units that came by gossip and are being admitted: gossipsub relays their bundle itself. */
  const heard = new WeakSet<Unit>()

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    told = performance.now()
    const units = gathered
    gathered = []
    gatheredBytes = 0
    for (const bundle of bundles(units)) {
      network
        .publish(TOPIC, unitsFormat.encode(bundle))
        .catch((error: unknown) => log('gossip failed', { code: errorCode(error) }))
    }
  }

  network.subscribe(TOPIC, async encoded => {
    let units: readonly Unit[]
    try {
      units = unitsFormat.decode(encoded)
    } catch {
      return 'reject'
    }
    for (const unit of units) heard.add(unit)
    const verdicts = await Promise.all(units.map(judge))
    if (verdicts.includes('reject')) return 'reject'
    // One that was not looked at to the end would be relayed with the others. Who misses these finds them at the next hop,
    // by the proposal's hashes.
    return verdicts.includes('ignore') ? 'ignore' : 'accept'
  })

  async function judge(unit: Unit): Promise<GossipVerdict> {
    try {
      await admission.submit(unit)
      return 'accept'
    } catch (error) {
      // A member answers for what no honest member could have admitted, whatever it knew; the rest may be a matter of timing.
      return isVitalchainError(error) && NEVER_ADMITTED.has(error.code) ? 'reject' : 'ignore'
    }
  }

  return {
    tell(unit) {
      if (heard.has(unit)) return
      gathered.push(unit)
      gatheredBytes += unitBytes(unit)
      if (gatheredBytes >= BUNDLE_BYTES) flush()
      else timer ??= setTimeout(flush, Math.max(0, told + GATHER_MS - performance.now()))
    },
    stop() {
      clearTimeout(timer)
    }
  }
}

const NEVER_ADMITTED: ReadonlySet<string> = new Set([
  'ERR_TOO_LARGE',
  'ERR_ENCODING',
  'ERR_NOT_CANONICAL',
  'ERR_SCHEMA',
  'ERR_SIGNATURE',
  'ERR_OTHER_NETWORK',
  'ERR_PAYLOAD_DIGEST',
  'ERR_PAYLOAD_MISSING',
  'ERR_PAYLOAD_UNEXPECTED'
])
