import { equalBytes, errorCode, toHex, type ErrorValues } from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'
import { toUnit } from '../consensus/block-source.ts'
import type { Admission } from './admission.ts'
import type { Pending, Pool } from './pool.ts'
import { bundles, unitsFormat, type Unit } from './unit.ts'

/** How long a transaction waits before it is offered to the leader directly, ms: gossip and a block take less when all is well. */
const OFFER_AFTER_MS = 250

/** How long the leader may take to look at an offer, ms. */
const OFFER_TIMEOUT_MS = 2_000

const OFFER = 'offer'

/**
 * Offers what has waited too long to the leader of the moment: gossip may not have reached it, and it may have started after
 * the others had told. Who has no link to the leader offers it to others. Nothing runs while nothing waits.
 */
export interface Offers {
  /** Something waits. */
  wake(): void
  /**
   * Offers all that waits to so many linked validators, the leader first, because this node is about to stop.
   *
   * @returns how many validators among them have it
   */
  handOver(members: number, signal: AbortSignal): Promise<number>
  stop(): void
}

/** Makes the {@link Offers} of a node and takes in others'. */
export function createOffers({
  ledger,
  pool,
  network,
  admission,
  leader,
  now,
  log
}: {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly network: Network
  readonly admission: Admission
  /** The member that leads now, as far as this node knows; undefined when it is this node. */
  readonly leader: () => Uint8Array | undefined
  readonly now: () => number
  readonly log: (event: string, values: ErrorValues) => void
}): Offers {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  /** Counts those asked in place of the leader. */
  let turn = 0

  network.handleRequest(
    OFFER,
    { access: 'members', maxRequestBytes: unitsFormat.bytesMax, timeoutMs: OFFER_TIMEOUT_MS },
    async request => {
      // What is refused is refused for its own reason; together they share the disk's syncs.
      await Promise.allSettled(unitsFormat.decode(request).map(unit => admission.submit(unit)))
      return new Uint8Array(0)
    }
  )

  /** One by one: a bundle takes the first few of a backlog, and only their payloads are read. */
  function* lateUnits(): IterableIterator<Unit> {
    const time = now()
    for (const pending of pool.candidates())
      if (time - pending.since >= OFFER_AFTER_MS) yield toUnit(ledger, pending)
  }

  async function offer(): Promise<void> {
    const member = whomToAsk()
    if (member === undefined) return
    const [bundle] = bundles(lateUnits())
    if (bundle !== undefined) await send(member, bundle)
  }

  /** Resolves when the member has looked at each of them. */
  async function send(
    member: Uint8Array,
    bundle: readonly Unit[],
    signal?: AbortSignal
  ): Promise<void> {
    const answer = network.request(member, OFFER, unitsFormat.encode(bundle), {
      maxResponseBytes: 16,
      timeoutMs: OFFER_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal })
    })
    // It is empty; reading it waits for its end.
    for await (const _ of answer) continue
  }

  async function handOver(members: number, signal: AbortSignal): Promise<number> {
    const wanted = leader()
    const isLeader = (member: Uint8Array): boolean =>
      wanted !== undefined && equalBytes(member, wanted)
    const validators = new Set(ledger.validators().map(({ member }) => toHex(member)))
    const isValidator = (member: Uint8Array): boolean => validators.has(toHex(member))
    // A follower of this node alone proposes nothing, and loses its link to the others with it.
    const linked = network
      .linkedMembers()
      .toSorted(
        (a, b) =>
          Number(isLeader(b)) - Number(isLeader(a)) ||
          Number(isValidator(b)) - Number(isValidator(a))
      )
    let told = 0
    for (const member of linked) {
      if (told >= members || signal.aborted || pool.size === 0) break
      try {
        const waiting = [...pool.candidates()]
        for (const bundle of bundles(units(waiting))) await send(member, bundle, signal)
        if (isValidator(member)) told++
      } catch (error) {
        log('offer failed', { code: errorCode(error) })
      }
    }
    return told
  }

  /** One by one: their payloads are on the disk. What was committed since is not among them. */
  function* units(waiting: readonly Pending[]): IterableIterator<Unit> {
    for (const pending of waiting)
      if (pool.get(pending.hash) !== undefined) yield toUnit(ledger, pending)
  }

  /** The leader; or, while there is no link to it, another member each time, which tells the rest. */
  function whomToAsk(): Uint8Array | undefined {
    const wanted = leader()
    if (wanted === undefined) return undefined
    const linked = network.linkedMembers()
    if (linked.length === 0 || linked.some(member => equalBytes(member, wanted))) return wanted
    turn = (turn + 1) % linked.length
    return linked[turn]
  }

  function schedule(): void {
    if (stopped || timer !== undefined || pool.size === 0) return
    timer = setTimeout(() => {
      void offer()
        .catch((error: unknown) => log('offer failed', { code: errorCode(error) }))
        .finally(() => {
          timer = undefined
          schedule()
        })
    }, OFFER_AFTER_MS)
  }

  return {
    wake: schedule,
    handOver,
    stop() {
      stopped = true
      clearTimeout(timer)
    }
  }
}
