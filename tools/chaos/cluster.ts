import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { operatorToken, writeNodeDir } from '../../packages/node/src/cli/node-dir.ts'
import { freePorts } from '../../packages/node/src/dev/free-ports.ts'
import { createHospitalProcess } from '../../packages/node/src/dev/hospital-process.ts'
import type { Hospital } from '../../packages/node/src/dev/hospitals.ts'
import { createNodeApi } from '../../packages/node/src/dev/node-api.ts'
import { createLinkProxies, type LinkProxies } from '../../packages/node/src/dev/link-proxies.ts'
import { peerIdOf, transportPublicKey } from '../../packages/node/src/network/identity.ts'
import {
  foundNetwork,
  type FoundedNetwork,
  type MemberSecrets
} from '../../packages/node/src/testing/found-network.ts'

/** Between the end of a process and its next start, ms: as a supervisor waits. */
const RESTART_MS = 300

/** A file may still grow by so many bytes when the disk is full: at most, drawn anew each time. */
export const ROOM_BYTES_MAX: number = 16 * 1024

/** A node under attack. */
export interface Node extends Hospital {
  /** Its port for other nodes, which only its proxy connects to. */
  readonly port: number
  /** Whether it should run. A supervisor starts it again as long as it should. */
  wanted: boolean
  /** Until when a fault explains that its process ends by itself; `performance.now()`. */
  excusedUntil: number
  /** Resolves when it is ready, however often its process had to be started. */
  up(): Promise<void>
  /** SIGKILL, and it stays down. */
  kill(): Promise<void>
  /** SIGTERM, and it stays down. */
  end(): Promise<boolean>
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** Lets no file grow any more, but for `room` bytes of the ledger's log; undefined takes the limit away. */
  fill(room: number | undefined): void
}

export interface Cluster {
  readonly founded: FoundedNetwork
  /** The nodes that ever were, founders first. */
  readonly nodes: Node[]
  readonly proxies: LinkProxies
  /** Makes the directory of another node, which runs nowhere yet. */
  add(secrets: MemberSecrets): Promise<Node>
}

/** Of util-linux: sets a limit of a running process. */
const PRLIMIT = 'prlimit'

const LOOPBACK = '127.0.0.1'

/**
 * Founds a network whose nodes reach each other through proxies.
 *
 * @param onEnd - told when a process ended that nobody meant to end
 */
export async function foundCluster(
  directory: string,
  validators: number,
  onEnd: (node: Node, error: Error) => void
): Promise<Cluster> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // The processes inherit it: what is read from the logs is not all at the usual level.
  process.env['VITALCHAIN_LOG_LEVEL'] ??= 'debug'
  const names = Array.from({ length: validators }, (_, k) => `Hospital ${k + 1}`)
  const founded = foundNetwork({ names, created: Date.now() })
  await writeFile(join(directory, 'genesis.cbor'), founded.document)
  const nodes: Node[] = []
  const proxies = createLinkProxies(index => nodes[index]?.process.pid)
  /** Multiaddrs that nodes tell each other: those of the proxies. */
  const told: string[] = []

  const place = async (index: number, { transport }: MemberSecrets): Promise<number> => {
    const [port = 0] = await freePorts(1)
    const peer = peerIdOf(transportPublicKey(transport)).toString()
    told[index] = `/ip4/${LOOPBACK}/tcp/${await proxies.add(index, port)}/p2p/${peer}`
    return port
  }
  const make = async (index: number, secrets: MemberSecrets, port: number): Promise<Node> => {
    const { name } = secrets
    const dataDir = join(directory, `node-${index + 1}`)
    const [http = 0, admin = 0] = await freePorts(2)
    const address = told[index] ?? ''
    await writeNodeDir(dataDir, {
      genesis: founded.document,
      secrets,
      config: {
        listen: [`/ip4/${LOOPBACK}/tcp/${port}`],
        announce: [address],
        bootstrap: told.filter(each => each !== address),
        http: { host: LOOPBACK, port: http },
        admin: { host: LOOPBACK, port: admin }
      }
    })
    const url = `http://${LOOPBACK}:${http}`
    const process = createHospitalProcess({ name, dataDir }, error => {
      if (node.wanted) onEnd(node, error)
      supervise(node)
    })
    const api = createNodeApi(url, await operatorToken(dataDir))
    const hospital = { name, secrets, dataDir, address, url, process, api }
    const node = createNode(hospital, port, error => onEnd(node, error))
    return node
  }

  const ports: number[] = []
  for (const [k, secrets] of founded.members.entries()) ports.push(await place(k, secrets))
  for (const [k, secrets] of founded.members.entries())
    nodes.push(await make(k, secrets, ports[k] ?? 0))
  return {
    founded,
    nodes,
    proxies,
    async add(secrets) {
      const index = nodes.length
      const node = await make(index, secrets, await place(index, secrets))
      nodes.push(node)
      return node
    }
  }
}

function createNode(hospital: Hospital, port: number, onEnd: (error: Error) => void): Node {
  const { process: hosted } = hospital
  let kills = 0
  return {
    ...hospital,
    port,
    wanted: false,
    excusedUntil: 0,
    async up() {
      this.wanted = true
      while (this.wanted) {
        const before = kills
        try {
          return await hosted.start()
        } catch (error) {
          // Killed while it started, or the disk is full: tried again like any end.
          if (kills === before && !isExcused(this)) onEnd(asError(error))
        }
        await pause(RESTART_MS)
      }
    },
    async kill() {
      this.wanted = false
      kills++
      await hosted.kill()
    },
    async end() {
      this.wanted = false
      return hosted.stop()
    },
    signal(name) {
      const { pid } = hosted
      try {
        if (pid !== undefined) process.kill(pid, name)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    },
    fill(room) {
      const { pid } = hosted
      if (pid === undefined) return
      const limit = room === undefined ? 'unlimited' : `${newestLogBytes(this.dataDir) + room}`
      try {
        execFileSync(PRLIMIT, [`--pid=${pid}`, `--fsize=${limit}:`], { stdio: 'ignore' })
      } catch {
        // The process has just ended.
      }
    }
  }
}

/** Whether a fault explains that the node's process ended now. */
export function isExcused({ excusedUntil }: Node): boolean {
  return performance.now() < excusedUntil
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}

/** Starts a node again that ended though it should run. */
function supervise(node: Node): void {
  const again = async (): Promise<void> => {
    await pause(RESTART_MS)
    if (node.wanted) await node.up()
  }
  again().catch(() => undefined)
}

/** Bytes of the ledger's newest log: the file that grows with each block. */
function newestLogBytes(dataDir: string): number {
  const ledger = join(dataDir, 'ledger')
  const newest = readdirSync(ledger)
    .filter(name => name.endsWith('.log'))
    .toSorted()
    .at(-1)
  return newest === undefined ? 0 : statSync(join(ledger, newest)).size
}
