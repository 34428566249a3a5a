import { setToken, token } from './session.ts'

/** Why the node refused, as its problem document says (RFC 9457). */
export class Problem extends Error {
  /** The stable code, or `ERR_UNREACHABLE` when nothing answered. */
  readonly code: string
  readonly status: number

  constructor(code: string, status: number, message: string) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** How long an answer may take, ms. */
const ANSWER_MS_MAX = 15_000

/** Asks the node that served this page. @throws Problem */
export async function ask(
  path: string,
  {
    signal,
    headers = {},
    shown = token(),
    json
  }: {
    signal?: AbortSignal
    headers?: Record<string, string>
    /** The token; by default that of the session. */
    shown?: string | undefined
    /** A body, which is posted. */
    json?: object
  } = {}
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      headers: {
        ...headers,
        ...(shown === undefined ? {} : { authorization: `Bearer ${shown}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
      cache: 'no-store',
      credentials: 'omit',
      ...(signal === undefined ? {} : { signal })
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new Problem('ERR_UNREACHABLE', 0, 'The node does not answer.')
  }
  if (response.ok) return response
  const problem = await readProblem(response)
  // The node was given another token since, or this one was taken back.
  if (response.status === 401 && shown !== undefined && shown === token()) setToken(undefined)
  throw problem
}

/** Whether the node knows a token. @throws Problem when it says nothing to that */
export async function knowsToken(shown: string): Promise<boolean> {
  try {
    await ask('/v1/members', { shown, signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    return true
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return false
    throw error
  }
}

/** Signs in with a code that is good once. @throws Problem */
export async function signInWithCode(code: string): Promise<void> {
  const response = await ask('/v1/dashboard/sessions', { json: { code } })
  const answer: unknown = await response.json()
  if (typeof answer === 'object' && answer !== null && 'token' in answer)
    setToken(String(answer.token))
}

/** JSON of the node. What it means is the caller's to know: it is this node's own word. @throws Problem */
export async function askJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(ANSWER_MS_MAX)
  const response = await ask(path, {
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit])
  })
  // oxlint-disable-next-line typescript/no-unsafe-return -- the node that serves the page also says what its answers hold
  return response.json()
}

/** Bytes of the node. @throws Problem */
export async function askBytes(path: string): Promise<Uint8Array> {
  const response = await ask(path, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  return new Uint8Array(await response.arrayBuffer())
}

async function readProblem(response: Response): Promise<Problem> {
  let code = 'ERR_INTERNAL'
  let detail = `The node answered ${response.status}.`
  try {
    const body: unknown = await response.json()
    if (typeof body === 'object' && body !== null) {
      if ('code' in body && typeof body.code === 'string') code = body.code
      if ('detail' in body && typeof body.detail === 'string') detail = body.detail
    }
  } catch {
    // A proxy's page, not the node's.
  }
  return new Problem(code, response.status, detail)
}
