import { getDevice, getLane, laneKey, listMembers } from '@vitalchain/contracts'
import {
  equalBytes,
  fromHex,
  HASH_BYTES,
  normalizeEs256,
  sha256,
  toHex,
  verifySignature,
  VitalchainError,
  type PublicKey
} from '@vitalchain/core'
import type { FastifyRequest } from 'fastify'
import { isInnerList, parseDictionary, serializeItem, serializeList } from 'structured-headers'
import type { LedgerNode } from '../types.ts'
import type { Caller } from './access.ts'
import type { Role } from './roles.ts'
import { refused, signatureBase, type SignedRequest } from './signature-base.ts'

/** How old a signature may be, s: a request over a slow line, with a clock that is set by hand. */
export const SIGNATURE_AGE_S: number = 120

/** How far ahead a signer's clock may be, s. */
const SIGNATURE_AHEAD_S = 5

/** Nonces that are remembered at once, each for as long as its signature is good: 200 signed requests a second. */
const NONCES_MAX = 25_000

/** Characters of a nonce: 256 bits in hexadecimal. */
const NONCE_CHARACTERS_MAX = 64

/** Header fields and derived components that one signature may cover. */
const COMPONENTS_MAX = 16

/** RFC 9421 section 3.3 and the ledger's names for the same algorithms. */
const ALGORITHMS: Readonly<Record<string, PublicKey['algorithm']>> = {
  ed25519: 'ed25519',
  'ecdsa-p256-sha256': 'es256'
}

/** Finds out who signed a request with a key of the ledger (RFC 9421 HTTP Message Signatures). */
export interface RequestSignatures {
  /**
   * Who signed a request; undefined when no signature for this API is on it.
   *
   * @throws VitalchainError `ERR_HTTP_SIGNATURE`, `ERR_BUSY` (retryable) when too many signed requests come
   */
  signerOf(request: SignedRequest): Caller | undefined
}

/** What {@link createRequestSignatures} needs. */
export interface RequestSignaturesInit {
  readonly node: LedgerNode
  /** What the operator keys of other members open; undefined for nothing. That of this node's member opens everything. */
  readonly memberRole: Role | undefined
  readonly now: () => number
}

/** The tag of signatures for a node: a request that was signed for one is refused by every other. */
export function signatureTag(transportKey: Uint8Array): string {
  return `vitalchain:${toHex(transportKey)}`
}

/**
 * Makes {@link RequestSignatures}. A signature names its key (`member:…` or `device:…`) and this node, covers the method, the
 * path, the query and the digest of a body, was made a moment ago, and is taken once.
 */
export function createRequestSignatures({
  node,
  memberRole,
  now
}: RequestSignaturesInit): RequestSignatures {
  const tag = signatureTag(node.transportKey)
  const nonces = new Map<string, { readonly taken: number; readonly created: number }>()
  // What was taken before a restart is not remembered: so nothing that could have been is taken, by a clock that is ahead either.
  // Nor is what was forgotten since, which a clock that is set back would make good again.
  let earliest = Math.floor(now() / 1_000) + SIGNATURE_AHEAD_S

  function takeNonce(name: string, seconds: number, created: number): void {
    // Oldest first, and all are kept for the same time.
    for (const [each, used] of nonces) {
      if (used.taken + SIGNATURE_AGE_S + SIGNATURE_AHEAD_S >= seconds) break
      earliest = Math.max(earliest, used.created)
      nonces.delete(each)
    }
    if (nonces.has(name)) throw refused('the signature was used already')
    if (nonces.size >= NONCES_MAX)
      throw new VitalchainError('ERR_BUSY', 'too many signed requests', { retryable: true })
    nonces.set(name, { taken: seconds, created })
  }

  return {
    signerOf(request) {
      const found = findSignature(request, tag)
      if (found === undefined) return undefined
      const { keyid, alg, created, nonce, base, signature } = found
      const seconds = Math.floor(now() / 1_000)
      if (created > seconds + SIGNATURE_AHEAD_S || created < seconds - SIGNATURE_AGE_S)
        throw refused('the signature was made at another time')
      if (created <= earliest)
        throw refused(
          `the signature was made before this node ran for ${SIGNATURE_AHEAD_S} s, or its clock was set back`
        )
      const known = knownKey(node, keyid, memberRole)
      const isRight = known.keys.some(
        key =>
          (alg === undefined || ALGORITHMS[alg] === key.algorithm) &&
          verifySignature(key, base, plain(key, signature))
      )
      if (!isRight) throw refused('the signature is not of this key')
      takeNonce(`${keyid} ${nonce}`, seconds, created)
      return known.caller
    }
  }
}

/** Refuses a body that is not the one whose digest was signed. Called with every body before anything else reads it. */
export function checkContentDigest(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body: Uint8Array
): void {
  const header = headers['content-digest']
  if (header === undefined) return
  const digest = digestOf(header)
  if (digest === undefined || !equalBytes(digest, sha256(body)))
    throw new VitalchainError('ERR_DIGEST', 'the body has another SHA-256 than Content-Digest says')
}

