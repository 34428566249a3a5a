import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, type Identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { connect } from 'node:net'

/** How long one address is tried, ms: a name, a connection, a handshake and a question on a slow line. */
const PROBE_MS = 4_000

/** Addresses tried at once, so that many members of one network are through in seconds. */
const PROBES_AT_ONCE = 16

/** What is found at an address. */
export type ProbeOutcome =
  /** A node of some network answers. */
  | {
      readonly kind: 'node'
      /** Its PeerId. */
      readonly peer: string
      /** The networks whose protocols it speaks: the first 8 bytes of their ids, as hex. */
      readonly networks: readonly string[]
    }
  /** The computer answers, and nothing listens at the port. */
  | { readonly kind: 'refused' }
  /** Nothing answers, or nothing lets us through. */
  | { readonly kind: 'no-answer' }
  /** Something accepts the connection and then says nothing. */
  | { readonly kind: 'silent' }
  /** The name has no address. */
  | { readonly kind: 'no-name' }
  /** Something answers that is no node. */
  | { readonly kind: 'no-node' }
  /** The text is no address that this node could dial. */
  | { readonly kind: 'no-address' }

/** An address, and what was found there. */
export interface Probe {
  readonly address: string
  /** When, ms since 1970. */
  readonly at: number
  readonly outcome: ProbeOutcome
}

/**
 * Dials addresses as a stranger with a key of its own, and tells what answers, whoever was expected there. Never throws for an
 * address that is wrong.
 *
 * @param addresses - multiaddrs, with or without `/p2p/…`
 */
export async function probeAddresses(
  addresses: readonly string[],
  signal: AbortSignal
): Promise<readonly Probe[]> {
  let made: Promise<ProbeHost> | undefined
  // Most often nothing is there, and then no host is needed.
  const host = (): Promise<ProbeHost> => (made ??= startProbeHost())
  try {
    const found: Probe[] = []
    for (let k = 0; k < addresses.length; k += PROBES_AT_ONCE)
      found.push(
        ...(await Promise.all(
          addresses.slice(k, k + PROBES_AT_ONCE).map(async address => ({
            address,
            at: Date.now(),
            outcome: await probe(host, address, signal)
          }))
        ))
      )
    return found
  } finally {
    await (await made)?.stop()
  }
}

type ProbeHost = Libp2p<{ readonly identify: Identify }>

async function startProbeHost(): Promise<ProbeHost> {
  const host = await createLibp2p<{ readonly identify: Identify }>({
    start: false,
    addresses: { listen: [] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { dialTimeout: PROBE_MS, reconnectRetries: 0 },
    connectionMonitor: { enabled: false },
    services: { identify: identify({ runOnConnectionOpen: false }) }
  })
  await host.start()
  return host
}

async function probe(
  host: () => Promise<ProbeHost>,
  address: string,
  signal: AbortSignal
): Promise<ProbeOutcome> {
  const target = targetOf(address)
  if (target === undefined) return { kind: 'no-address' }
  const failure = await connectTo(target, signal)
  if (failure !== undefined) return { kind: failure }
  try {
    const prober = await host()
    const limit = { signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]) }
    const connection = await prober.dial(target.address, { ...limit, force: true })
    const { protocols } = await prober.services.identify.identify(connection, limit)
    const peer = connection.remotePeer.toString()
    await connection.close()
    return { kind: 'node', peer, networks: networksOf(protocols) }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: isTimeout(error) ? 'silent' : 'no-node' }
  }
}

/** Where to connect to. */
interface Target {
  /** Without the peer that is expected there: whoever is there shall answer. */
  readonly address: Multiaddr
  readonly host: string
  readonly port: number
}

const HOST_PARTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])

function targetOf(text: string): Target | undefined {
  try {
    const address = multiaddr(text.replace(/\/p2p\/[^/]+$/, ''))
    const parts = address.getComponents()
    const host = parts.find(({ name }) => HOST_PARTS.has(name))?.value
    const port = Number(parts.find(({ name }) => name === 'tcp')?.value)
    return host === undefined || !(port > 0) ? undefined : { address, host, port }
  } catch {
    return undefined
  }
}

/** Codes of the operating system for a connection that was not made. Every other is no answer. */
const CODES: Readonly<Record<string, 'refused' | 'no-name'>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'no-name',
  EAI_AGAIN: 'no-name',
  EAI_NONAME: 'no-name'
}

/** Makes a plain connection and closes it. @returns why there was none */
function connectTo(
  { host, port }: Target,
  signal: AbortSignal
): Promise<'refused' | 'no-name' | 'no-answer' | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal })
    socket.setTimeout(PROBE_MS, () => {
      socket.destroy()
      resolve('no-answer')
    })
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(error)
      else resolve(CODES[error.code ?? ''] ?? 'no-answer')
    })
  })
}

const NETWORK_PROTOCOL = /^\/vitalchain\/([0-9a-f]{16})\//

function networksOf(protocols: readonly string[]): readonly string[] {
  return [...new Set(protocols.flatMap(name => NETWORK_PROTOCOL.exec(name)?.[1] ?? []))]
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
}
