import {
  blockHash,
  equalBytes,
  quorum,
  toHex,
  type Certificate,
  type ValidatorSet
} from '@vitalchain/core'
import { INVALID_STATE, NETWORK, SCOPE, certifies, isWhole, type StoredBlock } from './chain.ts'
import type { Host } from './host.ts'
import type { KeyRing } from './keys.ts'
import { applyChanges, hashOfSet, keyIn, membersOf } from './members.ts'
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
  /** The validators of each height, from 1 on, as the decided blocks give them. */
  readonly #sets: ValidatorSet[]
  /** The members that take turns as leaders at each height, as honest replicas derive them. */
  readonly #eligible = new Map<number, readonly number[]>()
  /** The highest view that each honest validator reached at each height. */
  readonly #reached = new Map<number, Map<number, number>>()
  /** Certificates that honest hosts gave out with their blocks. */
  readonly #receipts: Certificate[] = []
  /** The height at which each transaction was decided. */
  readonly #transactions = new Map<string, number>()
  /** Messages that were looked at: they are sent again and again. */
  readonly #seen = new WeakSet<SignedMessage>()
  /** What each honest validator said at each place. */
  readonly #said = new Map<string, string>()
  /** The highest view change of each honest validator at each height. */
  readonly #left = new Map<string, number>()
  /** The highest view in which each honest validator committed at each height. */
  readonly #committed = new Map<string, number>()

  constructor(keys: KeyRing, honest: ReadonlySet<number>) {
    this.#keys = keys
    this.#honest = honest
    this.#sets = [keys.validators]
  }

  /** The validators of a height; undefined before the block below was decided. */
  setAt(height: number): ValidatorSet | undefined {
    return this.#sets[height - 1]
  }

  /** The members that take turns as leaders of a height, in order, as one text. */
  leadersAt(height: number): string {
    return this.#eligible.get(height)?.join() ?? ''
  }

  /** Keeps the first violation. */
  fail(what: string): void {
    this.violation ??= what
  }

  /** An honest replica sends a signed message while this is on its disk. */
  sends({ validator, key, disk }: Host, message: SignedMessage): void {
    if (this.#seen.has(message)) return
    this.#seen.add(message)
    const { type, height, view } = message
    const set = this.setAt(height)
    const signer = set === undefined ? undefined : membersOf(this.#keys, set)[message.sender]
    if (set === undefined || signer !== validator || keyIn(this.#keys, set, validator) !== key)
      this.fail(`VOTES OUT OF TURN: validator ${validator} at height ${height}`)
    const place = `${type} height ${height} view ${view} validator ${validator}`
    const content = toHex(messageSignBytes(SCOPE, message))
    const before = this.#said.get(place)
    if (before === content) return
    if (before !== undefined) return this.fail(`DOUBLE-SIGN: ${place}`)
    this.#said.set(place, content)
    const record = disk.voteState === undefined ? undefined : decodeVoteState(disk.voteState)
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

  /** An honest replica decides, and derives this leadership and these validators for the next height. */
  decides(height: number, { block, certificate, leadership, validators }: StoredBlock): void {
    const hash = blockHash(block.header)
    const before = this.#decided.get(height)
    if (before === undefined) this.#validates(height, block)
    else if (!equalBytes(before, hash))
      this.fail(`DISAGREEMENT at height ${height}: ${toHex(before)} and ${toHex(hash)}`)
    this.#decided.set(height, hash)
    const fits = certificate.height === height && equalBytes(certificate.blockHash, hash)
    const set = this.setAt(height)
    if (!fits || set === undefined || !certifies(certificate, set, this.#keys))
      this.fail(`BAD CERTIFICATE at height ${height}`)
    const next = this.setAt(height + 1)
    if (next === undefined || !equalBytes(hashOfSet(next), hashOfSet(validators)))
      this.fail(`DIFFERENT VALIDATORS after height ${height}`)
    this.#receipts.push(certificate)
    this.#blames(leadership)
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
    if (effect.type === 'evidence') {
      const { kind, height, validator: index } = effect.evidence
      const accused = membersOf(this.#keys, this.setAt(height) ?? [])[index]
      if (accused === undefined || this.#honest.has(accused))
        this.fail(`FALSE EVIDENCE of ${kind} against honest validator ${accused ?? index}`)
    }
    if (effect.type === 'event' && effect.name === 'view')
      this.reaches(validator, effect.height, effect.view)
    if (effect.type === 'sign' && observes)
      this.fail(`SIGNS WITHOUT ITS VOTE STATE: validator ${validator}`)
    if (
      effect.type === 'event' &&
      (effect.name === 'foreign-vote' || effect.name === 'vote-state-old')
    )
      this.fail(`FALSE ALARM: validator ${validator} takes its own vote for another's`)
    if (effect.type === 'event' && effect.name === 'diverged')
      this.fail(`DIVERGED at height ${effect.height}`)
  }

  /** A validator begins height 1 in a view that it reached before. */
  starts(validator: number, view: number): void {
    const all = this.#reached.get(1) ?? new Map<number, number>()
    this.#reached.set(1, all.set(validator, view))
  }

  /**
   * An honest validator goes to a view. Nobody is more than one view above what a quorum reached, so that a minority does
   * not run away however long it is alone. spec C-19.
   */
  reaches(validator: number, height: number, view: number): void {
    const all = this.#reached.get(height) ?? new Map<number, number>()
    const highest = Math.max(0, ...all.values())
    all.set(validator, Math.max(view, all.get(validator) ?? 0))
    this.#reached.set(height, all)
    const set = this.setAt(height)
    if (view <= Math.max(1, highest) || set === undefined) return
    const members = membersOf(this.#keys, set)
    const near = members.filter(
      each => !this.#honest.has(each) || (all.get(each) ?? 0) >= view - 1
    ).length
    if (near < quorum(members.length))
      this.fail(`RUNS AWAY: validator ${validator} to view ${view} at height ${height}`)
  }

  /** At the end: hand-overs lead from the first validators to every certificate that was ever given out. */
  finishes(chains: readonly (readonly StoredBlock[])[]): void {
    const all = chains.map(chain => ({ chain, sets: this.#handOvers(chain) }))
    const [longest] = all.toSorted((a, b) => b.chain.length - a.chain.length)
    for (const certificate of this.#receipts) {
      const { height } = certificate
      const stored = longest?.chain[height - 1]
      const set = longest?.sets[height - 1]
      if (stored === undefined || set === undefined) continue
      const proves =
        equalBytes(stored.blockHash, certificate.blockHash) &&
        certifies(certificate, set, this.#keys)
      if (!proves) this.fail(`BROKEN RECEIPT of height ${height}`)
    }
  }

  /** The validators of each height of a chain, as its headers hand over from the first ones. */
  #handOvers(chain: readonly StoredBlock[]): ValidatorSet[] {
    let validators = this.#keys.validators
    return chain.map(({ block: { header }, validators: next }) => {
      const set = validators
      const proves =
        equalBytes(header.validatorsHash, hashOfSet(set)) &&
        equalBytes(header.nextValidatorsHash, hashOfSet(next))
      if (!proves) this.fail(`BROKEN HAND-OVER at height ${header.height}`)
      validators = next
      return set
    })
  }

  /** Only who led a view at a height is said to have failed there. */
  #blames({ failures }: Leadership): void {
    for (const { height, view, member } of failures) {
      const eligible = this.#eligible.get(height)
      const set = this.setAt(height)
      if (eligible === undefined || set === undefined || eligible.length === 0) continue
      const leader = eligible[(height + view) % eligible.length]
      const failed = set.findIndex(each => equalBytes(each.member, member))
      if (failed < 0 || membersOf(this.#keys, set)[failed] !== leader)
        this.fail(`DIFFERENT LEADERS: a member that did not lead height ${height} view ${view}`)
    }
  }

  /** An honest replica holds this after a step. */
  holds(before: ReplicaState, { round, next, answered }: ReplicaState): void {
    if (round === undefined) return
    const { height, validators } = round.context
    const n = validators.length
    const members = membersOf(this.#keys, validators)
    if (before.round?.context.height !== height) this.#leads(height, members, round.eligible)
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
        if (!certifies(certificate, validators, this.#keys, 'prepare'))
          this.fail(`FORGERY: a prepared certificate of height ${certificate.height}`)
    }
    if (round.viewChanges === before.round?.viewChanges) return
    // A view change that an honest validator never signed would justify what must not be proposed.
    for (const message of round.viewChanges.values()) {
      const { view, sender } = message
      const signer = members[sender]
      if (signer === undefined || !this.#honest.has(signer)) continue
      const said = this.#said.get(`view-change height ${height} view ${view} validator ${signer}`)
      const own = sender === round.self
      if (!own && said !== toHex(messageSignBytes(SCOPE, message)))
        this.fail(`FORGERY: a view change of validator ${sender} that it never signed`)
    }
  }

  #leads(height: number, members: readonly number[], eligible: readonly number[]): void {
    const leaders = eligible.flatMap(index => members[index] ?? [])
    const known = this.#eligible.get(height)
    if (known !== undefined && known.join() !== leaders.join())
      this.fail(`DIFFERENT LEADERS at height ${height}`)
    this.#eligible.set(height, leaders)
  }

  #validates(height: number, block: BlockProposal): void {
    const { header, transactions } = block
    const set = this.setAt(height)
    const next = set === undefined ? undefined : applyChanges(set, transactions, this.#keys)
    if (next !== undefined && this.#sets.length === height) this.#sets.push(next)
    const parent = height === 1 ? NETWORK : this.#decided.get(height - 1)
    const valid =
      header.height === height &&
      parent !== undefined &&
      equalBytes(header.previous, parent) &&
      equalBytes(header.network, NETWORK) &&
      isWhole(block) &&
      set !== undefined &&
      next !== undefined &&
      equalBytes(header.validatorsHash, hashOfSet(set)) &&
      equalBytes(header.nextValidatorsHash, hashOfSet(next)) &&
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
