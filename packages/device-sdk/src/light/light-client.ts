import {
  VitalchainError,
  type Anchor,
  type Pin,
  type Proven,
  type ProvenCompleteness,
  type ProvenState,
  type TreeHead
} from '@vitalchain/core'
import { systemTimers } from '../timers.ts'
import { createHttpPeer } from './http-peer.ts'
import { LedgerView } from './ledger-view.ts'
import { PEERS_MAX, POLL_MS_DEFAULT, POLL_MS_MIN } from './limits.ts'
import { PeerFollower } from './peer-follower.ts'
import { PeerWatch } from './peer-watch.ts'
import {
  endsRange,
  fetchCompleteness,
  fetchConsistency,
  fetchReceipt,
  fetchStateProof,
  verifyAnyReceipt,
  type Asked
} from './proof-requests.ts'
import { lightStateFormat, verifyLightState } from './state-document.ts'
import { pinOf, rootOf, type Root } from './trusted-state.ts'
import type {
  CallOptions,
  Fetched,
  LaneRange,
  LightClient,
  LightClientInit,
  LightStatus,
  VerifiedHead
} from './types.ts'
import { Waiters } from './waiters.ts'

/**
 * A client that follows the ledger by certified headers only, over the HTTP API of any nodes. It runs wherever `fetch`
 * does. Nothing happens before `start()`, but that a state to resume is verified.
 *
 * @throws VitalchainError `ERR_LIGHT_INIT` for settings that cannot work, `ERR_LIGHT_STATE` for a state of another pin, or
 * what is wrong with the genesis or the state
 */
export function createLightClient(init: LightClientInit): LightClient {
  checkInit(init)
  return new HttpLightClient(init)
}

function checkInit({ genesis, peers, pollMs }: LightClientInit): void {
  if (genesis.length === 32)
    throw new VitalchainError(
      'ERR_LIGHT_INIT',
      'a light client needs the genesis document, not its hash: any node has it at /v1/genesis'
    )
  if (peers.length === 0 || peers.length > PEERS_MAX)
    throw new VitalchainError('ERR_LIGHT_INIT', `a light client asks 1 to ${PEERS_MAX} peers`)
  if (new Set(peers.map(({ url }) => url)).size < peers.length)
    throw new VitalchainError('ERR_LIGHT_INIT', 'one peer stands twice')
  if (pollMs !== undefined && !(pollMs >= POLL_MS_MIN && pollMs < Number.POSITIVE_INFINITY))
    throw new VitalchainError('ERR_LIGHT_INIT', `a peer is asked every ${POLL_MS_MIN} ms at most`)
}

class HttpLightClient implements LightClient {
  readonly network: Uint8Array
  readonly #root: Root
  readonly #view: LedgerView
  readonly #watches: readonly PeerWatch[]
  readonly #log: NonNullable<LightClientInit['log']>
  readonly #changes = new Waiters()
  readonly #stopping = new AbortController()
  #state: LightStatus['state'] = 'idle'
  #fork: Uint8Array | undefined
  #head: VerifiedHead | undefined
  #following: Promise<unknown> = Promise.resolve()

  constructor(init: LightClientInit) {
    this.#root = rootOf(init.genesis, init.pin)
    this.network = this.#root.network
    this.#log = init.log ?? (() => undefined)
    const timers = init.timers ?? systemTimers
    const fetch = init.fetch ?? ((url, options) => globalThis.fetch(url, options))
    const peers = init.peers.map(peer => createHttpPeer(peer, { fetch, timers }))
    this.#view = new LedgerView(this.#root, peers, () => this.#moved())
    this.#watches = peers.map(
      peer =>
        new PeerWatch(new PeerFollower(peer, this.#view, init.headers ?? 'newest'), {
          pollMs: init.pollMs ?? POLL_MS_DEFAULT,
          timers,
          random: init.random ?? (bytes => crypto.getRandomValues(new Uint8Array(bytes))),
          log: this.#log,
          onFork: report => this.#forked(report)
        })
    )
    if (init.resume === undefined) return
    const { trusted, fork } = verifyLightState(init.resume, this.#root, this.#view.good)
    this.#view.replace(undefined, trusted)
    if (fork !== undefined) this.#forked(fork)
  }

  get head(): VerifiedHead | undefined {
    return this.#head
  }

  get fork(): Uint8Array | undefined {
    return this.#fork
  }

  status(): LightStatus {
    return {
      state: this.#state,
      height: this.#head?.header.height ?? 0,
      peers: this.#watches.map(({ status }) => status)
    }
  }

