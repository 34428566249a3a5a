import { consistencyPathFormat, handOversPageFormat, headersPageFormat } from '@vitalchain/core'
import type { Fetch, LightPeer } from '../../src/light/index.ts'
import type { ForkableLedger } from './forkable-ledger.ts'

/** What a peer answers: bytes, or a refusal. */
export interface FakeAnswer {
  readonly status: number
  readonly body: Uint8Array
}

/** A peer with a ledger, that may also lie. */
export interface FakePeer {
  ledger: ForkableLedger
  /** What it answers instead of the truth. */
  lie?: (url: URL, truth: FakeAnswer) => FakeAnswer | Promise<FakeAnswer>
  /** What was asked of it, in order, with the token that was shown. */
  readonly asked: { readonly path: string; readonly token: string | null; readonly bytes: number }[]
}

/** Peers behind a `fetch` without a network. */
export interface FakeNetwork {
  readonly fetch: Fetch
  readonly peers: readonly FakePeer[]
  readonly addresses: readonly LightPeer[]
  /** Requests that are neither answered nor aborted. */
  readonly open: number
}

/** Some peers, each with a ledger. */
export function fakeNetwork(...ledgers: readonly ForkableLedger[]): FakeNetwork {
  const peers: FakePeer[] = ledgers.map(ledger => ({ ledger, asked: [] }))
  let open = 0
  return {
    peers,
    addresses: peers.map((_, k) => ({ url: `https://hospital-${k + 1}.example` })),
    get open() {
      return open
    },
    async fetch(text, { signal, headers }) {
      const url = new URL(text)
      const peer = peers[Number(/^hospital-(\d+)\.example$/.exec(url.hostname)?.[1]) - 1]
      if (peer === undefined) throw new TypeError('fetch failed')
      open++
      try {
        // As on a network: nothing is answered in the same turn.
        await new Promise(resolve => setImmediate(resolve))
        signal?.throwIfAborted()
        const truth = answer(peer.ledger, url)
        const said = peer.lie === undefined ? truth : await orAborted(peer.lie(url, truth), signal)
        signal?.throwIfAborted()
        peer.asked.push({
          path: url.pathname + url.search,
          token: new Headers(headers).get('authorization'),
          bytes: said.body.length
        })
        return new Response(Uint8Array.from(said.body), { status: said.status })
      } finally {
        open--
      }
    }
  }
}

function orAborted<T>(answer: T | Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
    void Promise.resolve(answer).then(resolve, reject)
  })
}

/** What an honest node answers. */
function answer(ledger: ForkableLedger, { pathname, searchParams }: URL): FakeAnswer {
  const number = (name: string): number => Number(searchParams.get(name))
  switch (pathname) {
    case '/v1/status':
      return json({ height: ledger.height })
    case '/v1/headers': {
      const [from, limit] = [number('from'), number('limit')]
      return ok(headersPageFormat.encode(ledger.blocks.slice(from - 1, from - 1 + limit)))
    }
    case '/v1/hand-overs': {
      const above = ledger.handOvers.filter(({ header }) => header.height > number('after'))
      return ok(handOversPageFormat.encode(above.slice(0, 64)))
    }
    case '/v1/consistency': {
      const [from, to] = [number('from'), number('to')]
      if (to > (ledger.blocks.at(-1)?.header.history.size ?? 0))
        return json({ code: 'ERR_TREE_RANGE', retryable: true }, 404)
      return ok(consistencyPathFormat.encode(ledger.consistency(from, to)))
    }
    default:
      return json({ code: 'ERR_NOT_FOUND', retryable: false }, 404)
  }
}

function ok(body: Uint8Array): FakeAnswer {
  return { status: 200, body }
}

export function json(value: unknown, status: number = 200): FakeAnswer {
  return { status, body: new TextEncoder().encode(JSON.stringify(value)) }
}
