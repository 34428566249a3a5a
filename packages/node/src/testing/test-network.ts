import type { ErrorValues } from '@vitalchain/core'
import type { Contract } from '@vitalchain/contracts'
import { createLedgerNode } from '../node.ts'
import type { Meters } from '../observe/meters.ts'
import type { LedgerNode } from '../types.ts'
import { foundNetwork, operatorSigner, type FoundedNetwork } from './found-network.ts'

/** Settings of {@link createTestNetwork}. */
export interface TestNetworkOptions {
  /** How many hospitals. Default 4: the fewest that tolerate one that lies. */
  readonly validators?: number
  /** The contracts of the network. Default: members and devices. */
  readonly contracts?: readonly Contract[]
  /** Multiaddrs that each node listens on. Default: any free TCP port on loopback. */
  readonly listen?: readonly string[]
  /** Told what the nodes log, with the index of the node. */
  readonly log?: (node: number, event: string, values: ErrorValues) => void
  /** The meters of the node with this index. */
  readonly meters?: (node: number) => Meters
}

/** A whole network in one process: real nodes, real libp2p on loopback, stores in memory. */
export interface TestNetwork {
  readonly nodes: readonly LedgerNode[]
  /** The genesis document's bytes. */
  readonly genesis: Uint8Array
  /** The genesis with everybody's secret keys. */
  readonly founded: FoundedNetwork
  /** Stops all nodes. */
  stop(): Promise<void>
}

/** Starts a network for an embedding developer's own tests. It commits in well under two seconds. */
export async function createTestNetwork({
  validators = 4,
  contracts,
  listen,
  log,
  meters
}: TestNetworkOptions = {}): Promise<TestNetwork> {
  const founded = foundNetwork({
    names: Array.from({ length: validators }, (_, k) => `Hospital ${k + 1}`),
    created: Date.now(),
    ...(contracts === undefined ? {} : { contracts })
  })
  const nodes: LedgerNode[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(node => node.stop()))
  }
  try {
    for (const [k, secret] of founded.members.entries()) {
      const node = createLedgerNode({
        genesis: founded.document,
        keys: {
          transport: secret.transport,
          consensus: secret.consensus,
          checkpoint: secret.checkpoint,
          operator: operatorSigner(secret)
        },
        // Each knows those before it; connections serve both ways.
        bootstrap: nodes.flatMap(each => each.addresses()),
        ...(listen === undefined ? {} : { listen }),
        ...(contracts === undefined ? {} : { contracts }),
        ...(meters === undefined ? {} : { meters: meters(k) }),
        ...(log === undefined
          ? {}
          : { log: (event: string, values: ErrorValues) => log(k, event, values) })
      })
      nodes.push(node)
      await node.start()
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, genesis: founded.document, founded, stop }
}
