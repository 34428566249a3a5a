import {
  HEADERS_PAGE_MAX,
  isVitalchainError,
  verifyAnchor,
  type CertifiedHeader,
  type Header
} from '@vitalchain/core'
import { examineRival, handOversUpTo, headerAt, sameHeader, type Rival } from './examine-rival.ts'
import type { Branch } from './fork-report.ts'
import { answerFault, type HttpPeer } from './http-peer.ts'
import type { LedgerView } from './ledger-view.ts'
import { STEPS_OVERTAKEN_MAX } from './limits.ts'
import { handOversBelow, verifyHeaderChain, verifyStep, type Trusted } from './trusted-state.ts'

/** What one question to a peer led to. */
export type Visit =
  /** The peer has what the client has. */
  | { readonly type: 'agrees'; readonly height: number }
  /** The peer has less than the client. */
  | { readonly type: 'behind'; readonly height: number }
  | { readonly type: 'fork'; readonly height: number; readonly report: Uint8Array }

/** Which headers are checked: those that prove the newest one, or each with the hash of the one before. */
export type HeadersMode = 'newest' | 'all'

/** Follows one peer: compares it with what is verified, and verifies what it has more. spec L-1 to L-5. */
export class PeerFollower {
  readonly peer: HttpPeer
  readonly #view: LedgerView
  readonly #mode: HeadersMode
  /** The highest height at which the peer had our header. */
  #agreedAt = 0
  /** A certified header of the peer that it did not tie to ours: it is held to it when the others come so far. */
  #claim: Branch | undefined
  /** The last header of a chain that has not come to the pin yet. */
  #walked: Header | undefined

  constructor(peer: HttpPeer, view: LedgerView, mode: HeadersMode) {
    this.peer = peer
    this.#view = view
    this.#mode = mode
  }

  /**
   * Asks the peer once how far it is, and for all that follows from that.
   *
   * @throws VitalchainError what is wrong with the peer or its answers
   */
  async visit(signal: AbortSignal): Promise<Visit> {
    const height = await this.peer.height(signal)
    let overtaken = 0
    while (overtaken < STEPS_OVERTAKEN_MAX) {
      const last = this.#view.trusted
      const known = last?.proven.header.height ?? 0
      for await (const rival of this.#rivals(last, height, signal)) {
        const report = await examineRival(this.#view, this.peer, rival, signal)
        if (report !== undefined) return { type: 'fork', height, report }
      }
      if (height <= known) return { type: height < known ? 'behind' : 'agrees', height }
      if (!(await this.#advance(last, height, signal))) overtaken++
    }
    return { type: 'behind', height }
  }

  /** The peer's header at the highest height that both have, as long as it is another than ours. */
  async *#rivals(
    last: Trusted | undefined,
    height: number,
    signal: AbortSignal
  ): AsyncGenerator<Rival> {
    if (last === undefined) return
    const head = last.proven.header
    if (this.#claim !== undefined && this.#claim.header.height <= head.height)
      yield* this.#compare(last, this.#claim, signal)
    const common = Math.min(height, head.height)
    if (common > this.#agreedAt)
      yield* this.#compare(last, await headerAt(this.peer, common, signal), signal)
  }

  async *#compare(
    last: Trusted,
    theirs: Rival['theirs'],
    signal: AbortSignal
  ): AsyncGenerator<Rival> {
    const { height, history } = theirs.header
    if (height === last.proven.header.height) {
      if (!sameHeader(theirs, last.anchor)) {
        yield { theirs, ours: last.anchor, from: undefined }
        return
      }
      // What the pin covers is decided by the pin: a peer that has not come so far is no rival.
    } else if (history.size > (this.#view.root.pin?.size ?? 0)) {
      let agrees = false
      for await (const { peer, header } of this.#view.references(height, this.peer, signal)) {
        agrees = sameHeader(theirs, header)
        if (agrees) break
        yield { theirs, ours: header, from: peer }
      }
      if (!agrees) return
    }
    this.#agreedAt = Math.max(this.#agreedAt, height)
    if (this.#claim === theirs) this.#claim = undefined
  }

  /** Verifies what the peer has more; false when another peer was quicker. */
  async #advance(last: Trusted | undefined, height: number, signal: AbortSignal): Promise<boolean> {
    const target =
      this.#mode === 'all'
        ? await this.#walk(last, signal)
        : await headerAt(this.peer, height, signal)
    const { genesis, pin } = this.#view.root
    const { size } = target.header.history
    const known = this.#view.handOvers
    const handOvers = [
      ...known,
      ...(await handOversUpTo(
        this.peer,
        known.at(-1)?.header.height ?? 0,
        target.header.height,
        signal
      ))
    ]
    const branch: Branch = {
      ...target,
      handOvers: handOversBelow(handOvers, target.header.height)
    }
    if (this.#mode === 'all' && pin !== undefined && last === undefined && size < pin.size) {
      verifyAnchor({ genesis, ...branch, consistency: undefined }, { genesis }, this.#view.good)
      this.#walked = target.header
      return true
    }
    try {
      const fromPin =
        pin === undefined ? undefined : await this.peer.consistency(pin.size, size, signal)
      const fromHead =
        last === undefined
          ? undefined
          : await this.peer.consistency(last.proven.header.history.size, size, signal)
      const next = verifyStep(
        this.#view.root,
        last,
        { ...branch, fromPin, fromHead },
        this.#view.good
      )
      if (!this.#view.replace(last, next)) return false
      this.#walked = undefined
      this.#agreedAt = target.header.height
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (last !== undefined) this.#keepClaim(branch)
      throw error
    }
  }

  /** The last of the next headers of the peer, after each was checked to follow the one before. */
  async #walk(last: Trusted | undefined, signal: AbortSignal): Promise<CertifiedHeader> {
    const before = last?.proven.header ?? this.#walked
    const page = await this.peer.headers((before?.height ?? 0) + 1, HEADERS_PAGE_MAX, signal)
    verifyHeaderChain(this.#view.root, before, page)
    const target = page.at(-1)
    if (target === undefined) throw answerFault('the peer has fewer headers than it says')
    return target
  }

  /** A peer that shows a quorum's signatures but no way from here to there may have another ledger. */
  #keepClaim(branch: Branch): void {
    const { genesis } = this.#view.root
    try {
      verifyAnchor({ genesis, ...branch, consistency: undefined }, { genesis }, this.#view.good)
      this.#claim = branch
    } catch (error) {
      if (!isVitalchainError(error)) throw error
    }
  }
}
