import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { RequestListener, ServerOptions } from 'node:http'
import { errorCode, VitalchainError, type ErrorValues } from '@vitalchain/core'

/** How often the files are read again, ms: a renewed certificate serves within a minute, whatever tool put it there. */
const RELOAD_MS = 60_000

/** The files of a certificate, in PEM. */
export interface TlsFiles {
  /** The certificate, with those that sign it up to the root. */
  readonly cert: string
  /** Its private key. */
  readonly key: string
}

/** Makes servers that speak TLS 1.2 or newer, with the certificate as it is now. */
export interface TlsServer {
  /** Makes a server that speaks TLS. */
  readonly createServer: (options: ServerOptions, handler: RequestListener) => Server
  /** Reads the files again. New connections take what was read; when that is no certificate, the one before stays. */
  reload(): Promise<void>
  /** Reads the files no more. */
  close(): void
}

/**
 * Reads a certificate, and reads it again from time to time.
 *
 * @throws VitalchainError `ERR_FILE` when the files hold no certificate with its key
 */
export async function openTls(
  files: TlsFiles,
  log: (event: string, values: ErrorValues) => void
): Promise<TlsServer> {
  const servers: Server[] = []
  let pair = await readPair(files)
  // Checks at once that they belong together.
  checkPair(pair)

  async function reload(): Promise<void> {
    try {
      const read = await readPair(files)
      if (read.cert === pair.cert && read.key === pair.key) return
      checkPair(read)
      for (const server of servers) server.setSecureContext({ ...read, minVersion: 'TLSv1.2' })
      pair = read
      log('tls certificate renewed', {})
    } catch (error) {
      log('tls certificate not renewed', { code: errorCode(error) })
    }
  }

  const timer = setInterval(() => void reload(), RELOAD_MS)
  timer.unref()
  return {
    createServer(options, handler) {
      const server = createServer({ ...options, ...pair, minVersion: 'TLSv1.2' }, handler)
      servers.push(server)
      return server
    },
    reload,
    close: () => clearInterval(timer)
  }
}

interface Pair {
  readonly cert: string
  readonly key: string
}

async function readPair({ cert, key }: TlsFiles): Promise<Pair> {
  try {
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `cannot read ${cert} and ${key}`, { cause })
  }
}

function checkPair(pair: Pair): void {
  try {
    createServer(pair).close()
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', 'the TLS files are no certificate with its key', {
      cause
    })
  }
}
