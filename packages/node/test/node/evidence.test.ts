import {
  equalBytes,
  memberId,
  networkId,
  signEd25519,
  verifyReceipt,
  type Transaction
} from '@vitalchain/core'
import { encodeMessage, messageSignBytes, type Message } from '@vitalchain/consensus'
import { evidenceAgainst } from '@vitalchain/contracts'
import t, { type Test } from 'tap'
import { createLedgerNode, type LedgerNode } from '../../src/index.ts'
import { createNetwork, type Network } from '../../src/network/index.ts'
import {
  describeMember,
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './wait.ts'

const TRAITOR = 3

/** Four hospitals that committed something together. */
async function hospitals(t: Test, founded: FoundedNetwork): Promise<LedgerNode[]> {
  const nodes: LedgerNode[] = []
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  for (const secret of founded.members) {
    const node = createLedgerNode({
      genesis: founded.document,
      keys: {
        transport: secret.transport,
        consensus: secret.consensus,
        operator: operatorSigner(secret)
      },
      bootstrap: nodes.flatMap(each => each.addresses())
    })
    nodes.push(node)
    await node.start()
  }
  const device = new TestDevice({ id: networkId(founded.document) }, 'monitor')
  await nodes[0]!.registerDevice({
    publicKey: device.publicKey,
    model: 'monitor',
    firmware: undefined
  })
  await until('block 1 is everywhere', () => nodes.every(node => node.status().height === 1))
  return nodes
}

/** In place of the fourth: its keys and links, and nothing behind them that keeps to the rules. */
async function traitorOf(
  t: Test,
  founded: FoundedNetwork,
  nodes: readonly LedgerNode[]
): Promise<Network> {
  const network = createNetwork({
    privateKey: founded.members[TRAITOR]!.transport,
    networkId: networkId(founded.document),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    members: () =>
      founded.members.map((secrets, k) => ({
        member: memberId(operatorSigner(secrets).publicKey),
        transportKey: describeMember(secrets).transportKey,
        addresses: nodes[k]?.addresses() ?? []
      }))
  })
  t.teardown(() => network.stop())
  await network.start()
  await until('the traitor is linked', () => network.linkedMembers().length === 3)
  return network
}

function prepare(founded: FoundedNetwork, byte: number, forged = false): Uint8Array {
  const scope = { network: networkId(founded.document), recoveryEpoch: 0 }
  const vote = {
    type: 'prepare',
    height: 2,
    view: 0,
    sender: TRAITOR,
    blockHash: new Uint8Array(32).fill(byte)
  } as const
  const secret = founded.members[forged ? 0 : TRAITOR]!.consensus
  const signature = signEd25519(secret, messageSignBytes(scope, vote))
  const message: Message = { ...vote, signature }
  return encodeMessage(message)
}

t.test(
  'a validator that one hospital hears contradict itself is named on the ledger of all',
  async t => {
    const founded = foundNetwork({ names: ['A', 'B', 'C', 'D'], created: Date.now() })
    const all = await hospitals(t, founded)
    await all[TRAITOR]!.stop()
    const nodes = all.slice(0, TRAITOR)
    const traitor = await traitorOf(t, founded, nodes)
    const member = (k: number): Uint8Array =>
      memberId(operatorSigner(founded.members[k]!).publicKey)

    // Somebody else's signature in the traitor's name proves nothing, whoever brings it.
    for (const byte of [7, 8]) traitor.send(member(1), prepare(founded, byte, true))
    for (const byte of [1, 2]) traitor.send(member(0), prepare(founded, byte))
    await until('all hospitals have the evidence', () =>
      nodes.every(node => evidenceAgainst(node.state, member(TRAITOR)).count === 1)
    )
    for (const node of nodes) {
      t.match(evidenceAgainst(node.state, member(TRAITOR)).newest, [
        { kind: 'duplicate', height: 2, recordedHeight: 2 }
      ])
      for (const k of [0, 1, 2]) t.equal(evidenceAgainst(node.state, member(k)).count, 0)
      const transaction = await evidenceOf(node)
      t.match(transaction.evidence, { kind: 'duplicate', validator: TRAITOR, height: 2 })
      const proven = verifyReceipt(node.receipt(transaction.id), { genesis: node.network })
      t.ok(equalBytes(proven.transaction.id, transaction.id))
    }
  }
)

async function evidenceOf(node: LedgerNode): Promise<Extract<Transaction, { type: 'evidence' }>> {
  for await (const { transaction } of node.events({ from: '0.0' }))
    if (transaction.type === 'evidence') return transaction
  throw new Error('no evidence')
}
