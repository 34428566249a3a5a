import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Check } from 'typebox/value'
import { createRandom, type Random } from '../../src/dev/random.ts'

/** An operation as the description of the API has it, with all `$ref` put in place. */
export interface DescribedOperation {
  readonly method: string
  readonly path: string
  readonly id: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: JsonSchema
  }[]
  readonly bodyTypes: readonly string[]
  /** By status: schemas by media type, and the headers that belong to it. */
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
        readonly headers?: Readonly<Record<string, unknown>>
      }
    >
  >
}

type JsonSchema = Readonly<Record<string, unknown>>

/** Values that a node knows, so that not every request ends at the first check. */
export interface FuzzSeeds {
  /** By the name of a parameter, or of an operation and a parameter (`getTile.path`); others are made of their schemas. */
  readonly values: Readonly<Record<string, readonly string[]>>
  /** Bodies that are right, by operation. */
  readonly bodies: Readonly<Record<string, readonly Uint8Array[]>>
  /** `Authorization` headers. */
  readonly credentials: readonly string[]
}

/** What a run found. */
export interface FuzzReport {
  readonly requests: number
  /** How often each status came. */
  readonly statuses: ReadonlyMap<number, number>
  /** Operations that were answered at least once as they should. */
  readonly succeeded: ReadonlySet<string>
  /** What must not be, each with how to send it again. */
  readonly findings: readonly string[]
}

/** Findings after which a run ends: the first ones are enough. */
const FINDINGS_MAX = 20

/** Streams never end: they are asked for over a socket. */
const STREAMING = new Set(['streamEvents'])

/** Reads the operations out of a description (OpenAPI 3.1). */
export function describedOperations(openApi: unknown): readonly DescribedOperation[] {
  const { paths } = resolveRefs(openApi, openApi) as {
    paths: Record<string, Record<string, Record<string, never>>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const {
        operationId,
        parameters = [],
        requestBody,
        responses
      } = operation as never as {
        operationId: string
        parameters?: DescribedOperation['parameters']
        requestBody?: { content: object }
        responses: DescribedOperation['responses']
      }
      return {
        method: method.toUpperCase(),
        path,
        id: operationId,
        parameters,
        bodyTypes: Object.keys(requestBody?.content ?? {}),
        responses
      }
    })
  )
}

function resolveRefs(value: unknown, root: unknown): unknown {
  if (Array.isArray(value)) return value.map(each => resolveRefs(each, root))
  if (typeof value !== 'object' || value === null) return value
  const { $ref: ref } = value as { $ref?: unknown }
  if (typeof ref === 'string') {
    let found: unknown = root
    for (const name of ref.slice(2).split('/')) found = Object(found)[name] as unknown
    return resolveRefs(found, root)
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, resolveRefs(each, root)])
  )
}

/** An answer that is compared with the description. */
export interface Answered {
  readonly status: number
  readonly type: string | undefined
  readonly retryAfter: string | undefined
  readonly body: string
}

/** What is wrong with an answer; undefined when it is as described. */
export function objectionTo(
  operation: DescribedOperation | undefined,
  { status, type, retryAfter, body }: Answered
): string | undefined {
  if (status >= 500 && status !== 503) return `status ${status}: ${body.slice(0, 200)}`
  if ((status === 429 || status === 503) && !/^[1-9]\d*$/.test(retryAfter ?? ''))
    return `status ${status} without Retry-After`
  const media = type?.split(';')[0]?.trim()
  if (status >= 400 && media !== 'application/problem+json') return `status ${status} as ${type}`
  // Where no operation is, there is nothing, or a page of the dashboard.
  if (operation === undefined)
    return status < 400 || [400, 401, 404, 413, 415].includes(status)
      ? undefined
      : `status ${status}`
  const described = operation.responses[String(status)]
  if (described === undefined) return `status ${status} is not described: ${body.slice(0, 200)}`
  if (described.content === undefined)
    return body === '' ? undefined : 'a body that is not described'
  const form = described.content[media ?? '']
  if (form === undefined) return `${type} is not described`
  if (media?.endsWith('json') !== true) return undefined
  const value: unknown = JSON.parse(body)
  return Check(form.schema, value)
    ? undefined
    : `another body than described: ${status} ${body.slice(0, 300)}`
}

/** One request. */
interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array | undefined
}

/**
 * Sends requests made of the description: right ones, and ones that are changed in parameters, headers, media type, method or
 * body. Every answer must be as described.
 */
