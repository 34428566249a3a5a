import { equalKeys, laneChain, type Rules, type StateReader } from '@vitalchain/contracts'
import type { Candidate } from '../ledger/execute.ts'
import { toHex, VitalchainError, type PublicKey, type Transaction } from '@vitalchain/core'
import { payloadDigest } from './unit.ts'

/** Transactions waiting: a backlog of minutes; about as many bytes again as {@link POOL_BYTES_MAX} beside theirs. Payloads wait on the disk. */
export const POOL_TRANSACTIONS_MAX: number = 50_000

/** Bytes of the waiting transactions together. */
export const POOL_BYTES_MAX: number = 64 * 1024 * 1024

/** Waiting transactions of one chain: what a device may have under way at once, with room for two peers' copies. */
export const POOL_CHAIN_MAX: number = 128

/** Transactions of one chain that a block takes before it looks at the others again. */
export const CHAIN_TURN: number = 16

/** How long a transaction may wait, ms. Whoever sent it sends it again. */
export const POOL_WAIT_MS: number = 60 * 60 * 1000

/** A transaction that waits to be committed. Its signatures are checked and its payload is held. */
export interface Pending extends Candidate {
  readonly signaturesChecked: true
  /** When it came in, ms since 1970. */
  readonly since: number
}

/** The transactions that wait, by chain. */
export interface Pool {
  readonly size: number
  /** The ones that nothing else must precede: of each chain the next, and those that stand alone. */
  firsts(): IterableIterator<Pending>
  get(hash: Uint8Array): Pending | undefined
  /** The waiting transaction of this statement or call, whatever its signature. */
  find(id: Uint8Array): Pending | undefined
  /** Whether a waiting transaction names this payload. */
  names(payload: Uint8Array): boolean
  /** The waiting transaction that follows the same one as this, or the waiting evidence of the same fault. */
  rival(transaction: Transaction): Pending | undefined
  /** Whether a rotation of this lane to this key waits. */
  hasRotation(lane: { readonly device: Uint8Array; readonly lane: 0 | 1 }, key: PublicKey): boolean
  /** @throws VitalchainError `ERR_BUSY` (retryable) when there is no room for a transaction of so many bytes */
  checkRoom(transaction: Transaction, size: number): void
  /** @throws VitalchainError as {@link checkRoom} */
  add(pending: Pending): void
  /** In the order in which a block should take them: evidence, calls, urgent lanes, then the rest; chains in their order, in turns of a few. */
  candidates(): IterableIterator<Pending>
  /** Takes out what a block committed, and what can no longer be, which is returned. */
  remove(
    committed: Iterable<{ readonly hash: Uint8Array; readonly transaction: Transaction }>
  ): readonly Pending[]
  /** Takes out one that was refused. */
  drop(hash: Uint8Array): Pending | undefined
  /** Takes out what has waited longer than {@link POOL_WAIT_MS}. */
  expire(now: number): readonly Pending[]
}

/** Waiting transactions of one chain, by what they follow. */
type Chain = Map<string, Pending>