  start({ signal }: CallOptions = {}): void {
    if (this.#state === 'forked') throw this.#forkError()
    if (this.#state === 'stopped') throw stopped()
    if (this.#state === 'following')
      throw new VitalchainError('ERR_LIGHT_STARTED', 'a light client starts once')
    if (signal?.aborted === true) {
      void this.stop()
      return
    }
    this.#state = 'following'
    signal?.addEventListener('abort', () => void this.stop(), { signal: this.#stopping.signal })
    this.#following = Promise.all(this.#watches.map(watch => watch.run(this.#stopping.signal)))
  }

  async stop(): Promise<void> {
    // A fork stays one: nobody shall take a stopped client for a sound one.
    if (this.#state !== 'forked') this.#state = 'stopped'
    this.#stopping.abort()
    this.#changes.wake()
    await this.#following
  }

  async ready({ signal }: CallOptions = {}): Promise<VerifiedHead> {
    while (true) {
      signal?.throwIfAborted()
      this.#requireSound()
      if (this.#head !== undefined) return this.#head
      await this.#changes.next(signal)
    }
  }

  heads({
    from = '0',
    signal
  }: CallOptions & { readonly from?: string } = {}): AsyncIterable<VerifiedHead> {
    if (!/^\d{1,15}$/.test(from))
      throw new VitalchainError('ERR_CURSOR', 'a cursor is what a head named')
    return this.#headsAbove(Number(from), signal)
  }

  async *#headsAbove(from: number, signal?: AbortSignal): AsyncGenerator<VerifiedHead> {
    let height = from
    while (true) {
      if (signal?.aborted === true) return
      if (this.#fork !== undefined) throw this.#forkError()
      if (this.#head !== undefined && this.#head.header.height > height) {
        height = this.#head.header.height
        yield this.#head
      } else if (this.#state === 'stopped') return
      else await this.#changes.next(signal)
    }
  }

  pin(): Pin | undefined {
    return this.#head && pinOf(this.#head)
  }

  anchor(): Anchor | undefined {
    return this.#view.trusted?.anchor
  }

  save(): Uint8Array | undefined {
    const anchor = this.anchor()
    if (anchor === undefined) return undefined
    return lightStateFormat.encode({ ...anchor, pin: this.#root.pin, fork: this.#fork })
  }

  verifyReceipt(receipt: Uint8Array, options?: CallOptions): Promise<Proven> {
    return this.#ask(options, asked => verifyAnyReceipt(asked, receipt))
  }

  fetchReceipt(id: Uint8Array, options?: CallOptions): Promise<Fetched<Proven>> {
    return this.#ask(options, asked => fetchReceipt(asked, id))
  }

  stateProof(key: Uint8Array, options?: CallOptions): Promise<Fetched<ProvenState>> {
    return this.#ask(options, asked => fetchStateProof(asked, key))
  }

  async *completeness(
    range: LaneRange,
    options?: CallOptions
  ): AsyncGenerator<Fetched<ProvenCompleteness>> {
    let last: ProvenCompleteness | undefined
    while (last === undefined || !endsRange(range, last)) {
      const before = last
      const part = await this.#ask(options, asked => fetchCompleteness(asked, range, before))
      last = part.proven
      yield part
    }
  }

  consistency(
    first: TreeHead,
    { second, ...options }: CallOptions & { readonly second?: TreeHead } = {}
  ): Promise<readonly Uint8Array[]> {
    return this.#ask(options, asked =>
      fetchConsistency(asked, first, second ?? asked.head.header.history)
    )
  }

  /** Asks with a signal of its own, which the caller's signal and `stop()` abort. */
  async #ask<T>({ signal }: CallOptions = {}, ask: (asked: Asked) => Promise<T>): Promise<T> {
    const head = await this.ready({ signal })
    const own = new AbortController()
    const onAbort = (): void => own.abort(signal?.reason)
    const onStop = (): void => own.abort(this.#fork === undefined ? stopped() : this.#forkError())
    signal?.addEventListener('abort', onAbort)
    this.#stopping.signal.addEventListener('abort', onStop)
    try {
      const answer = await ask({
        root: this.#root,
        peers: this.#bestPeers(),
        head,
        signal: own.signal
      })
      // What was verified meanwhile may be of the other side.
      this.#requireSound()
      return answer
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#stopping.signal.removeEventListener('abort', onStop)
    }
  }

  #bestPeers(): Asked['peers'] {
    const rank = { agrees: 0, new: 1, behind: 2, failing: 3 }
    return this.#watches
      .toSorted((one, other) => rank[one.status.state] - rank[other.status.state])
      .map(({ peer }) => peer)
  }

  #moved(): void {
    const proven = this.#view.trusted?.proven
    // Behind a fork nothing moves, though a request may have been under way.
    if (proven === undefined || this.#fork !== undefined) return
    this.#head = { ...proven, cursor: String(proven.header.height) }
    this.#changes.wake()
  }

  #forked(report: Uint8Array): void {
    if (this.#fork !== undefined) return
    this.#fork = report
    this.#state = 'forked'
    this.#log('the ledger is forked', { height: this.#head?.header.height ?? 0 })
    this.#stopping.abort()
    this.#changes.wake()
  }

  #requireSound(): void {
    if (this.#fork !== undefined) throw this.#forkError()
    if (this.#state === 'stopped') throw stopped()
  }

  #forkError(): VitalchainError {
    return new VitalchainError(
      'ERR_FORK',
      'two blocks are certified at one height: the client trusts neither'
    )
  }
}

function stopped(): VitalchainError {
  return new VitalchainError('ERR_LIGHT_STOPPED', 'the light client was stopped')
}