export async function fuzzApi(
  app: FastifyInstance,
  operations: readonly DescribedOperation[],
  seeds: FuzzSeeds,
  { requests, seed }: { readonly requests: number; readonly seed: number }
): Promise<FuzzReport> {
  const random = createRandom(seed)
  const statuses = new Map<number, number>()
  const succeeded = new Set<string>()
  const findings: string[] = []
  const asked = operations.filter(({ id }) => !STREAMING.has(id))
  const byRoute = new Map(operations.map(each => [`${each.method} ${each.path}`, each]))
  let count = 0
  for (; count < requests && findings.length < FINDINGS_MAX; count++) {
    const operation = pick(random, asked)
    const request = makeRequest(random, operation, seeds)
    const { method, url, headers, body } = request
    const isStream = /^\/v1\/events(\?|$)/.test(url)
    if (isStream) continue
    const answer = await app.inject({
      method: method as 'GET',
      url,
      headers,
      ...(body === undefined ? {} : { payload: Buffer.from(body) })
    })
    const status = answer.statusCode
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    // The request may have become one of another route.
    const route = String(answer.headers['x-fuzz-route'] ?? '')
    const reached = byRoute.get(route)
    if (status < 300 && reached !== undefined) succeeded.add(reached.id)
    const objection = objectionTo(reached, {
      status,
      type: answer.headers['content-type']?.toString(),
      retryAfter: answer.headers['retry-after']?.toString(),
      body: answer.body
    })
    if (objection !== undefined)
      findings.push(
        `request ${count} of seed ${seed}: ${method} ${url.slice(0, 200)} ${JSON.stringify(headers).slice(0, 300)} ` +
          `body ${body === undefined ? 'none' : Buffer.from(body).toString('hex').slice(0, 120)}: ${objection}`
      )
  }
  return { requests: count, statuses, succeeded, findings }
}

/** Lets every answer say which operation it was of. To be called before the server is ready. */
export function nameRoutes(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    const path = (request.routeOptions.url ?? '')
      .replace('*', ':path')
      .replaceAll(/:(\w+)/g, '{$1}')
    reply.header('x-fuzz-route', `${request.method} ${path}`)
  })
}

function makeRequest(random: Random, operation: DescribedOperation, seeds: FuzzSeeds): Request {
  // Two of five requests are right as far as the schema says; the others have one to three changes.
  const changes = random.uniform() < 0.4 ? 0 : 1 + Math.floor(random.between(0, 3))
  const isChanged = new Set(
    Array.from({ length: changes }, () =>
      pick(random, ['path', 'query', 'headers', 'body', 'method', 'type'])
    )
  )
  let path = operation.path
  const query: string[] = []
  const headers: Record<string, string> = {}
  for (const { name, in: place, required = false, schema } of operation.parameters) {
    if (place === 'path') {
      const right = rightValue(random, [`${operation.id}.${name}`, name], schema, seeds)
      const value = isChanged.has('path') ? wrongValue(random, right) : encodeURI(right)
      path = path.replace(`{${name}}`, value)
    } else if (required || random.uniform() < 0.4) {
      const right = rightValue(random, [`${operation.id}.${name}`, name], schema, seeds)
      if (place === 'header') headers[name] = right
      else
        query.push(
          `${name}=${isChanged.has('query') ? wrongValue(random, right) : encodeURIComponent(right)}`
        )
    }
  }
  if (isChanged.has('query')) {
    query.push(
      pick(random, [
        'x=1',
        '=',
        '&&',
        '%',
        'from=1&from=2',
        'limit[]=1',
        '__proto__=1',
        'form=json'
      ])
    )
    if (random.uniform() < 0.3) query.shift()
  }
  if (random.uniform() < 0.9) headers['authorization'] = pick(random, seeds.credentials)
  if (random.uniform() < 0.3)
    headers['accept'] = pick(random, [
      'application/json',
      'application/cbor',
      '*/*',
      'text/html;q=0.1',
      ';;q=,'
    ])
  if (isChanged.has('headers')) changeHeaders(random, headers)
  const method = isChanged.has('method')
    ? pick(random, ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])
    : operation.method
  const body = makeBody(random, operation, seeds, isChanged.has('body'))
  if (body !== undefined)
    headers['content-type'] = isChanged.has('type')
      ? pick(random, [
          'application/json',
          'text/plain',
          'application/cbor; x=1',
          'x',
          '/',
          'application/cose'
        ])
      : (operation.bodyTypes[0] ?? 'application/cbor')
  return { method, url: path + (query.length === 0 ? '' : `?${query.join('&')}`), headers, body }
}

