import { sha256, toHex, type Signer } from '@vitalchain/core'

/** Who signs, with a key of the ledger, and for which node. */
export interface SigningOptions {
  /** The operator's key of a member, or the key of a device. */
  readonly signer: Signer
  /** `member:` or `device:` and the identifier, 64 hexadecimal digits. */
  readonly keyid: string
  /** The transport key of the node, 32 bytes: no other node takes the request. */
  readonly node: Uint8Array
  /** Default: the global `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>
  /** The clock, ms since 1970. Default: that of the system. */
  readonly now?: () => number
}

/** Bytes of a nonce. */
const NONCE_BYTES = 16

/** The names of RFC 9421 section 3.3. */
const ALGORITHMS = { ed25519: 'ed25519', es256: 'ecdsa-p256-sha256' } as const

/**
 * A `fetch` that signs each request (RFC 9421 HTTP Message Signatures, with Content-Digest of RFC 9530 for a body), for
 * `createClient` and `streamEvents` in place of a token.
 */
export function signingFetch({
  signer,
  keyid,
  node,
  fetch: send = fetch,
  now = Date.now
}: SigningOptions): (request: Request) => Promise<Response> {
  return async request => {
    const { pathname, search } = new URL(request.url)
    const covered: (readonly [name: string, value: string])[] = [
      ['@method', request.method],
      ['@path', pathname]
    ]
    if (search !== '') covered.push(['@query', search])
    const headers = new Headers(request.headers)
    let body: Uint8Array<ArrayBuffer> | undefined
    if (request.body !== null) {
      body = new Uint8Array(await request.arrayBuffer())
      const digest = `sha-256=:${base64(sha256(body))}:`
      headers.set('content-digest', digest)
      covered.push(['content-digest', digest], ['content-type', headers.get('content-type') ?? ''])
    }
    const nonce = toHex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))
    const parameters =
      `(${covered.map(([name]) => `"${name}"`).join(' ')});created=${Math.floor(now() / 1_000)};nonce="${nonce}"` +
      `;alg="${ALGORITHMS[signer.publicKey.algorithm]}";keyid="${keyid}";tag="vitalchain:${toHex(node)}"`
    const base = [...covered, ['@signature-params', parameters] as const]
      .map(([name, value]) => `"${name}": ${value}`)
      .join('\n')
    const signature = await signer.sign(new TextEncoder().encode(base))
    headers.set('signature-input', `sig=${parameters}`)
    headers.set('signature', `sig=:${base64(signature)}:`)
    const { method, signal } = request
    return send(
      new Request(request.url, { method, headers, signal, ...(body === undefined ? {} : { body }) })
    )
  }
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}
