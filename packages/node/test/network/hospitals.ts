import type { ErrorValues } from '@vitalchain/core'
import type { Test } from 'tap'
import { createLedgerNode, type LedgerNode } from '../../src/index.ts'
import { peerIdOf } from '../../src/network/identity.ts'
import { transportPublicKey } from '../../src/network/index.ts'
import {
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './nodes.ts'

/** Something that a node logged. */
export interface Logged {
  readonly event: string
  readonly values: ErrorValues
}

/** Nodes of one network on loopback, with a device that is registered. */
export interface Hospitals {
  readonly founded: FoundedNetwork
  /** Those that run. */
  readonly nodes: readonly LedgerNode[]
  /** What each node logged. */
  readonly logs: readonly (readonly Logged[])[]
  /** Hands a reading to a node and waits until all have committed it. */
  commit(k: number): Promise<void>
  /** Starts one more. */
  start(k: number): Promise<void>
  /** Stops the hospital at this place among those that run. */
  stop(place: number): Promise<void>
}

/**
 * Starts some of a network's hospitals. Those of a cut pair never connect; `isCut` is asked with the lower index first.
 */
export async function startHospitals(
  t: Test,
  {
    count = 4,
    running = [...Array(count).keys()],
    isCut = () => false
  }: {
    readonly count?: number
    readonly running?: readonly number[]
    readonly isCut?: (a: number, b: number) => boolean
  }
): Promise<Hospitals> {
  const founded = foundNetwork({
    names: Array.from({ length: count }, (_, k) => `Hospital ${k}`),
    created: Date.now()
  })
  const peers = founded.members.map(({ transport }) =>
    peerIdOf(transportPublicKey(transport)).toString()
  )
  const logs = founded.members.map((): Logged[] => [])
  const nodes: LedgerNode[] = []
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  const start = async (k: number): Promise<void> => {
    const secret = founded.members[k]!
    const node = createLedgerNode({
      genesis: founded.document,
      keys: {
        transport: secret.transport,
        consensus: secret.consensus,
        operator: operatorSigner(secret)
      },
      bootstrap: nodes.flatMap(each => each.addresses()),
      deny: peer => {
        const other = peers.indexOf(peer)
        return other >= 0 && isCut(Math.min(k, other), Math.max(k, other))
      },
      log: (event, values) => logs[k]!.push({ event, values })
    })
    nodes.unshift(node)
    await node.start()
  }
  // From the last to the first, so that those of a cut pair meet the others first.
  for (const k of running.toReversed()) await start(k)
  const device = new TestDevice({ id: nodes[0]!.network }, 'device')
  await nodes[0]!.registerDevice({
    publicKey: device.publicKey,
    model: 'monitor',
    firmware: undefined
  })
  let committed = 1
  return {
    founded,
    nodes,
    logs,
    start,
    async stop(place) {
      const [node] = nodes.splice(place, 1)
      await node?.stop()
    },
    async commit(k) {
      const { candidate, payload } = await device.read()
      await nodes[k]!.submit({ transaction: candidate.bytes, payload })
      committed += 1
      await until(() => nodes.every(node => node.status().transactions === committed))
    }
  }
}

/** No node found that another broke a rule, in any way that is counted. */
export function nobodyIsBlamed(t: Test, { nodes, logs }: Hospitals): void {
  const blamed = logs.flat().filter(({ event }) => BLAME.has(event))
  t.same(blamed, [], 'nobody is blamed')
  t.same(
    nodes.flatMap(node => node.status().banned),
    [],
    'nobody is kept out'
  )
}

const BLAME: ReadonlySet<string> = new Set([
  'message rejected',
  'malformed message',
  'peer-banned',
  'validator contradicted itself',
  'gossip-handler-failed'
])
