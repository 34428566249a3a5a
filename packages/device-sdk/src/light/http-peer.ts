import {
  consistencyPathFormat,
  handOversPageFormat,
  headersPageFormat,
  isVitalchainError,
  VitalchainError,
  type CertifiedHeader,
  type HandOver
} from '@vitalchain/core'
import type { DeviceTimers } from '../timers.ts'
import { ANSWER_MS, PROBLEM_BYTES_MAX, STATUS_BYTES_MAX, URL_CHARACTERS_MAX } from './limits.ts'

/** A node that a client may ask, over its HTTP API. */
export interface LightPeer {
  /** The base of its API, such as `https://node.hospital.example`. */
  readonly url: string
  /**
   * The bearer token to show for receipts and proofs, or a function that gets a fresh one. Headers need none. It is sent
   * over `https` or to this very machine only.
   */
  readonly token?: string | (() => string | Promise<string>)
}

/** What a client asks with: a subset of the Fetch standard's `RequestInit`. */
export interface FetchInit {
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
  readonly redirect: 'error'
  readonly credentials: 'omit'
  readonly cache: 'no-store'
  readonly referrerPolicy: 'no-referrer'
}

/** The body of an answer, read part by part; `value` is undefined at its end. */
export interface FetchBody {
  getReader(): { read(): Promise<{ readonly value?: Uint8Array | undefined }> }
}

/** What a client needs of `fetch`; the platform's is one. */
export type Fetch = (
  url: string,
  init: FetchInit
) => Promise<{ readonly status: number; readonly body: FetchBody | null }>

/** Asks one node. What it answers is bounded and has the right form, but is not believed. */
export interface HttpPeer {
  /** The URL that names the peer in a status and in logs. */
  readonly url: string
  /** The height that the node claims. */
  height(signal: AbortSignal): Promise<number>
  /** Headers from a height on, ascending without a hole; fewer than asked for at the ledger's end. */
  headers(from: number, limit: number, signal: AbortSignal): Promise<readonly CertifiedHeader[]>
  /** The next page of hand-overs above a height; empty at the end. */
  handOvers(after: number, signal: AbortSignal): Promise<readonly HandOver[]>
  /** The path from one size of the history to another; nothing is asked when there is nothing to show. */
  consistency(from: number, to: number, signal: AbortSignal): Promise<readonly Uint8Array[]>
  /** A proof, for whoever may read it. */
  proof(path: string, bytesMax: number, signal: AbortSignal): Promise<Uint8Array>
}

/**
 * Makes an {@link HttpPeer}. Nothing is asked before it is used.
 *
 * @throws VitalchainError `ERR_LIGHT_INIT` for a URL that cannot be used, or to which the token must not go
 */
