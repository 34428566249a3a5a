import { BoundedCache, type CertifiedHeader, type HandOver } from '@vitalchain/core'
import type { HttpPeer } from './http-peer.ts'
import { CERTIFICATES_REMEMBERED } from './limits.ts'
import type { Root, Trusted } from './trusted-state.ts'

/** What all peers of a client share: the newest verified header, and each other as references. */
export class LedgerView {
  readonly root: Root
  readonly peers: readonly HttpPeer[]
  /** Certificates found good before. */
  readonly good: BoundedCache<true> = new BoundedCache(CERTIFICATES_REMEMBERED)
  readonly #onChange: () => void
  #trusted: Trusted | undefined

  constructor(root: Root, peers: readonly HttpPeer[], onChange: () => void) {
    this.root = root
    this.peers = peers
    this.#onChange = onChange
  }

  /** The newest verified header. */
  get trusted(): Trusted | undefined {
    return this.#trusted
  }

  /** The hand-overs that lead to its validators. */
  get handOvers(): readonly HandOver[] {
    return this.#trusted?.anchor.handOvers ?? []
  }

  /** Puts `next` in the place of `last`; false when another peer was quicker. */
  replace(last: Trusted | undefined, next: Trusted): boolean {
    if (this.#trusted !== last) return false
    this.#trusted = next
    this.#onChange()
    return true
  }

  /** The header of a height as each other peer than this one has it, if it answers. Nothing of it is verified. */
  async *references(
    height: number,
    asked: HttpPeer,
    signal: AbortSignal
  ): AsyncGenerator<{ readonly peer: HttpPeer; readonly header: CertifiedHeader }> {
    for (const peer of this.peers) {
      if (peer === asked) continue
      try {
        const [header] = await peer.headers(height, 1, signal)
        if (header !== undefined) yield { peer, header }
      } catch {
        // Its own loop finds out what is wrong with it.
        signal.throwIfAborted()
      }
    }
  }
}
