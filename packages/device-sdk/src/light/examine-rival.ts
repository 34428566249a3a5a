import {
  blockHash,
  equalBytes,
  HANDOVERS_MAX,
  VitalchainError,
  verifyAnchor,
  type CertifiedHeader,
  type HandOver
} from '@vitalchain/core'
import { forkReportFormat, verifyForkReport, type Branch } from './fork-report.ts'
import { answerFault, type HttpPeer } from './http-peer.ts'
import type { LedgerView } from './ledger-view.ts'
import { handOversBelow } from './trusted-state.ts'

/** A header of a peer that differs from the one that the client has, or that another peer gave, for the same height. */
export interface Rival {
  /** With the hand-overs that lead to it, when they are known. */
  readonly theirs: CertifiedHeader & Partial<Branch>
  readonly ours: CertifiedHeader
  /** Who gave `ours`; undefined when it is the client's own newest verified one. */
  readonly from: HttpPeer | undefined
}

/**
 * Finds out whether two different headers of one height are a fork. They are when both are certified and continue the pin.
 * Then the report names the first height at which the peers differ, if they tell. spec L-5.
 *
 * @returns the fork report; undefined when it is the other peer whose header is not proven
 * @throws VitalchainError what is wrong with the header of `peer`
 */
export async function examineRival(
  view: LedgerView,
  peer: HttpPeer,
  { theirs, ours, from }: Rival,
  signal: AbortSignal
): Promise<Uint8Array | undefined> {
  const { height } = theirs.header
  const led = theirs.handOvers ?? (await handOversUpTo(peer, 0, height, signal))
  const second: Branch = { ...theirs, handOvers: handOversBelow(led, height) }
  await verifyBranch(view, peer, second, signal)

  const first: Branch = { ...ours, handOvers: handOversBelow(view.handOvers, height) }
  if (from !== undefined) {
    try {
      await verifyBranch(view, from, first, signal)
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }

  const report = (one: Branch, other: Branch): Uint8Array =>
    forkReportFormat.encode({ genesis: view.root.genesis, first: one, second: other })
  const whole = report(first, second)
  const split = await firstDifference(view, peer, ours, signal)
  if (split !== undefined) {
    const at = split.theirs.header.height
    const exact = report(
      { ...split.ours, handOvers: handOversBelow(first.handOvers, at) },
      { ...split.theirs, handOvers: handOversBelow(second.handOvers, at) }
    )
    try {
      verifyForkReport(exact, view.root)
      return exact
    } catch {
      // Somebody gave a header that is not certified: what is known stands.
    }
  }
  verifyForkReport(whole, view.root)
  return whole
}

/**
 * The hand-overs of a peer above a height, up to another.
 *
 * @throws VitalchainError `ERR_PEER_ANSWER` for more than a ledger can have
 */
export async function handOversUpTo(
  peer: HttpPeer,
  after: number,
  height: number,
  signal: AbortSignal
): Promise<readonly HandOver[]> {
  const all: HandOver[] = []
  let last = after
  while (last < height) {
    const page = await peer.handOvers(last, signal)
    if (page.length === 0) break
    all.push(...page)
    last = page.at(-1)?.header.height ?? height
    if (all.length > HANDOVERS_MAX) throw answerFault('more hand-overs than a proof can hold')
  }
  return all.filter(({ header }) => header.height <= height)
}

/** @throws VitalchainError when the branch is not certified, or does not continue the pin */
async function verifyBranch(
  { root, good }: LedgerView,
  peer: HttpPeer,
  branch: Branch,
  signal: AbortSignal
): Promise<void> {
  const { genesis, pin } = root
  const anchor = { genesis, ...branch, consistency: undefined }
  // Before anything more is asked: who has no quorum's signatures gets no further.
  verifyAnchor(anchor, { genesis }, good)
  if (pin === undefined) return
  const { size } = branch.header.history
  if (size < pin.size)
    throw new VitalchainError('ERR_PIN', 'the header is older than the pin', {
      values: { size, pin: pin.size }
    })
  const path = await peer.consistency(pin.size, size, signal)
  verifyAnchor(
    {
      ...anchor,
      consistency:
        pin.size === 0 || pin.size === size ? undefined : { size: pin.size, root: pin.root, path }
    },
    { genesis, pin },
    good
  )
}

/** The lowest height at which a peer differs from one that has our header; undefined when none tells. Halves the range each time. */
async function firstDifference(
  view: LedgerView,
  peer: HttpPeer,
  ours: CertifiedHeader,
  signal: AbortSignal
): Promise<{ readonly ours: CertifiedHeader; readonly theirs: CertifiedHeader } | undefined> {
  const { height } = ours.header
  for (const other of view.peers) {
    if (other === peer) continue
    try {
      if (!sameHeader(await headerAt(other, height, signal), ours)) continue
      let found: { ours: CertifiedHeader; theirs: CertifiedHeader } | undefined
      let same = 0
      let different = height
      while (different - same > 1) {
        const middle = same + Math.floor((different - same) / 2)
        const one = await headerAt(other, middle, signal)
        const two = await headerAt(peer, middle, signal)
        if (sameHeader(one, two)) same = middle
        else {
          different = middle
          found = { ours: one, theirs: two }
        }
      }
      return found
    } catch {
      signal.throwIfAborted()
    }
  }
  return undefined
}

/** @throws VitalchainError `ERR_PEER_ANSWER` when the peer does not have it */
export async function headerAt(
  peer: HttpPeer,
  height: number,
  signal: AbortSignal
): Promise<CertifiedHeader> {
  const [found] = await peer.headers(height, 1, signal)
  if (found === undefined) throw answerFault(`the peer has no header of height ${height}`)
  return found
}

/** Whether two headers are the same block. */
export function sameHeader(one: CertifiedHeader, other: CertifiedHeader): boolean {
  return equalBytes(blockHash(one.header), blockHash(other.header))
}