/** The waiting room of a node. It is memory only: a device sends again what was not committed. */
export function createPool(rules: Rules, state: StateReader): Pool {
  const byHash = new Map<string, Pending>()
  const byId = new Map<string, Pending>()
  const chains = new Map<string, Chain>()
  /** Evidence by what it proves: one key can make any number of proofs of one fault. */
  const accusations = new Map<string, Pending>()
  /** How many of them name a payload. */
  const payloads = new Map<string, number>()
  let bytes = 0

  const countPayload = ({ transaction }: Pending, change: 1 | -1): void => {
    const digest = payloadDigest(transaction)
    if (digest === undefined) return
    const name = toHex(digest)
    const count = (payloads.get(name) ?? 0) + change
    if (count > 0) payloads.set(name, count)
    else payloads.delete(name)
  }

  const remove = (pending: Pending): void => {
    const hash = toHex(pending.hash)
    if (!byHash.delete(hash)) return
    byId.delete(toHex(pending.transaction.id))
    bytes -= pending.bytes.length
    countPayload(pending, -1)
    const accusation = accusationOf(pending.transaction)
    if (accusation !== undefined) accusations.delete(accusation)
    const link = rules.link(pending.transaction)
    const chain = link === undefined ? undefined : chains.get(link.chain)
    if (link === undefined || chain === undefined) return
    const previous = toHex(link.previous)
    if (chain.get(previous) === pending) chain.delete(previous)
    if (chain.size === 0) chains.delete(link.chain)
  }

  /** The transactions of a chain that can be committed now, each behind the one before. */
  function* run(chain: Chain): IterableIterator<Pending> {
    const [first] = chain.values()
    if (first === undefined) return
    let head = rules.head(state, first.transaction)
    while (head !== undefined) {
      const next = chain.get(toHex(head))
      if (next === undefined) return
      yield next
      head = rules.link(next.transaction)?.next
    }
  }

  const pool: Pool = {
    get size() {
      return byHash.size
    },
    *firsts() {
      for (const chain of chains.values()) {
        const first = run(chain).next()
        if (first.done !== true) yield first.value
      }
      yield* standAlone(byHash.values(), rules)
    },
    get: hash => byHash.get(toHex(hash)),
    find: id => byId.get(toHex(id)),
    names: payload => payloads.has(toHex(payload)),
    rival(transaction) {
      const accusation = accusationOf(transaction)
      if (accusation !== undefined) return accusations.get(accusation)
      const link = rules.link(transaction)
      return link === undefined ? undefined : chains.get(link.chain)?.get(toHex(link.previous))
    },
    hasRotation({ device, lane }, key) {
      const chain = chains.get(laneChain(device, lane))?.values() ?? []
      return [...chain].some(
        ({ transaction }) =>
          transaction.type === 'statement' &&
          transaction.statement.type === 'rotation' &&
          equalKeys(transaction.statement.newKey, key)
      )
    },
    checkRoom(transaction, size) {
      const link = rules.link(transaction)
      const waiting = link === undefined ? 0 : (chains.get(link.chain)?.size ?? 0)
      if (
        byHash.size >= POOL_TRANSACTIONS_MAX ||
        bytes + size > POOL_BYTES_MAX ||
        waiting >= POOL_CHAIN_MAX
      ) {
        throw new VitalchainError('ERR_BUSY', 'too many transactions wait; send it again later', {
          retryable: true
        })
      }
    },
    add(pending) {
      pool.checkRoom(pending.transaction, pending.bytes.length)
      const link = rules.link(pending.transaction)
      const chain =
        link === undefined ? undefined : (chains.get(link.chain) ?? new Map<string, Pending>())
      byHash.set(toHex(pending.hash), pending)
      byId.set(toHex(pending.transaction.id), pending)
      bytes += pending.bytes.length
      countPayload(pending, 1)
      const accusation = accusationOf(pending.transaction)
      if (accusation !== undefined) accusations.set(accusation, pending)
      if (link === undefined || chain === undefined) return
      chain.set(toHex(link.previous), pending)
      chains.set(link.chain, chain)
    },
    *candidates() {
      yield* standAlone(byHash.values(), rules)
      for (const urgency of ['call/', 'urgent', 'rest'] as const) {
        const runs = [...chains].filter(([name]) => urgencyOf(name) === urgency)
        yield* inTurns(runs.map(([, chain]) => run(chain)))
      }
    },
    remove(committed) {
      const lost: Pending[] = []
      for (const { hash, transaction } of committed) {
        const same = byHash.get(toHex(hash)) ?? byId.get(toHex(transaction.id))
        if (same !== undefined) remove(same)
        // Whatever else follows the same one can never be committed.
        const link = rules.link(transaction)
        const rival =
          link === undefined ? undefined : chains.get(link.chain)?.get(toHex(link.previous))
        if (rival === undefined) continue
        remove(rival)
        lost.push(rival)
      }
      return lost
    },
    drop(hash) {
      const pending = byHash.get(toHex(hash))
      if (pending !== undefined) remove(pending)
      return pending
    },
    expire(now) {
      const late = [...byHash.values()].filter(pending => now - pending.since > POOL_WAIT_MS)
      for (const pending of late) remove(pending)
      return late
    }
  }
  return pool
}

/** Of each the next few, then of each the next few again, so that no long one keeps the others out of a block. */
function* inTurns<T>(all: readonly IterableIterator<T>[]): IterableIterator<T> {
  for (let left = all; left.length > 0;) {
    const next: IterableIterator<T>[] = []
    for (const each of left) {
      for (let k = 0; k < CHAIN_TURN; k += 1) {
        const found = each.next()
        if (found.done === true) break
        yield found.value
        if (k === CHAIN_TURN - 1) next.push(each)
      }
    }
    left = next
  }
}

function* standAlone(all: Iterable<Pending>, rules: Rules): IterableIterator<Pending> {
  for (const pending of all) if (rules.link(pending.transaction) === undefined) yield pending
}

/** Names what a transaction of evidence proves: who did what, at which height. */
function accusationOf(transaction: Transaction): string | undefined {
  if (transaction.type !== 'evidence') return undefined
  const { validator, height, kind } = transaction.evidence
  return `${height}/${validator}/${kind}`
}

function urgencyOf(chain: string): 'call/' | 'urgent' | 'rest' {
  if (chain.startsWith('call/')) return 'call/'
  return chain.endsWith('/1') ? 'urgent' : 'rest'
}
