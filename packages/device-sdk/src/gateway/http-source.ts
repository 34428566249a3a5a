import { timingSafeEqual, createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { isVitalchainError, sha256, toHex, VitalchainError } from '@vitalchain/core'
import { readJsonMessage } from './json-values.ts'
import {
  HTTP_CONNECTIONS_MAX,
  HTTP_REQUEST_MS,
  HTTP_TOKEN_LENGTH_MIN,
  SENSOR_MESSAGE_BYTES_MAX,
  UNACKED_FLUSH
} from './limits.ts'
import type { GatewayIntake, GatewaySource } from './source.ts'

/** What {@link httpSource} needs. */
export interface HttpSourceInit {
  /** The port to listen on; 0 = any free one. */
  readonly port: number
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** What a request shows as `Authorization: Bearer`, at least 22 characters: one for all sensors, or by the sensor's name. */
  readonly token: string | ((sensor: string) => string | undefined)
  /** Certificate and key, for HTTPS. */
  readonly tls?: Pick<ServerOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized'>
  /** For events and counts. Default: `http`. */
  readonly name?: string
}

/** A {@link GatewaySource} that listens. */
export interface HttpSource extends GatewaySource {
  /** Where it listens, such as `http://127.0.0.1:8080`; undefined before the gateway starts. */
  readonly url: string | undefined
}

/** Characters of an `Idempotency-Key`. A UUID has 36. */
const IDEMPOTENCY_KEY_LENGTH_MAX = 96

/** Bytes of a request's headers. */
const HEADER_BYTES_MAX = 8_192

const PATH = /^\/v1\/sensors\/([^/?]{1,192})$/

/** Status codes of errors; any other code is 422. */
const STATUS: Readonly<Record<string, number>> = {
  ERR_NOT_FOUND: 404,
  ERR_UNAUTHORIZED: 401,
  ERR_TOO_LARGE: 413,
  ERR_GATEWAY_PAYLOAD: 400,
  ERR_GATEWAY_SENSOR: 404,
  ERR_GATEWAY_RATE: 429,
  ERR_GATEWAY_STORE: 503,
  ERR_OUTBOX_FAILED: 503,
  ERR_DEVICE_STOPPED: 503,
  ERR_INTERNAL: 500
}

/** How long a client that was refused for now is asked to wait, s. */
const RETRY_S = 1

/**
 * Sensors that send JSON: `POST /v1/sensors/{name}`, answered when the readings are in a signed statement on disk. Errors are
 * those of RFC 9457, with the code in `code`.
 *
 * @throws VitalchainError `ERR_GATEWAY_INIT` for a token that is too short
 */
export function httpSource(init: HttpSourceInit): HttpSource {
  if (typeof init.token === 'string' && init.token.length < HTTP_TOKEN_LENGTH_MIN)
    throw new VitalchainError(
      'ERR_GATEWAY_INIT',
      `a token has at least ${HTTP_TOKEN_LENGTH_MIN} characters`
    )
  return new HttpSensors(init)
}

class HttpSensors implements HttpSource {
  readonly name: string
  readonly #init: HttpSourceInit
  #server: Server | undefined
  #underWay = 0
  url: string | undefined

  constructor(init: HttpSourceInit) {
    this.#init = init
    this.name = init.name ?? 'http'
  }

  async start(intake: GatewayIntake): Promise<void> {
    const { port, host = '127.0.0.1', tls } = this.#init
    const settings = {
      maxHeaderSize: HEADER_BYTES_MAX,
      requestTimeout: HTTP_REQUEST_MS,
      headersTimeout: HTTP_REQUEST_MS
    }
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request, response, intake)
    }
    const server =
      tls === undefined
        ? createServer(settings, onRequest)
        : createTlsServer({ ...settings, ...tls }, onRequest)
    server.maxConnections = HTTP_CONNECTIONS_MAX
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        // Such as a file descriptor that there is none of: the next connection is taken again.
        server.on('error', error => intake.report({ type: 'disconnected', error }))
        resolve()
      })
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('a server has a port')
    const literal = address.family === 'IPv6' ? `[${address.address}]` : address.address
    this.url = `${tls === undefined ? 'http' : 'https'}://${literal}:${address.port}`
    intake.report({ type: 'connected' })
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    intake: GatewayIntake
  ): Promise<void> {
    // A client that goes away in the middle is no error of ours.
    response.on('error', () => undefined)
    let sensor: string | undefined
    try {
      sensor = this.#sensorOf(request)
      const body = await readBody(request)
      const { values, id } = readJsonMessage(body, {})
      const key = idempotencyKey(request) ?? id
      const isTimed = values.every(({ time }) => time !== undefined)
      const identity = key ?? (isTimed ? toHex(sha256(body)) : undefined)
      const taking = intake.take({
        sensor,
        values,
        urgent: request.headers['vitalchain-urgent'] === '1',
        identity: identity === undefined ? undefined : `http\0${identity}`
      })
      if (++this.#underWay % UNACKED_FLUSH === 0) intake.flush()
      const outcome = await taking.finally(() => this.#underWay--)
      send(response, 200, 'application/json', { outcome, readings: values.length })
    } catch (error) {
      const known = isVitalchainError(error)
        ? error
        : new VitalchainError('ERR_INTERNAL', 'the request failed')
      intake.report({ type: 'refused', sensor, error: known })
      problem(response, known)
    }
  }

  /** The sensor that a request is from, when it shows its token. */
  #sensorOf({ method, url = '', headers: { authorization = '' } }: IncomingMessage): string {
    const sensor = PATH.exec(url)?.[1]
    if (sensor === undefined || method !== 'POST')
      throw new VitalchainError('ERR_NOT_FOUND', 'there is nothing here')
    const { token } = this.#init
    const expected = typeof token === 'string' ? token : token(sensor)
    const shown = /^Bearer (?<token>\S+)$/i.exec(authorization)?.groups?.['token'] ?? ''
    // A sensor that is not there is answered as a wrong token is: who has none learns no names.
    if (
      expected === undefined ||
      expected.length < HTTP_TOKEN_LENGTH_MIN ||
      !isSame(shown, expected)
    )
      throw new VitalchainError('ERR_UNAUTHORIZED', "the request lacks the sensor's token")
    return sensor
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    await new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeIdleConnections()
      // What is under way was answered when the devices stopped; the rest is not sent to its end in any case.
      setTimeout(() => server.closeAllConnections(), HTTP_REQUEST_MS).unref()
    })
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    bytes += chunk.length
    if (bytes > SENSOR_MESSAGE_BYTES_MAX)
      throw new VitalchainError('ERR_TOO_LARGE', 'the message is too large', {
        values: { bytesMax: SENSOR_MESSAGE_BYTES_MAX }
      })
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}

function idempotencyKey({ headers }: IncomingMessage): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && key.length > 0 && key.length <= IDEMPOTENCY_KEY_LENGTH_MAX)
    return key
  throw new VitalchainError(
    'ERR_GATEWAY_PAYLOAD',
    `an Idempotency-Key has 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} characters`
  )
}

/** In the same time whatever is shown. */
function isSame(shown: string, expected: string): boolean {
  return timingSafeEqual(digestOf(shown), digestOf(expected))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function problem(response: ServerResponse, { code, message, retryable }: VitalchainError): void {
  const status = STATUS[code] ?? 422
  if (status === 429 || status === 503) response.setHeader('retry-after', RETRY_S)
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  // The rest of the request is not read.
  if (status === 413) response.setHeader('connection', 'close')
  const body = { type: 'about:blank', status, title: message, code, retryable }
  send(response, status, 'application/problem+json', body)
}

function send(response: ServerResponse, status: number, type: string, body: object): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
