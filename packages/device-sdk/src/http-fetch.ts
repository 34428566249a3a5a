import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import type { Fetch, FetchBody, FetchInit } from './light/index.ts'

/**
 * Asks over `node:http` and `node:https`, for a light client in Node: the global `fetch` needs nearly 20 MB of memory more.
 * Follows no redirect, keeps no cookie, and reads an answer only as fast as its reader does.
 */
export const httpFetch: Fetch = async (url, { signal, headers }: FetchInit) => {
  const options: RequestOptions = { signal, headers: { ...headers } }
  // TLS takes memory too: only who uses it loads it.
  const send = url.startsWith('https:') ? (await import('node:https')).request : request
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, options, resolve).on('error', reject).end()
  })
  return { status: message.statusCode ?? 0, body: bodyOf(message) }
}

function bodyOf(message: IncomingMessage): FetchBody {
  const chunks: AsyncIterator<Uint8Array, undefined> = message[Symbol.asyncIterator]()
  return { getReader: () => ({ read: () => chunks.next() }) }
}
