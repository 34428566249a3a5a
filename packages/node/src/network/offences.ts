import type { ErrorValues } from '@vitalchain/core'

/** What a peer can do wrong that no honest one does. */
export type Offence =
  /** Bytes that are no message of their protocol. */
  | 'malformed'
  /** More bytes than the protocol allows. */
  | 'oversize'
  /** A message that its signer did not sign, or a signer that there is not. */
  | 'signature'
  /** A signed message or certificate whose proof does not hold. */
  | 'proof'
  /** A gossip message that an honest neighbour would not have sent on. */
  | 'gossip'

/** How often a peer did what. */
export type OffenceCounts = Readonly<Partial<Record<Offence, number>>>

/**
 * Points of one offence. A signature that is not valid costs one check; a proof that does not hold costs up to two quorums of
 * them. Gossipsub itself silences a neighbour for a while after nine bad messages, so few more come.
 */
const POINTS: Readonly<Record<Offence, number>> = {
  malformed: 10,
  oversize: 10,
  signature: 10,
  proof: 25,
  gossip: 2
}

/** A peer with so many points is cut off: ten bad signatures within seconds, so that one flipped bit or one fault of ours costs nobody its links. */
export const OFFENCE_POINTS_MAX: number = 95

/** Points halve in this time, ms. */
const HALF_LIFE_MS = 60_000

/**
 * How long a member is kept out, ms. Short: it may be a validator whose vote is needed once it is repaired, and ten more offences
 * each time cost nothing.
 */
export const MEMBER_BAN_MS: number = 30_000

/** How long anyone else is kept out, ms. */
export const STRANGER_BAN_MS: number = 10 * 60_000

/** Peers whose offences are remembered; more than there are members. Strangers are free to invent, so the list is bounded. */
const PEERS_MAX = 1_024

interface Account {
  points: number
  at: number
  bannedUntil: number
  readonly counts: Partial<Record<Offence, number>>
}

/** What {@link Offences} needs. */
export interface OffencesInit {
  readonly isMember: (peer: string) => boolean
  /** The peer's connections are to be cut. */
  readonly onBan: (peer: string, values: ErrorValues) => void
  /** A clock in ms that never goes back. */
  readonly now?: () => number
}

/** Counts what peers do wrong, and says who is kept out. spec C-42 */
export class Offences {
  readonly #init: OffencesInit
  readonly #now: () => number
  readonly #accounts = new Map<string, Account>()

  constructor(init: OffencesInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
  }

  /** Counts an offence, and keeps the peer out for a while when that was too much. */
  report(peer: string, offence: Offence): void {
    const now = this.#now()
    const account = this.#account(peer)
    account.counts[offence] = (account.counts[offence] ?? 0) + 1
    if (now < account.bannedUntil) return
    account.points = account.points * 2 ** ((account.at - now) / HALF_LIFE_MS) + POINTS[offence]
    account.at = now
    if (account.points < OFFENCE_POINTS_MAX) return
    const ms = this.#init.isMember(peer) ? MEMBER_BAN_MS : STRANGER_BAN_MS
    account.points = 0
    account.bannedUntil = now + ms
    this.#init.onBan(peer, { ms, ...account.counts })
  }

  /** Whether a peer is kept out now. */
  isBanned(peer: string): boolean {
    return this.bannedMs(peer) > 0
  }

  /** How long a peer is still kept out, ms; 0 for one that is not. */
  bannedMs(peer: string): number {
    return Math.max(0, (this.#accounts.get(peer)?.bannedUntil ?? 0) - this.#now())
  }

  /** What a peer did since it was last forgotten. */
  counts(peer: string): OffenceCounts {
    return { ...this.#accounts.get(peer)?.counts }
  }

  #account(peer: string): Account {
    const known = this.#accounts.get(peer)
    if (known !== undefined) return known
    if (this.#accounts.size >= PEERS_MAX) this.#forgetOne()
    const account: Account = { points: 0, at: this.#now(), bannedUntil: 0, counts: {} }
    this.#accounts.set(peer, account)
    return account
  }

  /** The one that offended least lately; never a member before a stranger, nor one that is kept out before one that is not. */
  #forgetOne(): void {
    const now = this.#now()
    let least: string | undefined
    let lowest = Infinity
    for (const [peer, { at, bannedUntil }] of this.#accounts) {
      const weight = (this.#init.isMember(peer) ? 2e15 : 0) + (bannedUntil > now ? 1e15 : 0) + at
      if (weight < lowest) [least, lowest] = [peer, weight]
    }
    if (least !== undefined) this.#accounts.delete(least)
  }
}
