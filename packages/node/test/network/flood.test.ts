import { encodeMessage, type Message } from '@vitalchain/consensus'
import { memberId } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createNetwork, type Network } from '../../src/network/index.ts'
import { startHospitals, type Hospitals } from './hospitals.ts'
import { until } from './nodes.ts'

/** Votes a second to each of the others. */
const FLOOD_PER_SECOND = 5_000

/** How often the flooder sends, ms. */
const FLOOD_INTERVAL_MS = 10

t.test(
  'a validator that floods bad votes costs ten signature checks, is cut off, and the others go on',
  async t => {
    const all = await startHospitals(t, { running: [0, 1, 2] })
    const { network, sent } = await flooder(t, all, nonce => ({
      type: 'prepare',
      height: all.nodes[0]!.status().height + 1,
      view: all.nodes[0]!.status().view,
      sender: 3,
      blockHash: new Uint8Array(32).fill(nonce),
      signature: new Uint8Array(64).fill(nonce)
    }))
    await until(() => all.nodes.every(node => node.status().banned.includes('Hospital 3')))
    for (let k = 0; k < 12; k++) await all.commit(k % 3)
    t.ok(sent() > 1_000, `${sent()} bad votes`)
    t.same(network.linkedMembers(), [], 'it does not get back in')
    for (const log of all.logs.slice(0, 3)) {
      t.equal(log.filter(({ event }) => event === 'message rejected').length, 10)
      t.match(
        log.filter(({ event }) => event === 'peer-banned'),
        [{ values: { code: 'ERR_PEER_BANNED', signature: 10 } }]
      )
    }
  }
)

t.test('a member that sends what is no message is cut off', async t => {
  const all = await startHospitals(t, { running: [0, 1, 2] })
  await flooder(t, all, nonce => new Uint8Array(200).fill(nonce))
  await until(() => all.nodes.every(node => node.status().banned.includes('Hospital 3')))
  await all.commit(0)
})

t.test('a member that talks without end is heard at its share, and breaks no rule', async t => {
  const all = await startHospitals(t, { running: [0, 1, 2] })
  const { network, sent } = await flooder(t, all, nonce => ({
    type: 'status',
    height: 0,
    headHash: new Uint8Array(32).fill(nonce),
    view: 0,
    clock: nonce,
    version: 1
  }))
  for (let k = 0; k < 6; k++) await all.commit(k % 3)
  await until(() => sent() > FLOOD_PER_SECOND)
  for (let k = 0; k < 6; k++) await all.commit(k % 3)
  t.equal(network.linkedMembers().length, 3)
  t.same(
    all.nodes.flatMap(node => node.status().banned),
    []
  )
})

/** The fourth hospital's place in the network, taken by something that sends what a test says to all, without end. */
async function flooder(
  t: Test,
  { founded, nodes }: Hospitals,
  make: (nonce: number) => Message | Uint8Array
): Promise<{ readonly network: Network; readonly sent: () => number }> {
  const { members, genesis } = founded
  const network = createNetwork({
    privateKey: members[3]!.transport,
    networkId: nodes[0]!.network,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: nodes.flatMap(node => node.addresses()),
    members: () =>
      genesis.members.map((member, k) => ({
        member: memberId(member.operatorKey),
        transportKey: member.transportKey,
        addresses: nodes[k]?.addresses() ?? []
      }))
  })
  t.teardown(() => network.stop())
  await network.start()
  await until(() => network.linkedMembers().length === 3)
  let sent = 0
  const timer = setInterval(() => {
    for (let k = 0; k < (FLOOD_PER_SECOND * FLOOD_INTERVAL_MS) / 1_000; k++) {
      const made = make(sent % 251)
      network.broadcast(made instanceof Uint8Array ? made : encodeMessage(made))
      sent += 1
    }
  }, FLOOD_INTERVAL_MS)
  t.teardown(() => clearInterval(timer))
  return { network, sent: () => sent }
}
