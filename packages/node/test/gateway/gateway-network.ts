import { join } from 'node:path'
import {
  decodeReadings,
  epochKey,
  openPayload,
  sha256,
  toHex,
  utf8,
  type Reading,
  type ReadingStatement
} from '@vitalchain/core'
import {
  createGateway,
  type Gateway,
  type GatewayEvent,
  type GatewaySource
} from '@vitalchain/device-sdk/gateway'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import type { Test } from 'tap'
import { createTestNetwork, type LedgerNode, type TestNetwork } from '../../src/index.ts'

/** Statements of one start are stored when they have so many readings, or so many ms are over. */
const BATCH = { readings: 60, ms: 200 }

/** What the ledger has of a sensor in one statement. */
export interface Recorded {
  readonly statement: ReadingStatement
  readonly readings: readonly Reading[]
}

/** How a gateway is started. */
interface StartOptions {
  readonly batch?: { readonly readings: number; readonly ms: number }
  /** Whether no node can be reached: a gateway that never was on the network stores nothing then. */
  readonly isOffline?: boolean
  /** Whether its disk is full. */
  readonly isFull?: boolean
}

/** A network of four hospitals with sensors that cannot sign. */
export class GatewayNetwork {
  readonly network: TestNetwork
  readonly #directory: string
  /** Payloads that were stored, by the identity of their statement. */
  readonly #payloads = new Map<string, Uint8Array>()
  readonly events: GatewayEvent[] = []

  private constructor(network: TestNetwork, directory: string) {
    this.network = network
    this.#directory = directory
  }

  static async open(t: Test): Promise<GatewayNetwork> {
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    return new GatewayNetwork(network, t.testdir({}))
  }

  get node(): LedgerNode {
    return this.network.nodes[0]!
  }

  /** Starts the gateway, again in the same directory; its sensors are registered at the first start. */
  async start(
    t: Test,
    sensors: readonly string[],
    source: GatewaySource,
    { batch = BATCH, isOffline = false, isFull = false }: StartOptions = {}
  ): Promise<Gateway> {
    const gateway = createGateway({
      genesis: this.network.genesis,
      secret: sha256(utf8('secret of the gateway')),
      sensors: sensors.map(name => ({ name, stream: streamOf(name), batch })),
      sources: [source],
      transport: () =>
        isOffline
          ? { name: 'none', connect: () => Promise.reject(new Error('no network')) }
          : libp2pTransport({
              network: this.node.network,
              addresses: this.network.nodes.flatMap(each => each.addresses())
            }),
      directory: this.#directory,
      outbox: name => {
        const store = fileOutbox(join(this.#directory, name, 'outbox'))
        return Object.assign(Object.create(store) as typeof store, {
          append: (entry: Parameters<typeof store.append>[0]) => {
            if (isFull) throw new Error('no space left on device')
            if (entry.payload !== undefined) this.#payloads.set(toHex(entry.id), entry.payload)
            return store.append(entry)
          },
          load: () => store.load(),
          read: (...args: Parameters<typeof store.read>) => store.read(...args),
          remove: (...args: Parameters<typeof store.remove>) => store.remove(...args),
          mark: (...args: Parameters<typeof store.mark>) => store.mark(...args),
          close: () => store.close()
        })
      },
      onEvent: event => this.events.push(event)
    })
    t.teardown(() => gateway.stop())
    for (const { publicKey } of gateway.devices) {
      await this.node
        .registerDevice({ publicKey, model: 'plain sensor', firmware: undefined })
        .catch((error: unknown) => {
          if ((error as { code?: string }).code !== 'ERR_DEVICE_EXISTS') throw error
        })
    }
    await gateway.start()
    return gateway
  }

  /** The statements of a sensor on the ledger of a node, in its order, opened. */
  async recorded(gateway: Gateway, sensor: string): Promise<readonly Recorded[]> {
    const { id } = gateway.device(sensor)
    const found: Recorded[] = []
    const end = new AbortController()
    const { transactions } = this.node.status()
    for await (const { leaf, transaction } of this.node.events({ signal: end.signal })) {
      if (transaction.type === 'statement' && toHex(transaction.statement.device) === toHex(id)) {
        const { statement } = transaction
        const payload = this.#payloads.get(toHex(transaction.id))
        if (statement.type !== 'readings' || payload === undefined) throw new Error('not ours')
        const key = epochKey(streamOf(sensor).secret, statement.epoch)
        found.push({ statement, readings: decodeReadings(openPayload(statement, payload, key)) })
      }
      if (leaf === transactions - 1) end.abort()
    }
    return found
  }
}

/** The stream of a sensor. */
export function streamOf(name: string) {
  const secret = sha256(utf8(`stream of ${name}`))
  return { id: secret.slice(0, 16), generation: 1, secret }
}
