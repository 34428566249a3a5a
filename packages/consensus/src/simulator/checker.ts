import { blockHash, toHex, type Certificate } from '@vitalchain/core'
import { certifies } from './chain.ts'
import type { KeyRing } from './keys.ts'
import {
  decodeVoteState,
  messageSignBytes,
  type BlockProposal,
  type Effect,
  type ReplicaState,
  type SignedMessage
} from './replica.ts'
import { NETWORK } from './chain.ts'

const SCOPE = { network: NETWORK, recoveryEpoch: 0 }

/** Watches everything that honest replicas do, and keeps the first thing that must never happen. */
export class Checker {
  violation: string | undefined
  readonly #keys: KeyRing
  readonly #honest: ReadonlySet<number>
  readonly #decided = new Map<number, string>()
  /** What each honest validator said at each place. */
  readonly #said = new Map<string, string>()
  /** The highest view change of each honest validator at each height. */
  readonly #left = new Map<string, number>()

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
    if (type === 'view-change') this.#left.set(promise, view)
    if (type === 'commit') {
      const { certificate, block } = record?.prepared ?? {}
      const proved =
        certificate?.view === view && toHex(certificate.blockHash) === toHex(message.blockHash)
      const held =
        block !== undefined && toHex(blockHash(block.header)) === toHex(message.blockHash)
      if (!proved || !held || record?.sent.prepare === undefined)
        this.fail(`COMMIT WITHOUT PROOF: ${place}`)
    }
  }

  /** An honest replica decides. */
  decides(height: number, block: BlockProposal, certificate: Certificate): void {
    const hash = toHex(blockHash(block.header))
    const before = this.#decided.get(height)
    if (before !== undefined && before !== hash)
      this.fail(`DISAGREEMENT at height ${height}: ${before} and ${hash}`)
    this.#decided.set(height, hash)
    const fits = certificate.height === height && toHex(certificate.blockHash) === hash
    if (!fits || !certifies(certificate, this.#keys))
      this.fail(`BAD CERTIFICATE at height ${height}`)
  }

  /** A replica emits something. */
  emits(effect: Effect): void {
    if (effect.type === 'evidence' && this.#honest.has(effect.validator)) {
      this.fail(`FALSE EVIDENCE of a ${effect.kind} against honest validator ${effect.validator}`)
    }
    if (effect.type === 'event' && effect.name === 'diverged')
      this.fail(`DIVERGED at height ${effect.height}`)
  }

  /** A replica holds this much. */
  holds({ round, next, answered }: ReplicaState): void {
    if (round === undefined) return
    const n = round.context.validators.length
    const votes = [...round.prepares.values(), ...round.commits.values()].reduce(
      (sum, each) => sum + each.size,
      0
    )
    const bounded =
      votes <= 2 * 9 * n &&
      round.viewChanges.size <= n &&
      round.latestViews.size <= n &&
      round.blocks.size <= n + 18 &&
      round.proposals.size <= 9 &&
      round.certificates.size <= 8 &&
      next.size <= 4 * n &&
      answered.size <= n
    if (!bounded) this.fail(`UNBOUNDED MEMORY at height ${round.context.height}`)
  }
}