/** The SHA-256 of a `Content-Digest` (RFC 9530). */
function digestOf(header: string | readonly string[]): Uint8Array | undefined {
  try {
    const digest: unknown = parseDictionary(String(header)).get('sha-256')?.[0]
    return digest instanceof ArrayBuffer ? new Uint8Array(digest) : undefined
  } catch {
    return undefined
  }
}

interface FoundSignature {
  readonly keyid: string
  readonly alg: string | undefined
  /** s since 1970 */
  readonly created: number
  readonly nonce: string
  /** The signature base: what is signed. */
  readonly base: Uint8Array
  readonly signature: Uint8Array
}

/** The one signature with the tag; those with others are for somebody else. */
function findSignature(request: SignedRequest, tag: string): FoundSignature | undefined {
  const input = request.headers['signature-input']
  if (input === undefined) return undefined
  try {
    const signatures = parseDictionary(String(request.headers['signature'] ?? ''))
    const [entry, second] = [...parseDictionary(String(input))].filter(
      ([, [, parameters]]) => parameters.get('tag') === tag
    )
    if (entry === undefined) return undefined
    if (second !== undefined) throw refused('two signatures have the tag of this node')
    const [label, list] = entry
    const signature: unknown = signatures.get(label)?.[0]
    if (!isInnerList(list) || !(signature instanceof ArrayBuffer))
      throw refused('the signature is incomplete')
    const [keyid, created, nonce] = ['keyid', 'created', 'nonce'].map((name): unknown =>
      list[1].get(name)
    )
    const [alg, expires] = ['alg', 'expires'].map((name): unknown => list[1].get(name))
    if (typeof keyid !== 'string' || typeof created !== 'number' || typeof nonce !== 'string')
      throw refused('a signature needs keyid, created and nonce')
    if (nonce.length > NONCE_CHARACTERS_MAX || list[0].length > COMPONENTS_MAX)
      throw refused('the signature is too large')
    if ((alg !== undefined && typeof alg !== 'string') || expires !== undefined)
      throw refused('alg is a text, and expires is not used: a signature is good for a short time')
    checkCovered(
      request,
      list[0].map(([name, parameters]): unknown => (parameters.size === 0 ? name : undefined))
    )
    return {
      keyid,
      alg,
      created,
      nonce,
      base: signatureBase(
        request,
        list[0].map(item => serializeItem(item)),
        serializeList([list])
      ),
      signature: new Uint8Array(signature)
    }
  } catch (error) {
    if (error instanceof VitalchainError) throw error
    throw refused('the signature is malformed')
  }
}

/** What a signature must cover for its request to be the signer's. */
function checkCovered(request: SignedRequest, covered: readonly unknown[]): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  const needed = [
    '@method',
    '@path',
    ...(request.url.includes('?') ? ['@query'] : []),
    ...(length !== '0' || encoding !== undefined ? ['content-digest', 'content-type'] : [])
  ]
  const missing = needed.find(name => !covered.includes(name))
  if (missing !== undefined) throw refused(`the signature does not cover ${missing}`)
}

/** Whose a key is, and which may sign for it now. */
function knownKey(
  node: LedgerNode,
  keyid: string,
  memberRole: Role | undefined
): { readonly caller: Caller; readonly keys: readonly PublicKey[] } {
  const [, kind, hex = ''] = /^(member|device):([0-9a-f]{64})$/.exec(keyid) ?? []
  if (kind === undefined) throw refused('a keyid is member: or device: and 64 hexadecimal digits')
  const id = fromHex(hex)
  if (id.length !== HASH_BYTES) throw refused('the keyid is no identifier')
  if (kind === 'device') {
    const device = getDevice(node.state, id)
    if (device === undefined) throw refused('no such device is registered')
    // A rotation reaches the lanes one after the other. spec S-2
    const keys = ([0, 1] as const).map(lane => laneKey(device, getLane(node.state, id, lane)))
    return { caller: { type: 'device', device: id }, keys }
  }
  const member = listMembers(node.state).find(each => equalBytes(each.id, id))
  if (member === undefined) throw refused('no such member')
  const isOwn = equalBytes(member.transportKey, node.transportKey)
  const role = isOwn ? 'operator' : memberRole
  if (role === undefined) throw refused('this node lets no other member in')
  return { caller: { type: 'role', role, name: member.name }, keys: [member.operatorKey] }
}

/** The ledger takes low S only, which HTTP does not ask for (RFC 9421 section 3.3.4). */
function plain(key: PublicKey, signature: Uint8Array): Uint8Array {
  if (key.algorithm !== 'es256') return signature
  try {
    return normalizeEs256(signature)
  } catch {
    return signature
  }
}
