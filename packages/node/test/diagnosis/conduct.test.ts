import { memberId, networkId, signEd25519 } from '@vitalchain/core'
import { encodeMessage, messageSignBytes } from '@vitalchain/consensus'
import t, { type Test } from 'tap'
import { createNetwork, type Network } from '../../src/network/index.ts'
import { describeMember, operatorSigner } from '../../src/testing/found-network.ts'
import { until } from '../node/wait.ts'
import { codesOf, startWards, untilFound, type Wards } from './hospitals.ts'
import { lyingContracts } from './liar.ts'

const MINUTE_MS = 60_000

/** The leader of height 3: leaders take turns by height. */
const LEADS_AT_3 = 3

/** In place of the fourth: its keys and links, and nothing behind them that keeps to the rules. */
async function impostor(t: Test, { founded, addresses }: Wards): Promise<Network> {
  const network = createNetwork({
    privateKey: founded.members[3]!.transport,
    networkId: networkId(founded.document),
    listen: [addresses[3]!.replace(/\/p2p\/.*$/, '')],
    members: () =>
      founded.members.map((secrets, k) => ({
        member: memberId(operatorSigner(secrets).publicKey),
        transportKey: describeMember(secrets).transportKey,
        addresses: [addresses[k]!]
      }))
  })
  t.teardown(() => network.stop())
  await network.start()
  await until('it is linked', () => network.linkedMembers().length === 3)
  return network
}

t.test(
  'a clock that is 5 minutes ahead: its own doctor says so, and those of the others',
  async t => {
    const { nodes, submit } = await startWards(t, {
      options: k => (k === LEADS_AT_3 ? { now: () => Date.now() + 5 * MINUTE_MS } : {})
    })
    const other = await untilFound(nodes[0]!, 'CLOCK_OTHER', 'Dax')
    t.match(other.finding.text, /clock of Dax is ahead by 5 minutes/)
    t.match(other.finding.act, /Tell the operator of Dax: Switch on time synchronisation/)
    const own = await untilFound(nodes[LEADS_AT_3]!, 'CLOCK_OWN')
    t.match(
      own.finding.text,
      /this node's computer is ahead by 5 minutes, by the clocks of Ahus, Bern and Caen/
    )

    for (const height of [2, 3]) {
      await submit(0)
      await until(`block ${height}`, () => nodes[0]!.status().height === height)
    }
    const after = await nodes[0]!.diagnose()
    t.same(codesOf(after), ['CLOCK_OTHER'], 'nobody is taken for a liar whose clock is wrong')
  }
)

t.test(
  'a lying primary: the doctor of each other hospital names it, and the network goes on',
  async t => {
    let lies = false
    const { nodes, submit } = await startWards(t, {
      options: k =>
        k === LEADS_AT_3
          ? { contracts: lyingContracts(() => lies) }
          : {
              log(event) {
                // Once it is caught it goes on as the others do.
                if (event === 'leader proposed an invalid block') lies = false
              }
            }
    })
    await submit(0)
    await until('block 2', () => nodes.every(node => node.status().height === 2))
    t.equal(nodes[0]!.status().leader, 'Dax')
    lies = true
    await submit(0)
    const { finding, diagnosis } = await untilFound(nodes[0]!, 'LEADER_LIES', 'Dax')
    t.match(finding.text, /Dax proposed 1 invalid block in the last minutes \(ERR_BLOCK_STATE\)/)
    t.match(finding.act, /Call Dax by a number that you know/)
    t.same(codesOf(diagnosis), ['LEADER_LIES'])
    await until('block 3', () => nodes.slice(0, 3).every(node => node.status().height === 3))
    for (const k of [1, 2]) await untilFound(nodes[k]!, 'LEADER_LIES', 'Dax')
  }
)

t.test('a member with a newer protocol version: the doctor says whose software is old', async t => {
  const wards = await startWards(t, { running: [0, 1, 2] })
  const { nodes } = wards
  const network = await impostor(t, wards)
  network.broadcast(
    encodeMessage({
      type: 'status',
      height: 1,
      headHash: nodes[0]!.ledger.head.hash,
      view: 0,
      clock: Date.now(),
      version: 2
    })
  )
  const { finding, diagnosis } = await untilFound(nodes[0]!, 'VERSION_OLD')
  t.match(finding.text, /This node knows protocol version 1; Dax knows 2/)
  t.match(finding.act, /Upgrade the software of this node before the members vote/)
  t.same(codesOf(diagnosis), ['VERSION_OLD'])
})

t.test('a validator that contradicts itself: the doctor of each other names it', async t => {
  const wards = await startWards(t, { running: [0, 1, 2] })
  const network = await impostor(t, wards)
  const scope = { network: networkId(wards.founded.document), recoveryEpoch: 0 }
  for (const byte of [1, 2]) {
    const blockHash = new Uint8Array(32).fill(byte)
    const vote = { type: 'prepare', height: 2, view: 0, sender: 3, blockHash } as const
    const secret = wards.founded.members[3]!.consensus
    const signature = signEd25519(secret, messageSignBytes(scope, vote))
    network.broadcast(encodeMessage({ ...vote, signature }))
  }
  for (const k of [0, 1, 2]) {
    const { finding } = await untilFound(wards.nodes[k]!, 'EVIDENCE', 'Dax')
    t.equal(finding.severity, 'warning')
    t.match(
      finding.text,
      /1 proof that the validator of Dax broke the rules.*duplicate at height 2/
    )
    t.match(finding.act, /Call Dax by a number that you know/)
  }
})
