import { pause } from '../loop.ts'

/**
 * Points a peer gets a second. A message costs one for each {@link BYTES_PER_POINT} begun. An honest validator needs about twenty
 * when it resends after an outage, and a proposal of 2 000 transactions costs seventeen.
 */
export const POINTS_PER_SECOND: number = 200

/** Points a peer gets for each block that was committed here: a height is a proposal and two votes of a peer, and what it resends. */
export const POINTS_PER_BLOCK: number = 32

/** Points a peer can save up: five seconds' worth, for the burst after a link comes up. */
export const POINTS_MAX: number = 1_000

/** Bytes of a message that cost one point: what takes about as long to decode as a signature takes to check. */
export const BYTES_PER_POINT: number = 4_096

/**
 * Points a peer may spend in one turn of the event loop: about a millisecond of checks. Then the others come first, so a peer that
 * sends without end delays each of them by that much and no more.
 */
export const POINTS_PER_TURN: number = 8

interface Account {
  points: number
  at: number
  turn: number
  spent: number
}

/** What a message of this length costs. */
export function costOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES_PER_POINT))
}

/**
 * Shares the time of one node among those who send to it, before anything of theirs is looked at: a token bucket for each peer, and
 * turns among them. Holds an account for each member that ever sent. spec C-41
 */
export class FairShare {
  readonly #accounts = new Map<string, Account>()
  readonly #now: () => number
  #turn = 0
  #nextTurn: Promise<void> | undefined

  /** @param now - a clock in ms that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Takes the points if there are any. For who cannot be made to wait. */
  spend(peer: string, cost: number): boolean {
    const account = this.#account(peer)
    if (account.points <= 0) return false
    account.points -= cost
    return true
  }

  /**
   * Takes the points, as soon as it is this peer's turn and it has any. One call for a peer at a time: it holds the peer back.
   *
   * @returns undefined when there is nothing to wait for
   */
  take(peer: string, cost: number, signal: AbortSignal): Promise<void> | undefined {
    return this.#tryTake(peer, cost) ? undefined : this.#wait(peer, cost, signal)
  }

  /** A block was committed: everybody may send for one more. */
  credit(): void {
    for (const account of this.#accounts.values())
      account.points = Math.min(POINTS_MAX, account.points + POINTS_PER_BLOCK)
  }

  async #wait(peer: string, cost: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#tryTake(peer, cost)) {
      const { points } = this.#account(peer)
      if (points > 0) await this.#startTurn()
      else await pause(Math.ceil(((1 - points) / POINTS_PER_SECOND) * 1_000), signal)
    }
  }

  #tryTake(peer: string, cost: number): boolean {
    const account = this.#account(peer)
    if (account.turn !== this.#turn) {
      account.turn = this.#turn
      account.spent = 0
    }
    if (account.points <= 0 || account.spent >= POINTS_PER_TURN) return false
    account.points -= cost
    account.spent += cost
    void this.#startTurn()
    return true
  }

  /** The next turn of the event loop, in which what others sent is read. */
  #startTurn(): Promise<void> {
    this.#nextTurn ??= new Promise(resolve => {
      setImmediate(() => {
        this.#turn += 1
        this.#nextTurn = undefined
        resolve()
      })
    })
    return this.#nextTurn
  }

  #account(peer: string): Account {
    const now = this.#now()
    const account = this.#accounts.get(peer) ?? { points: POINTS_MAX, at: now, turn: -1, spent: 0 }
    account.points = Math.min(
      POINTS_MAX,
      account.points + ((now - account.at) / 1_000) * POINTS_PER_SECOND
    )
    account.at = now
    this.#accounts.set(peer, account)
    return account
  }
}
