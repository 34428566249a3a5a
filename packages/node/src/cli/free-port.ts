import { createServer } from 'node:net'

/** An address of this machine on which something is to listen. */
export interface Port {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

/**
 * Listens there for a moment.
 *
 * @throws Error of the system, such as `EADDRINUSE`, when nothing can
 */
export function requireFree({ host, port }: Port): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.close(() => resolve())
    })
  })
}
