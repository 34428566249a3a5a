import { connect } from 'node:net'
import { createRandom } from '../../src/dev/random.ts'
import type { FuzzReport } from './api-fuzz.ts'

/** How long a server may take to answer what is no proper request, or to cut it off, ms. */
const ANSWER_MS = 5_000

/** Bytes of an answer that are kept. */
const ANSWER_BYTES_MAX = 65_536

/** What a server reads before any route sees it. `Z` is the token. */
const RAW: readonly string[] = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET /v1/status HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET /v1/status HTTP/1.0\r\n\r\n',
  'GET /v1/status HTTP/9.9\r\nHost: node\r\n\r\n',
  'BREW /v1/status HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET http://node/v1/status HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET \\v1\\status HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET /v1/status\r\nHost: node\r\n\r\n',
  'GET /%ff%fe HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET /v1/blocks/%2e%2e HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET /v1/status HTTP/1.1\r\nHost: node\r\nHost: other\r\n\r\n',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nContent-Length: -1\r\n\r\n',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nContent-Length: 1e3\r\n\r\n',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nContent-Length: 99999999\r\n\r\nx',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'POST /v1/challenges HTTP/1.1\r\nHost: node\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n',
  'GET /v1/events HTTP/1.1\r\nHost: node\r\n\r\n',
  'GET /v1/events?kind=x HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer Z\r\n\r\n',
  'GET /v1/events?from=7.x HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer Z\r\n\r\n',
  'GET /v1/events HTTP/1.1\r\nHost: node\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /v1/events HTTP/1.1\r\nHost: node\r\nConnection: upgrade\r\nUpgrade: h2c\r\nAuthorization: Bearer Z\r\n\r\n',
  'GET /v1/events HTTP/1.1\r\nHost: node\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\nAuthorization: Bearer Z\r\n\r\n',
  'GET //%00 HTTP/1.1\r\nHost: node\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  `GET /v1/status HTTP/1.1\r\nHost: node\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: node\r\n\r\n`,
  `GET /v1/status HTTP/1.1\r\nHost: node\r\n${'A: b\r\n'.repeat(3_000)}\r\n`,
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  '\r\n\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
]

/**
 * Sends bytes to a listening server: whole requests, parts of them and ones with flipped bits. Each must be answered below 500, or
 * as 503, or cut off; a refusal has a problem document.
 */
export async function fuzzSocket(
  url: string,
  token: string,
  { requests, seed }: { readonly requests: number; readonly seed: number }
): Promise<Pick<FuzzReport, 'requests' | 'statuses' | 'findings'>> {
  const random = createRandom(seed)
  const statuses = new Map<number, number>()
  const findings: string[] = []
  for (let count = 0; count < requests; count++) {
    const bytes = Buffer.from((RAW[count % RAW.length] ?? '').replace('Z', token), 'latin1')
    if (count >= RAW.length)
      for (let flips = Math.floor(random.between(0, 4)); flips > 0; flips--) {
        const at = Math.floor(random.between(0, bytes.length))
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.between(0, 8)))
      }
    const sent = random.uniform() < 0.9 ? bytes : bytes.subarray(0, random.between(0, bytes.length))
    const answer = await exchange(Number(new URL(url).port), sent)
    const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(answer) ?? []
    statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1)
    const isBroken = status.startsWith('5') && status !== '503'
    const isProblem = /^content-type: application\/problem\+json/im.test(answer)
    if (isBroken || (status.startsWith('4') && !isProblem))
      findings.push(
        `${JSON.stringify(sent.toString('latin1').slice(0, 200))}: ${JSON.stringify(answer.slice(0, 300))}`
      )
  }
  return { requests, statuses, findings }
}

/** What a server says until it closes, or is silent. */
function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS)
    socket.on('data', chunk => {
      if (answer.length < ANSWER_BYTES_MAX) answer += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
    // Half-closed, so that a server which waits for more hears that there is no more.
    socket.end(bytes)
  })
}
