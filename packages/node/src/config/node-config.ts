import { parseJson } from '../cli/json-file.ts'
import type { Role } from '../http/roles.ts'
import { toLogLevel, type LogLevel } from '../observe/log-events.ts'

/** How a node is set up: what all layers of its configuration say together. */
export interface NodeConfig {
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Multiaddrs of other nodes, with `/p2p/…`. */
  readonly bootstrap: readonly string[]
  /** Multiaddrs to tell others instead of those it listens on, behind a NAT or a proxy. Default: none. */
  readonly announce?: readonly string[]
  /** The least important events that are logged. Default: `info`. */
  readonly log?: { readonly level: LogLevel }
  /** Who sees the figures for Prometheus: the administration alone, or all who reach the HTTP API. Default: `admin`. */
  readonly metrics?: 'admin' | 'public'
  /** Whether the log tells how long each step of each height took. Default: false. */
  readonly timings?: boolean
  /** Whether this node only replicates. Default: false. */
  readonly follow?: boolean
  /** PeerIds of followers that may read and submit through this node. Default: none. */
  readonly followers?: readonly string[]
  /** The socket of the process that holds the consensus key, when `keys.json` does not. */
  readonly signer?: string | undefined
  /** A file with the passphrase of `keys.json`. */
  readonly passphraseFile?: string | undefined
  /** The URL of an MQTT broker at which devices reach this node too. */
  readonly mqtt?: string | undefined
  /** The password for that broker. */
  readonly mqttPassword?: string | undefined
  /** Where the administration listens; port 0 takes a free one. Default: loopback, 100 above the HTTP API. */
  readonly admin?: {
    readonly host: string
    readonly port: number
    /** Whether it may listen where others can reach it. Default: false. */
    readonly allowRemote?: boolean
  }
  /** Where the HTTP API listens; port 0 takes a free one. */
  readonly http: {
    readonly host: string
    readonly port: number
    /** Origins whose pages may use the API from a browser. Default: none. */
    readonly allowOrigins?: readonly string[]
    /** Whether it may listen where others can reach it. Default: false. */
    readonly allowRemote?: boolean
    /** The files of the certificate with which it speaks TLS, and of its key. Default: plain HTTP. */
    readonly tlsCert?: string | undefined
    readonly tlsKey?: string | undefined
    /** Proxies whose `X-Forwarded-For` names the client. Default: none. */
    readonly trustProxies?: readonly string[]
    /** What other members may read with signed requests. Default: `monitor`. */
    readonly memberRole?: Role | 'none'
    /** Requests a second of one client in the long run. */
    readonly requestsPerSecond?: number
  }
}

/** A {@link NodeConfig} with nothing left to default that more than one place asks for. */
export type LoadedNodeConfig = NodeConfig & Required<Pick<NodeConfig, 'admin'>>

/** How far the port of the administration is from that of the HTTP API when nothing says it. */
const ADMIN_PORT_STEP = 100
const PORT_MAX = 65_535

/** The typed form of settings that were checked one by one. */
export function toNodeConfig(tree: object): LoadedNodeConfig {
  const config = parseJson(JSON.stringify(tree), 'configuration')
  const http = config.field('http')
  const admin = config.field('admin')
  const texts = (from: typeof config, name: string): readonly string[] =>
    (from.optional(name)?.list() ?? []).map(each => each.text())
  return {
    listen: texts(config, 'listen'),
    bootstrap: texts(config, 'bootstrap'),
    announce: texts(config, 'announce'),
    log: { level: toLogLevel(config.field('log').field('level').text()) },
    metrics: config.field('metrics').text() === 'public' ? 'public' : 'admin',
    timings: config.optional('timings')?.boolean() ?? false,
    follow: config.optional('follow')?.boolean() ?? false,
    followers: texts(config, 'followers'),
    signer: config.optional('signer')?.text(),
    passphraseFile: config.optional('passphraseFile')?.text(),
    mqtt: config.optional('mqtt')?.text(),
    mqttPassword: config.optional('mqttPassword')?.text(),
    admin: {
      host: admin.field('host').text(),
      port: admin.optional('port')?.integer() ?? adminPort(http.field('port').integer()),
      allowRemote: admin.optional('allowRemote')?.boolean() ?? false
    },
    http: {
      host: http.field('host').text(),
      port: http.field('port').integer(),
      allowOrigins: texts(http, 'allowOrigins'),
      allowRemote: http.optional('allowRemote')?.boolean() ?? false,
      tlsCert: http.optional('tlsCert')?.text(),
      tlsKey: http.optional('tlsKey')?.text(),
      trustProxies: texts(http, 'trustProxies'),
      memberRole: toMemberRole(http.optional('memberRole')?.text()),
      requestsPerSecond: http.field('requestsPerSecond').integer()
    }
  }
}

function adminPort(http: number): number {
  if (http === 0) return 0
  return http + ADMIN_PORT_STEP <= PORT_MAX ? http + ADMIN_PORT_STEP : http - ADMIN_PORT_STEP
}

function toMemberRole(text: string | undefined): Role | 'none' {
  return text === 'none' || text === 'reader' ? text : 'monitor'
}
