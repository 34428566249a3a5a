import { LOG_LEVELS } from '../observe/log-events.ts'

/** What a value of a setting is. */
export type SettingKind = 'text' | 'integer' | 'boolean' | 'texts' | 'addresses'

/** One setting of a node. The JSON Schema, the environment's names, the flags and what `config show` says are made of these. */
export interface Setting {
  /** Where it stands in the file, such as `http.port`. Its flag is `--http-port`, its variable `VITALCHAIN_HTTP_PORT`. */
  readonly path: string
  readonly kind: SettingKind
  /** One line for people: meaning, unit. */
  readonly about: string
  /** What holds when nothing says otherwise; undefined when nothing does. */
  readonly fallback?: string | number | boolean | readonly string[]
  /** The smallest and the largest integer. */
  readonly range?: readonly [number, number]
  /** The only values of a text. */
  readonly choices?: readonly string[]
  /** Never shown, and never a flag: other users of a machine can read the flags of its processes. */
  readonly secret?: true
}

const PORT: readonly [number, number] = [0, 65_535]

/** Everything that can be set, in the order in which it is shown. */
export const SETTINGS: readonly Setting[] = [
  {
    path: 'listen',
    kind: 'addresses',
    about: 'multiaddrs on which the node listens for other nodes and devices',
    fallback: ['/ip4/127.0.0.1/tcp/0']
  },
  {
    path: 'announce',
    kind: 'addresses',
    about: 'multiaddrs to tell others instead of those it listens on, behind a NAT or a proxy',
    fallback: []
  },
  {
    path: 'bootstrap',
    kind: 'addresses',
    about: 'multiaddrs of other nodes of the network, each with /p2p/ and their peer id',
    fallback: []
  },
  {
    path: 'http.host',
    kind: 'text',
    about: 'the address on which the HTTP API listens',
    fallback: '127.0.0.1'
  },
  {
    path: 'http.port',
    kind: 'integer',
    about: 'the port of the HTTP API; 0 takes a free one',
    fallback: 7_700,
    range: PORT
  },
  {
    path: 'http.allowOrigins',
    kind: 'texts',
    about: 'origins whose pages may use the HTTP API from a browser',
    fallback: []
  },
  {
    path: 'admin.host',
    kind: 'text',
    about: 'the address on which the administration listens: backup, drain, log level, tokens',
    fallback: '127.0.0.1'
  },
  {
    path: 'admin.port',
    kind: 'integer',
    about:
      'the port of the administration; 0 takes a free one; by default 100 above that of the HTTP API',
    range: PORT
  },
  {
    path: 'follow',
    kind: 'boolean',
    about: 'whether this node only replicates: it has no keys of a member and never votes',
    fallback: false
  },
  {
    path: 'followers',
    kind: 'texts',
    about: 'peer ids of followers that may read and submit through this node',
    fallback: []
  },
  {
    path: 'http.allowRemote',
    kind: 'boolean',
    about:
      'whether the HTTP API may listen on an address that others can reach: needs TLS, here or in front of it',
    fallback: false
  },
  {
    path: 'http.tlsCert',
    kind: 'text',
    about:
      'the file of the certificate (PEM, with those up to the root) with which the HTTP API speaks TLS'
  },
  {
    path: 'http.tlsKey',
    kind: 'text',
    about: 'the file of the private key of that certificate (PEM)'
  },
  {
    path: 'http.trustProxies',
    kind: 'texts',
    about: 'addresses or networks (CIDR) of proxies whose X-Forwarded-For names the client',
    fallback: []
  },
  {
    path: 'http.memberRole',
    kind: 'text',
    about: 'what other members may read here with requests signed by their operator keys',
    fallback: 'monitor',
    choices: ['none', 'monitor', 'reader']
  },
  {
    path: 'http.requestsPerSecond',
    kind: 'integer',
    about: 'how many requests a second one client may send in the long run',
    fallback: 2_000,
    range: [1, 100_000]
  },
  {
    path: 'admin.allowRemote',
    kind: 'boolean',
    about: 'whether the administration may listen on an address that others can reach',
    fallback: false
  },
  {
    path: 'signer',
    kind: 'text',
    about: 'the socket of the process that holds the consensus key, when keys.json does not'
  },
  {
    path: 'passphraseFile',
    kind: 'text',
    about: 'a file with the passphrase of keys.json; without it the passphrase is asked for'
  },
  {
    path: 'mqtt',
    kind: 'text',
    about: 'the URL of an MQTT 5 broker at which devices reach this node too'
  },
  {
    path: 'mqttPassword',
    kind: 'text',
    about: 'the password for that broker',
    secret: true
  },
  {
    path: 'log.level',
    kind: 'text',
    about: 'the least important events that are logged',
    fallback: 'info',
    choices: LOG_LEVELS
  },
  {
    path: 'metrics',
    kind: 'text',
    about:
      'who sees the figures for Prometheus: `admin` for the administration alone, `public` for all who reach the HTTP API',
    fallback: 'admin',
    choices: ['admin', 'public']
  },
  {
    path: 'timings',
    kind: 'boolean',
    about: 'whether the log tells how long each step of each height took',
    fallback: false
  }
]

/** The environment variable of a setting. */
export function variableOf({ path }: Pick<Setting, 'path'>): string {
  return `VITALCHAIN_${words(path).join('_').toUpperCase()}`
}

/** The flag of a setting, without a value; undefined for a secret, which is none. */
export function flagOf({ path, secret }: Pick<Setting, 'path' | 'secret'>): string | undefined {
  return secret === true ? undefined : `--${words(path).join('-').toLowerCase()}`
}

function words(path: string): readonly string[] {
  return path.split(/\.|(?=[A-Z])/)
}
