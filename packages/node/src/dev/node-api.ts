import { fromHex, toHex, VitalchainError } from '@vitalchain/core'
import { parseJson } from '../cli/json-file.ts'
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
}

/** The HTTP API of a node, from the side of its operator. */
export interface NodeApi {
  /**
   * @param answerMs - how long the node may take, ms; default: as all others
   * @throws VitalchainError `ERR_UNREACHABLE` (retryable), as all others
   */
  status(answerMs?: number): Promise<ApiStatus>
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
      throw new VitalchainError('ERR_UNREACHABLE', `${url} does not answer`, {
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
    async status(answerMs) {
      const status = await askJson('/v1/status', answerMs)
      return {
        height: status.field('height').integer(),
        head: status.field('head').text(),
        view: status.field('view').integer(),
        leader: status.optional('leader')?.text(),
        links: status.field('links').list().length,
        payloadsMissing: status.optional('payloadsMissing')?.integer() ?? 0
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

/** The error that a problem document (RFC 9457) of a node tells. */
function refusal(text: string, path: string): VitalchainError {
  const problem = parseJson(text, path)
  const code = problem.field('code').text()
  const message = problem.optional('detail')?.text() ?? problem.field('title').text()
  return new VitalchainError(code, message, {
    retryable: problem.optional('retryable')?.boolean() ?? false
  })
}
