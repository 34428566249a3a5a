import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import {
  createNetwork,
  type MemberPeer,
  type Network,
  type NetworkOptions,
  transportPublicKey
} from '../../src/network/index.ts'

export const NETWORK_ID: Uint8Array = sha256('test network')

export function sha256(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

/** A network node of a test, which stops with the test. */
export interface TestNode {
  readonly network: Network
  readonly member: Uint8Array
  readonly transportKey: Uint8Array
  readonly events: string[]
}

/** A node named by a text, which decides its keys; not started. */
export function createNode(t: Test, name: string, options: Partial<NetworkOptions> = {}): TestNode {
  const privateKey = sha256(`seed ${name}`)
  const events: string[] = []
  const network = createNetwork({
    privateKey,
    networkId: NETWORK_ID,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    members: () => [],
    log: (event, values) => events.push(`${event} ${JSON.stringify(values)}`),
    ...options
  })
  t.teardown(() => network.stop())
  return {
    network,
    member: sha256(`member ${name}`),
    transportKey: transportPublicKey(privateKey),
    events
  }
}

export function memberPeer(node: TestNode, addresses?: readonly string[]): MemberPeer {
  return {
    member: node.member,
    transportKey: node.transportKey,
    addresses: addresses ?? node.network.addresses()
  }
}

/** Members that know each other's addresses, started; `prepare` declares handlers before start. */
export async function startMembers(
  t: Test,
  count: number,
  prepare: (node: TestNode, index: number) => void = () => undefined,
  options: (index: number) => Partial<NetworkOptions> = () => ({})
): Promise<{ readonly nodes: readonly TestNode[]; readonly members: MemberPeer[] }> {
  const members: MemberPeer[] = []
  const nodes = Array.from({ length: count }, (_, index) =>
    createNode(t, `${t.fullname} ${index}`, { members: () => members, ...options(index) })
  )
  nodes.forEach(prepare)
  // Ports are known after the start, so the set is told to all once they listen.
  await Promise.all(nodes.map(({ network }) => network.start()))
  members.push(...nodes.map(node => memberPeer(node)))
  nodes.forEach(({ network }) => network.membersChanged())
  return { nodes, members }
}

/** Resolves when the condition holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export async function allLinked(nodes: readonly TestNode[]): Promise<void> {
  await until(() =>
    nodes.every(({ network }) => network.linkedMembers().length === nodes.length - 1)
  )
}

export async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const part of parts) {
    all.push(part)
  }
  return all
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
