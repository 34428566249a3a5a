import { sha256, toHex, utf8, type Evidence } from '@vitalchain/core'
import { plainTransaction, transactionsOf } from './chain.ts'
import type { Host } from './host.ts'
import { changeTransaction, membersOf, type Change } from './members.ts'
import type { World } from './world.ts'

/** How often a change of the validators is tried again while the one before it is not decided, ms. */
const CHANGE_RETRY_MS = 100

/** A transaction that everybody knows. */
export interface Pending {
  readonly number: number
  readonly transaction: Uint8Array
  readonly key: string
  /** When it was submitted, ms of virtual time. */
  readonly at: number
  /** Evidence and changes of the validators come first. */
  readonly urgent: boolean
}

/** The transactions of a simulation: work, changes of the validators and evidence. Everybody knows them at once. */
export class Pool {
  readonly #world: World
  readonly #transactions: Pending[] = []
  readonly #accused = new Set<string>()
  #work = 0
  #changes = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Whether all work and all changes of the scenario were submitted. */
  get isFilled(): boolean {
    const { heights, workAfter = 0, changes = [] } = this.#world.scenario
    return this.#work >= heights + workAfter && this.#changes >= changes.length
  }

  /** The transactions that a machine has not committed: the urgent ones, then the others, oldest first. */
  pendingAt(host: Host): Pending[] {
    const committed = transactionsOf(host.disk.chain)
    const pending = this.#transactions.filter(({ key }) => !committed.has(key))
    return pending.length < 2
      ? pending
      : [...pending.filter(each => each.urgent), ...pending.filter(each => !each.urgent)]
  }

  /** New transactions, known to everybody at once. */
  submit(count: number): void {
    for (let k = 0; k < count; k += 1) {
      this.#add(plainTransaction(this.#work), false)
      this.#work += 1
    }
  }

  /** A machine has evidence: it goes on the chain, once for each member and kind. */
  accuse(host: Host, { kind, height, validator }: Evidence): void {
    const members = membersOf(this.#world.keys, this.#world.checker.setAt(height) ?? [])
    const accusation = `${kind} by ${members[validator] ?? validator}`
    if (!this.#world.isHonest(host.validator) || this.#accused.has(accusation)) return
    this.#accused.add(accusation)
    this.#add(sha256(utf8(accusation)), true)
    this.#tellWork()
  }

  #add(transaction: Uint8Array, urgent: boolean): void {
    const number = this.#transactions.length
    const at = this.#world.schedule.now
    this.#transactions.push({ number, transaction, key: toHex(transaction), at, urgent })
  }

  #tellWork(): void {
    // Not within the step that found it.
    this.#world.schedule.after(0, () => {
      for (const host of this.#world.hosts) host.tellWork()
    })
  }

  /** Proposes the next change of the validators, after the one before it. */
  planChange(): void {
    const change = this.#world.scenario.changes?.[this.#changes]
    if (change === undefined) return
    this.#world.schedule.after(Math.max(0, change.at - this.#world.schedule.now), () => {
      this.#change(change)
    })
  }

  #change(change: Change): void {
    const before = this.#world.scenario.changes?.[this.#changes - 1]
    const decided = before === undefined ? undefined : toHex(changeTransaction(before))
    const ready =
      decided === undefined ||
      this.#world.hosts.some(
        host => this.#world.isHonest(host.validator) && transactionsOf(host.disk.chain).has(decided)
      )
    if (!ready) {
      this.#world.schedule.after(CHANGE_RETRY_MS, () => {
        this.#change(change)
      })
      return
    }
    this.#world.count(`validators change: ${change.kind}`)
    this.#changes += 1
    this.#add(changeTransaction(change), true)
    this.#tellWork()
    this.planChange()
  }
}
