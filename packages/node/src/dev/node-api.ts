import { fromHex, toHex, VitalchainError } from '@vitalchain/core'
import { proposeArgs, type MemberChange } from '@vitalchain/contracts'
import { parseJson, type JsonReader } from '../cli/json-file.ts'
import { unitFormat, type Unit } from '../pool/unit.ts'

/** How long a node on the same machine may take to answer, ms. */
const ANSWER_MS = 5_000

/** What a node says of itself, as far as a run of development looks at it. */
export interface ApiStatus {
  readonly height: number
  /** Hash of the newest block, hexadecimal. */
  readonly head: string
  readonly view: number
  /** Name of the member that leads. */
  readonly leader: string | undefined
  /** How many other members it is connected with. */
  readonly links: number
  /** Payloads that it still has to fetch. */
  readonly payloadsMissing: number
  /** What it is to the others, such as `member` or `waiting`. */
  readonly membership: string
  readonly votes: boolean
  /** Transactions that wait for a block, and connections of devices. */
  readonly waiting: number
  readonly deviceSessions: number
}

/** The HTTP API of a node, from the side of its operator. */
export interface NodeApi {
  /**
   * @param answerMs - how long the node may take, ms; default: as all others
   * @throws VitalchainError `ERR_UNREACHABLE` (retryable), as all others
   */
  status(answerMs?: number): Promise<ApiStatus>
  /** What the node answers to a path, as text. */
  text(path: string): Promise<string>
  /**
   * Hands a transaction over.
   *
   * @throws VitalchainError with the code of the refusal
   */
  submit(unit: Unit): Promise<void>
  /** The identity of a member's newest call. */
  callHead(member: Uint8Array): Promise<Uint8Array>
  /** Whether the node can give a receipt for a statement or call. */
  isCommitted(id: Uint8Array): Promise<boolean>
  /** The members and open changes, as `GET /v1/members` has them. */
  members(): Promise<MembersAnswer>
  /** The devices of the node's member, as `GET /v1/devices` has them. */
  devices(): Promise<readonly JsonReader[]>
  /** What a change would do: the answer's JSON. */
  preview(change: MemberChange): Promise<JsonReader>
}

/** Of the members, what a caller needs to make calls; `json` has the rest. */
export interface MembersAnswer {
  readonly members: readonly {
    readonly id: Uint8Array
    readonly name: string
    readonly operatorKey: Uint8Array
  }[]
  readonly changes: readonly {
    readonly id: Uint8Array
    readonly type: string
    /** The name of the member that it is about, and that member's identifier. */
    readonly name: string
    readonly member: Uint8Array
    readonly status: string
    /** The consensus key that it brings; undefined for a removal. */
    readonly consensusKey: Uint8Array | undefined
  }[]
  readonly network: Uint8Array
  /** The text as it came. */
  readonly text: string
}

