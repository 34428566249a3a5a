import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Bytes held in one direction of a connection before its sender is held back. */
const HELD_BYTES_MAX = 1024 * 1024

/** What a link does to bytes in one direction. */
export interface LinkRule {
  /** Nothing passes; it stays where it is until this ends, as TCP would send it again. */
  readonly held: boolean
  readonly delayMs: number
  /** Connections are reset, new ones too. */
  readonly refused: boolean
}

const OPEN: LinkRule = { held: false, delayMs: 0, refused: false }

/**
 * TCP proxies, one before each node: all connections between nodes pass through them, and each is known by the nodes at
 * its ends. No root, no change of the nodes: they announce the proxy's address instead of their own, as behind a gateway.
 */
export interface LinkProxies {
  /** Puts a proxy before a node. @returns the proxy's port */
  add(node: number, port: number): Promise<number>
  /** Rules of the links between nodes, asked again for all connections. Devices are never hindered. */
  apply(rule: (from: number, to: number) => Partial<LinkRule>): void
  close(): void
}

interface Relay {
  readonly from: number | undefined
  readonly to: number
  update(): void
  reset(): void
}

/** @param pidOf - the process of a node, to know whose connection it is; undefined while it does not run */
export function createLinkProxies(pidOf: (node: number) => number | undefined): LinkProxies {
  const servers: Server[] = []
  const nodes: number[] = []
  const relays = new Set<Relay>()
  /** All that are open: of a link that is held one end may be gone and the other not. */
  const sockets = new Set<Socket>()
  let rules: ((from: number, to: number) => Partial<LinkRule>) | undefined
  const ruleOf = (from: number | undefined, to: number | undefined): LinkRule =>
    from === undefined || to === undefined ? OPEN : { ...OPEN, ...rules?.(from, to) }

  const accept = (to: number, port: number, client: Socket): void => {
    client.on('error', () => client.destroy())
    const from = ownerOf(client.remotePort ?? 0, client.localPort ?? 0, nodes, pidOf)
    if (ruleOf(from, to).refused) return void client.resetAndDestroy()
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    server.on('error', () => client.destroy())
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    const there = pump(client, server, () => ruleOf(from, to))
    const back = pump(server, client, () => ruleOf(to, from))
    const relay: Relay = {
      from,
      to,
      update() {
        if (ruleOf(from, to).refused || ruleOf(to, from).refused) return relay.reset()
        there()
        back()
      },
      reset() {
        client.resetAndDestroy()
        server.resetAndDestroy()
      }
    }
    relays.add(relay)
    client.on('close', () => relays.delete(relay))
  }

  return {
    async add(node, port) {
      const server = createServer({ pauseOnConnect: true }, client => accept(node, port, client))
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', resolve)
      })
      servers.push(server)
      nodes.push(node)
      const address = server.address()
      if (typeof address !== 'object' || address === null) throw new Error('it does not listen')
      return address.port
    },
    apply(rule) {
      rules = rule
      for (const relay of relays) relay.update()
    },
    close() {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.resetAndDestroy()
    }
  }
}

/** Passes bytes on in order, each when its time has come and the link lets it. @returns looks at the link again */
function pump(source: Socket, sink: Socket, rule: () => LinkRule): () => void {
  // A chunk of undefined is the end.
  const held: { readonly at: number; readonly chunk: Buffer | undefined }[] = []
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    clearTimeout(timer)
    while (held[0] !== undefined && !rule().held) {
      const wait = held[0].at - performance.now()
      if (wait > 0) {
        timer = setTimeout(flush, wait)
        break
      }
      const { chunk } = held.shift() ?? { chunk: undefined }
      if (chunk === undefined) {
        sink.end()
        continue
      }
      bytes -= chunk.length
      if (!sink.destroyed) sink.write(chunk)
    }
    if (bytes < HELD_BYTES_MAX && sink.writableLength < HELD_BYTES_MAX) source.resume()
    else source.pause()
  }
  const take = (chunk: Buffer | undefined): void => {
    held.push({ at: performance.now() + rule().delayMs, chunk })
    bytes += chunk?.length ?? 0
    flush()
  }
  source.on('data', take)
  source.on('end', () => take(undefined))
  sink.on('drain', flush)
  source.on('close', hadError => {
    // A reset passes at once, unless the link is held: then it is heard when the link is back.
    if (hadError && !rule().held) sink.resetAndDestroy()
    else if (held.at(-1)?.chunk !== undefined || held.length === 0) take(undefined)
  })
  sink.on('close', () => {
    clearTimeout(timer)
    if (!rule().held) source.destroy()
  })
  source.resume()
  return flush
}

/** The node whose process made a connection; undefined for anybody else, such as a device. */
function ownerOf(
  port: number,
  proxy: number,
  nodes: readonly number[],
  pidOf: (node: number) => number | undefined
): number | undefined {
  const inode = inodeOf(port, proxy)
  if (inode === undefined) return undefined
  return nodes.find(node => {
    const pid = pidOf(node)
    return pid !== undefined && holdsSocket(pid, inode)
  })
}

/** The inode of the socket on loopback with this local and remote port, from `/proc/net/tcp`. */
function inodeOf(port: number, remote: number): string | undefined {
  const ends = `0100007F:${portText(port)} 0100007F:${portText(remote)} `
  const line = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .find(each => each.includes(ends))
  return line?.trim().split(/\s+/)[9]
}

function portText(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

function holdsSocket(pid: number, inode: string): boolean {
  const directory = `/proc/${pid}/fd`
  try {
    return readdirSync(directory).some(fd => {
      try {
        return readlinkSync(`${directory}/${fd}`) === `socket:[${inode}]`
      } catch {
        return false
      }
    })
  } catch {
    // It has just ended.
    return false
  }
}