export function createHttpPeer(
  { url, token }: LightPeer,
  { fetch, timers }: { readonly fetch: Fetch; readonly timers: DeviceTimers }
): HttpPeer {
  const base = baseOf(url, token !== undefined)

  const get = async (
    path: string,
    {
      bytesMax,
      signal,
      secret = false
    }: { bytesMax: number; signal: AbortSignal; secret?: boolean }
  ): Promise<Uint8Array> => {
    signal.throwIfAborted()
    const stop = new AbortController()
    const abort = (): void => stop.abort(signal.reason)
    signal.addEventListener('abort', abort)
    let late = false
    const cancel = timers.after(ANSWER_MS, () => {
      late = true
      stop.abort()
    })
    try {
      const shown = secret && token !== undefined ? await tokenOf(token) : undefined
      const response = await fetch(base + path, {
        signal: stop.signal,
        headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` },
        // A node that sends a client elsewhere would send the token there.
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
        referrerPolicy: 'no-referrer'
      })
      if (response.status < 200 || response.status > 299)
        throw refusalOf(response.status, await readBody(response, PROBLEM_BYTES_MAX))
      return await readBody(response, bytesMax)
    } catch (cause) {
      signal.throwIfAborted()
      if (isVitalchainError(cause)) throw cause
      throw new VitalchainError(
        'ERR_PEER_UNREACHABLE',
        late ? `no answer within ${ANSWER_MS} ms` : 'the peer cannot be reached',
        { cause, retryable: true }
      )
    } finally {
      cancel()
      signal.removeEventListener('abort', abort)
      // What is left of an answer that was not read to its end is not sent.
      stop.abort()
    }
  }

  return {
    url: base,
    async height(signal) {
      return heightOf(await get('/v1/status', { bytesMax: STATUS_BYTES_MAX, signal }))
    },
    async headers(from, limit, signal) {
      const { bytesMax } = headersPageFormat
      const page = headersPageFormat.decode(
        await get(`/v1/headers?from=${from}&limit=${limit}`, { bytesMax, signal })
      )
      if (page.length > limit || page.some(({ header }, k) => header.height !== from + k))
        throw answerFault('the headers are not those that were asked for')
      return page
    },
    async handOvers(after, signal) {
      const { bytesMax } = handOversPageFormat
      const page = handOversPageFormat.decode(
        await get(`/v1/hand-overs?after=${after}`, { bytesMax, signal })
      )
      let last = after
      for (const { header } of page) {
        if (header.height <= last) throw answerFault('the hand-overs are not in order')
        last = header.height
      }
      return page
    },
    async consistency(from, to, signal) {
      if (from === to || from === 0) return []
      const { bytesMax } = consistencyPathFormat
      return consistencyPathFormat.decode(
        await get(`/v1/consistency?from=${from}&to=${to}`, { bytesMax, signal })
      )
    },
    proof: (path, bytesMax, signal) => get(path, { bytesMax, signal, secret: true })
  }
}

/** Memory that an answer begins with, in bytes: most are smaller. */
const FIRST_BYTES = 4 * 1024

/** The error of an answer that no honest node gives. */
export function answerFault(message: string): VitalchainError {
  return new VitalchainError('ERR_PEER_ANSWER', message)
}

function baseOf(text: string, secret: boolean): string {
  const url = text.length <= URL_CHARACTERS_MAX && URL.canParse(text) ? new URL(text) : undefined
  const usable =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username + url.password + url.search + url.hash === ''
  if (!usable)
    throw new VitalchainError(
      'ERR_LIGHT_INIT',
      'a peer is an http or https URL without user, query and fragment'
    )
  if (secret && url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new VitalchainError('ERR_LIGHT_INIT', 'a token goes over https, or to this machine only')
  return url.href.replace(/\/+$/, '')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

async function tokenOf(token: NonNullable<LightPeer['token']>): Promise<string> {
  const text = typeof token === 'string' ? token : await token()
  if (text.length > URL_CHARACTERS_MAX || !/^[A-Za-z0-9\-._~+/]+=*$/.test(text))
    throw new VitalchainError('ERR_LIGHT_INIT', 'a token is a text that a header can carry')
  return text
}

/** Reads at most so many bytes; whatever the peer says of the length is not believed, nor how small its parts are. */
async function readBody(
  { body }: { readonly body: FetchBody | null },
  bytesMax: number
): Promise<Uint8Array> {
  let whole = new Uint8Array(Math.min(bytesMax, FIRST_BYTES))
  let length = 0
  for await (const value of chunksOf(body)) {
    const end = length + value.length
    if (end > bytesMax) {
      throw new VitalchainError('ERR_TOO_LARGE', `the peer sends more than ${bytesMax} bytes`, {
        values: { bytesMax }
      })
    }
    if (end > whole.length) {
      const larger = new Uint8Array(Math.max(end, 2 * whole.length))
      larger.set(whole)
      whole = larger
    }
    whole.set(value, length)
    length = end
  }
  return whole.slice(0, length)
}

/** By hand: not every browser iterates over a stream. */
async function* chunksOf(body: FetchBody | null): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  while (true) {
    const { value } = await reader.read()
    if (value === undefined) return
    yield value
  }
}

/** The code that a node refuses with is a claim of the peer: it becomes a value, not the code of the error. */
function refusalOf(status: number, body: Uint8Array): VitalchainError {
  const { code, retryable } = objectOf(body)
  const refusal = typeof code === 'string' && /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : 'none'
  return new VitalchainError('ERR_PEER_REFUSED', `the peer answers ${status}, ${refusal}`, {
    values: { status, refusal },
    retryable: retryable === true || status >= 500
  })
}

function heightOf(body: Uint8Array): number {
  const { height } = objectOf(body)
  if (typeof height !== 'number' || !Number.isSafeInteger(height) || height < 0)
    throw answerFault('the status names no height')
  return height
}

function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return {}
  }
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