/** Makes a client of the API at a URL. */
export function createNodeApi(url: string, token: string): NodeApi {
  const ask = async (
    path: string,
    {
      post,
      answerMs = ANSWER_MS
    }: {
      readonly post?: { readonly type: string; readonly body: Uint8Array<ArrayBuffer> }
      readonly answerMs?: number
    } = {}
  ): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` }
    const init =
      post === undefined
        ? { headers }
        : { headers: { ...headers, 'content-type': post.type }, method: 'POST', body: post.body }
    const signal = AbortSignal.timeout(answerMs)
    let response: Response
    let text: string
    try {
      response = await fetch(new URL(path, url), { ...init, signal })
      text = await response.text()
    } catch (cause) {
      throw new VitalchainError('ERR_UNREACHABLE', `${url} does not answer: does the node run?`, {
        cause,
        retryable: true
      })
    }
    if (response.ok) return text
    throw refusal(text, path)
  }
  const askJson = async (path: string, answerMs?: number): Promise<ReturnType<typeof parseJson>> =>
    parseJson(await ask(path, answerMs === undefined ? {} : { answerMs }), path)

  return {
    text: path => ask(path),
    async status(answerMs) {
      const status = await askJson('/v1/status', answerMs)
      return {
        height: status.field('height').integer(),
        head: status.field('head').text(),
        view: status.field('view').integer(),
        leader: status.optional('leader')?.text(),
        links: status.field('links').list().length,
        payloadsMissing: status.optional('payloadsMissing')?.integer() ?? 0,
        membership: status.optional('membership')?.text() ?? '',
        votes: status.optional('votes')?.boolean() ?? false,
        waiting: status.optional('waiting')?.integer() ?? 0,
        deviceSessions: status.optional('deviceSessions')?.integer() ?? 0
      }
    },
    async submit(unit) {
      const body = Uint8Array.from(unitFormat.encode(unit))
      await ask('/v1/transactions', { post: { type: 'application/cbor', body } })
    },
    async callHead(member) {
      const answer = await askJson(`/v1/accounts/${toHex(member)}/head`)
      return fromHex(answer.field('head').text())
    },
    async members() {
      const text = await ask('/v1/members')
      const answer = parseJson(text, '/v1/members')
      return {
        text,
        network: answer.field('network').hex(32),
        members: answer
          .field('members')
          .list()
          .map(each => ({
            id: each.field('id').hex(32),
            name: each.field('name').text(),
            operatorKey: each.field('operatorKey').field('key').hex()
          })),
        changes: answer
          .field('changes')
          .list()
          .map(each => ({
            id: each.field('id').hex(32),
            type: each.field('type').text(),
            name: each.field('name').text(),
            member: each.field('member').hex(32),
            status: each.field('status').text(),
            consensusKey: each.optional('keys')?.field('consensusKey').hex(32)
          }))
      }
    },
    async devices() {
      const devices: JsonReader[] = []
      for (let from: number | undefined = 0; from !== undefined;) {
        const page: JsonReader = await askJson(`/v1/devices?from=${from}`)
        devices.push(...page.field('devices').list())
        from = page.optional('next')?.integer()
      }
      return devices
    },
    async preview(change) {
      const body = Uint8Array.from(proposeArgs({ change, forced: false }))
      const post = { type: 'application/cbor', body }
      return parseJson(await ask('/v1/members/preview', { post }), '/v1/members/preview')
    },
    async isCommitted(id) {
      try {
        await ask(`/v1/receipts/${toHex(id)}`)
        return true
      } catch (error) {
        if (error instanceof VitalchainError && error.code === 'ERR_NOT_COMMITTED') return false
        throw error
      }
    }
  }
}

/** How long a node may take for a proof, ms: one of a whole lane takes a second or two. */
const PROOF_MS = 30_000

/**
 * Asks a node's API for bytes.
 *
 * @throws VitalchainError `ERR_UNREACHABLE` (retryable), or the refusal
 */
export async function requestBytes(url: string, token: string, path: string): Promise<Uint8Array> {
  const headers = { authorization: `Bearer ${token}` }
  let response: Response
  let bytes: Uint8Array
  try {
    response = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(PROOF_MS) })
    bytes = new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    throw new VitalchainError('ERR_UNREACHABLE', `${url} does not answer: does the node run?`, {
      cause,
      retryable: true
    })
  }
  if (response.ok) return bytes
  throw refusal(new TextDecoder().decode(bytes), path)
}

/**
 * Opens a stream of a node's API that ends with the signal.
 *
 * @throws VitalchainError `ERR_UNREACHABLE` (retryable), or the refusal
 */
export async function openStream(
  url: string,
  token: string,
  path: string,
  signal: AbortSignal
): Promise<ReadableStream<Uint8Array>> {
  const headers = { authorization: `Bearer ${token}` }
  let response: Response
  try {
    response = await fetch(new URL(path, url), { headers, signal })
  } catch (cause) {
    throw new VitalchainError('ERR_UNREACHABLE', `${url} does not answer: does the node run?`, {
      cause,
      retryable: true
    })
  }
  if (response.ok && response.body !== null) return response.body
  throw refusal(await response.text(), path)
}

/** The error that a problem document (RFC 9457) of a node tells. */
export function refusal(text: string, path: string): VitalchainError {
  const problem = parseJson(text, path)
  const code = problem.field('code').text()
  const message = problem.optional('detail')?.text() ?? problem.field('title').text()
  return new VitalchainError(code, message, {
    retryable: problem.optional('retryable')?.boolean() ?? false
  })
}
