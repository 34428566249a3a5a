import { createServer } from 'node:net'
import type { ErrorValues } from '@vitalchain/core'
import type { Test } from 'tap'
import type { Diagnosis, Finding } from '../../src/diagnosis/types.ts'
import { createLedgerNode } from '../../src/node.ts'
import { peerNameOf, transportPublicKey } from '../../src/network/index.ts'
import {
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import type { LedgerNode, LedgerNodeOptions } from '../../src/types.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'

export const NAMES: readonly string[] = ['Ahus', 'Bern', 'Caen', 'Dax']

/** Four hospitals with fixed ports, as operators configure each other. */
export interface Wards {
  readonly founded: FoundedNetwork
  readonly nodes: readonly LedgerNode[]
  /** Their addresses, with `/p2p/…`. */
  readonly addresses: readonly string[]
  /** What each logged. */
  readonly logs: readonly (readonly { readonly event: string; readonly values: ErrorValues }[])[]
  /** Hands a reading to a node; it may never be committed. */
  readonly submit: (k: number) => Promise<void>
}

/** Starts four hospitals that know each other's addresses, and commits something. */
export async function startWards(
  t: Test,
  {
    founded = foundNetwork({ names: NAMES, created: Date.now() }),
    running = [0, 1, 2, 3],
    options = () => ({})
  }: {
    readonly founded?: FoundedNetwork
    readonly running?: readonly number[]
    readonly options?: (k: number, addresses: readonly string[]) => Partial<LedgerNodeOptions>
  } = {}
): Promise<Wards> {
  const addresses = await addressesFor(founded)
  const logs = founded.members.map((): { event: string; values: ErrorValues }[] => [])
  const nodes = founded.members.map((secrets, k) =>
    createLedgerNode({
      genesis: founded.document,
      keys: {
        transport: secrets.transport,
        consensus: secrets.consensus,
        checkpoint: secrets.checkpoint,
        operator: operatorSigner(secrets)
      },
      listen: [addresses[k]!.replace(/\/p2p\/.*$/, '')],
      bootstrap: addresses.filter((_, other) => other !== k),
      log: (event, values) => logs[k]!.push({ event, values }),
      ...options(k, addresses)
    })
  )
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  await Promise.all(running.map(k => nodes[k]!.start()))
  const first = nodes[running[0]!]!
  const device = new TestDevice({ id: first.network }, 'device')
  if (running.length >= 3) {
    await first.registerDevice({
      publicKey: device.publicKey,
      model: 'monitor',
      firmware: undefined
    })
    await until('all have block 1', () => running.every(k => nodes[k]!.status().height >= 1))
  }
  return {
    founded,
    nodes,
    addresses,
    logs,
    async submit(k) {
      const { candidate, payload } = await device.read()
      await nodes[k]!.submit({ transaction: candidate.bytes, payload })
    }
  }
}

/** Free ports on loopback, as multiaddrs of the members. */
export async function addressesFor(founded: FoundedNetwork): Promise<readonly string[]> {
  const servers = founded.members.map(() => createServer())
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>(resolve => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        })
    )
  )
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return founded.members.map(
    ({ transport }, k) =>
      `/ip4/127.0.0.1/tcp/${ports[k]}/p2p/${peerNameOf(transportPublicKey(transport))}`
  )
}

/** Asks a node until its diagnosis has a finding of this code and subject. */
export async function untilFound(
  node: LedgerNode,
  code: string,
  subject?: string
): Promise<{ readonly diagnosis: Diagnosis; readonly finding: Finding }> {
  const end = Date.now() + 40_000
  for (;;) {
    const diagnosis = await node.diagnose()
    const finding = diagnosis.findings.find(
      each => each.code === code && (subject === undefined || each.subject === subject)
    )
    if (finding !== undefined) return { diagnosis, finding }
    if (Date.now() > end)
      throw new Error(`no ${code} ${subject ?? ''}: ${JSON.stringify(diagnosis, undefined, 1)}`)
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

/** The codes of what has to be acted on. */
export function codesOf({ findings }: Diagnosis): readonly string[] {
  return findings.filter(({ severity }) => severity !== 'note').map(({ code }) => code)
}