function rightValue(
  random: Random,
  names: readonly string[],
  schema: JsonSchema,
  { values }: FuzzSeeds
): string {
  const known = names.map(name => values[name]).find(each => each !== undefined)
  if (known !== undefined && random.uniform() < 0.8) return pick(random, known)
  const {
    type,
    enum: texts,
    maximum
  } = schema as {
    type?: string
    enum?: readonly string[]
    maximum?: number
  }
  if (texts !== undefined) return pick(random, texts)
  if (type === 'integer')
    return String(Math.floor(random.between(0, random.uniform() < 0.7 ? 20 : (maximum ?? 20))))
  const { pattern = '' } = schema as { pattern?: string }
  if (pattern.includes('0-9a-f')) return randomBytes(32).toString('hex')
  if (pattern.includes('\\.'))
    return `${Math.floor(random.between(0, 9))}.${Math.floor(random.between(0, 3))}`
  return 'text'
}

const WRONG =
  ' -1 1.5 1e9 9007199254740993 NaN null true 0x10 １ .. %2e%2e%2f %20 %00 % %zz %c3%28 %f0%9f%8f%a5 \u00e9 {} [] \' " <script> * ? / // # ; \\'
    .split(' ')
    .concat('x'.repeat(3_000), '0'.repeat(64), 'F'.repeat(64), 'f'.repeat(63), 'f'.repeat(65))

function wrongValue(random: Random, right: string): string {
  const choice = random.uniform()
  if (choice < 0.6) return pick(random, WRONG)
  if (choice < 0.8) return right.slice(0, Math.floor(random.between(0, right.length)))
  const at = Math.floor(random.between(0, right.length))
  return (
    encodeURIComponent(right.slice(0, at)) +
    pick(random, ['g', '%20', '-', 'Z', '.']) +
    right.slice(at + 1)
  )
}

function changeHeaders(random: Random, headers: Record<string, string>): void {
  const changed = pick<readonly [string, string]>(random, [
    ['authorization', 'Basic b3BlcmF0b3I6eA=='],
    ['authorization', 'Bearer'],
    ['authorization', `Bearer ${'a'.repeat(600)}`],
    ['authorization', 'Bearer \u00ff\u00fe'],
    ['content-digest', 'sha-256=:AAAA:'],
    ['content-digest', ';;;'],
    ['signature-input', 'sig=()'],
    ['signature-input', 'sig=("@method");created=1;keyid="x";nonce="y";tag="vitalchain:'],
    ['signature', 'sig=:AAAA:'],
    ['last-event-id', '999999.0'],
    ['prefer', 'wait=0'],
    ['prefer', 'wait=99999999999999999999'],
    ['prefer', ',;=wait'],
    ['accept', 'x'.repeat(2_000)],
    ['accept-encoding', 'br;q=2'],
    ['origin', 'null'],
    ['origin', 'https://ward.example'],
    ['expect', '200-maybe'],
    ['content-encoding', 'gzip'],
    ['transfer-encoding', 'identity'],
    ['x-forwarded-for', '1.2.3.4, ::1, garbage'],
    ['host', 'a b'],
    ['host', ''],
    ['range', 'bytes=0-1'],
    ['if-none-match', '*'],
    ['traceparent', '00-zz']
  ])
  headers[changed[0]] = changed[1]
}

function makeBody(
  random: Random,
  { id, bodyTypes }: DescribedOperation,
  { bodies }: FuzzSeeds,
  isChanged: boolean
): Uint8Array | undefined {
  const known = bodies[id]
  const right = known === undefined ? undefined : pick(random, known)
  if (!isChanged) return right
  const choice = random.uniform()
  if (choice < 0.1) return undefined
  if (choice < 0.15) return new Uint8Array(Math.floor(random.between(130_000, 300_000)))
  if (choice < 0.3 || right === undefined || bodyTypes.length === 0)
    return Uint8Array.from({ length: Math.floor(random.between(0, 200)) }, () =>
      random.between(0, 256)
    )
  if (choice < 0.4) return right.slice(0, Math.floor(random.between(0, right.length)))
  if (choice < 0.45) return Uint8Array.of(...right, 0)
  if (choice < 0.5) return new TextEncoder().encode('{"a":[1,2,{"__proto__":1}]}')
  // Deeply nested arrays, and lengths that promise more than there is.
  if (choice < 0.55) return new Uint8Array(1_000).fill(0x81)
  if (choice < 0.6) return Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
  const flipped = right.slice()
  for (let k = Math.floor(random.between(1, 4)); k > 0; k--) {
    const at = Math.floor(random.between(0, flipped.length))
    flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random.between(0, 8)))
  }
  return flipped
}

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[Math.floor(random.uniform() * from.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}
