import { blockHash, equalBytes, toHex, type Certificate } from '@vitalchain/core'
import { INVALID_STATE, NETWORK, SCOPE, certifies, isWhole } from './chain.ts'
import type { KeyRing } from './keys.ts'
import {
  decodeVoteState,
  messageSignBytes,
  type BlockProposal,
  type Effect,
  type Leadership,
  type ReplicaState,
  type SignedMessage,
  type VoteState
} from './replica.ts'

const VIEWS_HELD = 9

/**
 * Watches everything that honest replicas do, and keeps the first thing that must never happen. It shares no rule
 * with the replica but the bytes and the check of a certificate.
 */
export class Checker {
  violation: string | undefined
  readonly #keys: KeyRing
  readonly #honest: ReadonlySet<number>
  readonly #decided = new Map<number, Uint8Array>()
  readonly #leadership = new Map<number, string>()
  /** The height at which each transaction was decided. */
  readonly #transactions = new Map<string, number>()
  /** What each honest validator said at each place. */
  readonly #said = new Map<string, string>()
  /** The highest view change of each honest validator at each height. */
  readonly #left = new Map<string, number>()
  /** The highest view in which each honest validator committed at each height. */
  readonly #committed = new Map<string, number>()

  constructor(keys: KeyRing, honest: ReadonlySet<number>) {
    this.#keys = keys
    this.#honest = honest
  }

  /** Keeps the first violation. */
  fail(what: string): void {
    this.violation ??= what
  }

  /** An honest replica sends a signed message while this is on its disk. */
  sends(validator: number, message: SignedMessage, disk: Uint8Array | undefined): void {
    const { type, height, view } = message
    const place = `${type} height ${height} view ${view} validator ${validator}`
    const content = toHex(messageSignBytes(SCOPE, message))
    const before = this.#said.get(place)
    if (before === content) return
    if (before !== undefined) return this.fail(`DOUBLE-SIGN: ${place}`)
    this.#said.set(place, content)
    const record = disk === undefined ? undefined : decodeVoteState(disk)
    const kept = record?.height === height && record.view === view ? record.sent[type] : undefined
    if (kept === undefined || toHex(messageSignBytes(SCOPE, kept)) !== content) {
      this.fail(`SAID BEFORE DURABLE: ${place}`)
    }
    const promise = `${validator}/${height}`
    if (view < (this.#left.get(promise) ?? 0))
      this.fail(`BROKEN PROMISE: ${place} after a later view change`)
    if (type === 'view-change') {
      this.#left.set(promise, view)
      if (message.preparedView < (this.#committed.get(promise) ?? -1))
        this.fail(`HIDDEN LOCK: ${place} claims less than was committed to`)
    }
    if (type === 'commit') {
      this.#committed.set(promise, view)
      if (!isProved(message, record)) this.fail(`COMMIT WITHOUT PROOF: ${place}`)
    }
    if (type === 'proposal') {
      const prepared = message.justification?.prepared
      if (
        prepared !== undefined &&
        !equalBytes(prepared.blockHash, blockHash(message.block.header))
      )
        this.fail(`ANOTHER BLOCK: ${place} does not propose the prepared block`)
    }
  }

  /** An honest replica decides; this is the leadership that it derives for the next height. */
  decides(
    height: number,
    block: BlockProposal,
    certificate: Certificate,
    leadership: Leadership | undefined
  ): void {
    const hash = blockHash(block.header)
    const before = this.#decided.get(height)
    if (before === undefined) this.#validates(height, block)
    else if (!equalBytes(before, hash))
      this.fail(`DISAGREEMENT at height ${height}: ${toHex(before)} and ${toHex(hash)}`)
    this.#decided.set(height, hash)
    const fits = certificate.height === height && equalBytes(certificate.blockHash, hash)
    if (!fits || !certifies(certificate, this.#keys))
      this.fail(`BAD CERTIFICATE at height ${height}`)
    const leaders = JSON.stringify(leadership, (_, value: unknown) =>
      value instanceof Uint8Array ? toHex(value) : value
    )
    const derived = this.#leadership.get(height)
    if (derived !== undefined && derived !== leaders)
      this.fail(`DIFFERENT LEADERS after height ${height}`)
    this.#leadership.set(height, leaders)
  }

  /** An honest replica emits something. */
  emits(validator: number, effect: Effect, observes: boolean): void {
    if (effect.type === 'evidence' && this.#honest.has(effect.validator)) {
      this.fail(`FALSE EVIDENCE of a ${effect.kind} against honest validator ${effect.validator}`)
    }
    if (effect.type === 'sign' && observes)
      this.fail(`SIGNS WITHOUT ITS VOTE STATE: validator ${validator}`)
    if (effect.type === 'event' && effect.name === 'diverged')
      this.fail(`DIVERGED at height ${effect.height}`)
  }

  /** An honest replica holds this after a step. */
  holds(before: ReplicaState, { round, next, answered }: ReplicaState): void {
    if (round === undefined) return
    const n = round.context.validators.length
    const votes = [...round.prepares.values(), ...round.commits.values()].reduce(
      (sum, each) => sum + each.size,
      0
    )
    const bounded =
      votes <= 2 * VIEWS_HELD * n &&
      round.viewChanges.size <= n &&
      round.latestViews.size <= n &&
      round.blocks.size <= n + 2 * VIEWS_HELD &&
      round.proposals.size <= VIEWS_HELD &&
      round.certificates.size <= 8 &&
      next.size <= 4 * n &&
      answered.size <= n
    if (!bounded) this.fail(`UNBOUNDED MEMORY at height ${round.context.height}`)
    if (round.certificates !== before.round?.certificates) {
      for (const certificate of round.certificates.values())
        if (!certifies(certificate, this.#keys, 'prepare'))
          this.fail(`FORGERY: a prepared certificate of height ${certificate.height}`)
    }
    if (round.viewChanges === before.round?.viewChanges) return
    // A view change that an honest validator never signed would justify what must not be proposed.
    for (const message of round.viewChanges.values()) {
      const { height, view, sender } = message
      if (!this.#honest.has(sender)) continue
      const said = this.#said.get(`view-change height ${height} view ${view} validator ${sender}`)
      const own = sender === round.self
      if (!own && said !== toHex(messageSignBytes(SCOPE, message)))
        this.fail(`FORGERY: a view change of validator ${sender} that it never signed`)
    }
  }

  #validates(height: number, block: BlockProposal): void {
    const { header, transactions } = block
    const parent = height === 1 ? NETWORK : this.#decided.get(height - 1)
    const valid =
      header.height === height &&
      parent !== undefined &&
      equalBytes(header.previous, parent) &&
      equalBytes(header.network, NETWORK) &&
      isWhole(block) &&
      !equalBytes(header.stateRoot, INVALID_STATE)
    if (!valid) this.fail(`INVALID BLOCK at height ${height}`)
    for (const transaction of transactions) {
      const key = toHex(transaction)
      if (this.#transactions.has(key)) this.fail(`DECIDED TWICE: a transaction at height ${height}`)
      this.#transactions.set(key, height)
    }
  }
}

/** Whether the vote state holds what a COMMIT asserts: the own PREPARE, the certificate and the block. */
function isProved(
  message: Extract<SignedMessage, { type: 'commit' }>,
  record: VoteState | undefined
): boolean {
  const { certificate, block } = record?.prepared ?? {}
  return (
    certificate?.view === message.view &&
    equalBytes(certificate.blockHash, message.blockHash) &&
    block !== undefined &&
    equalBytes(blockHash(block.header), message.blockHash) &&
    record?.sent.prepare !== undefined
  )
}
