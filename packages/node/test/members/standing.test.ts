import { createRules, devices, members, proposeArgs } from '@vitalchain/contracts'
import { callTransaction, decodeTransaction, callFormat, signCose } from '@vitalchain/core'
import t from 'tap'
import { changesMembers, createFormerPeers, memberPeers } from '../../src/members/peers.ts'
import { standingOf } from '../../src/members/standing.ts'
import { peerIdOf } from '../../src/network/identity.ts'
import { createOverlay } from '../../src/ledger/overlay.ts'
import { describeMember, foundNetwork, operatorSigner } from '../../src/testing/found-network.ts'

const founded = foundNetwork({ names: ['A', 'B', 'C', 'D'], created: 1 })
const other = foundNetwork({ names: ['X', 'A', 'C', 'D'], created: 2 })
const describe = (index: number): ReturnType<typeof describeMember> =>
  describeMember(founded.members[index]!)

/** The state that a genesis begins with. */
function stateOf({ genesis }: typeof founded): ReturnType<typeof createOverlay> {
  const state = createOverlay({ get: () => undefined })
  createRules([members, devices]).genesis(state, genesis)
  return state
}

t.test('a node is a member by its keys in force, and no more when they are not', async t => {
  const state = stateOf(founded)
  const { transportKey, consensusKey } = describe(0)
  const past = { founders: founded.genesis.members, sets: [] }
  t.equal(standingOf(state, { transportKey, consensusKey }, past), 'member')
  t.equal(standingOf(state, { transportKey, consensusKey: undefined }, past), 'member')
  const elsewhere = stateOf(other)
  t.equal(standingOf(elsewhere, { transportKey, consensusKey }, past), 'removed')
  t.equal(
    standingOf(elsewhere, { transportKey, consensusKey }, { founders: [], sets: [] }),
    'waiting'
  )
  const set = [{ member: new Uint8Array(32), consensusKey, checkpointKey: new Uint8Array(32) }]
  t.equal(
    standingOf(elsewhere, { transportKey, consensusKey }, { founders: [], sets: [set] }),
    'removed',
    'a set of before names its key'
  )
})

t.test('who left may read up to the block that took it out, until it comes back', async t => {
  const peers = memberPeers(stateOf(founded))
  t.equal(peers.length, 4)
  const former = createFormerPeers(peers)
  const gone = peerIdOf(describe(3).transportKey).toString()
  t.equal(former.lastHeight(gone), undefined)
  former.update(peers.slice(0, 3), 7)
  t.equal(former.lastHeight(gone), 7)
  former.update(peers.slice(0, 3), 9)
  t.equal(former.lastHeight(gone), 7, 'what came later is not its to read')
  former.update(peers, 11)
  t.equal(former.lastHeight(gone), undefined)
  t.equal(former.lastHeight('a stranger'), undefined)
})

t.test('no more than 64 who left are remembered, the newest', async t => {
  const [first, ...rest] = Array.from({ length: 66 }, (_, k) => {
    const { transportKey } = describeMember(
      foundNetwork({ names: [`H${k}`], created: k }).members[0]!
    )
    return { member: transportKey, transportKey, addresses: [] }
  })
  const former = createFormerPeers([first!, ...rest])
  former.update(rest, 1)
  for (let k = 1; k <= rest.length; k++) former.update(rest.slice(k), 1 + k)
  t.equal(former.lastHeight(peerIdOf(first!.transportKey).toString()), undefined)
  t.equal(former.lastHeight(peerIdOf(rest.at(-1)!.transportKey).toString()), 66)
})

t.test('only calls about members can change who is one', async t => {
  const operator = operatorSigner(founded.members[0]!)
  const call = async (method: string): Promise<boolean> => {
    const args = proposeArgs({ change: { type: 'add', member: describe(0) }, forced: false })
    const author = new Uint8Array(32)
    const encoded = callFormat.encode({
      network: author,
      author,
      previous: author,
      method,
      args
    })
    return changesMembers(decodeTransaction(callTransaction(await signCose(operator, encoded))))
  }
  t.equal(await call('members.propose'), true)
  t.equal(await call('devices.register'), false)
})
