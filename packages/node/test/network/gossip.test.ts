import t from 'tap'
import type { GossipVerdict } from '../../src/network/index.ts'
import {
  allLinked,
  createNode,
  memberPeer,
  startMembers,
  type TestNode,
  text,
  until
} from './nodes.ts'
import type { MemberPeer } from '../../src/network/index.ts'

t.test('members hear what is published, strangers that subscribe hear nothing', async t => {
  const heard = new Map<number, string[]>()
  const { nodes, members } = await startMembers(t, 4, ({ network }, index) => {
    heard.set(index, [])
    network.subscribe('transactions', (bytes, from) => {
      t.equal(from.length, 32)
      heard.get(index)!.push(text(bytes))
      return 'accept'
    })
  })
  await allLinked(nodes)

  // The stranger believes that all are members, itself too, so nothing on its side holds it back.
  const strangerHeard: string[] = []
  const stranger = createNode(t, 'listening stranger', {
    members: () => [...members, memberPeer(stranger)]
  })
  stranger.network.subscribe('transactions', bytes => {
    strangerHeard.push(text(bytes))
    return 'accept'
  })
  await stranger.network.start()
  await until(() => stranger.network.peers().length === 4)

  // Published again and again, as the mesh may still be forming; then once more by another.
  let round = 0
  await until(() => {
    round += 1
    void nodes[0]!.network.publish('transactions', Buffer.from(`tx ${round}`))
    void stranger.network.publish('transactions', Buffer.from(`forged ${round}`))
    return [1, 2, 3].every(index => heard.get(index)!.length > 0)
  })
  // Long enough for gossipsub's heartbeat to graft, and to offer the stranger what it missed.
  await new Promise(resolve => setTimeout(resolve, 1_200))
  await nodes[1]!.network.publish('transactions', Buffer.from('last'))
  await until(() => [0, 2, 3].every(index => heard.get(index)!.includes('last')))
  t.strictSame(strangerHeard, [])
  t.notOk([...heard.values()].flat().some(line => line.startsWith('forged')))
  for (const lines of heard.values()) {
    t.equal(new Set(lines).size, lines.length, 'each message comes once')
  }

  await t.rejects(nodes[0]!.network.publish('other', Buffer.from('x')), {
    code: 'ERR_UNKNOWN_TOPIC'
  })
  await t.rejects(nodes[0]!.network.publish('transactions', Buffer.alloc(1024 * 1024 + 1)), {
    code: 'ERR_GOSSIP_TOO_LARGE'
  })
})

t.test('only what a member accepts is relayed by it', async t => {
  // A line: 0 - 1 - 2. What 0 says reaches 2 by 1 alone.
  const heard: string[] = []
  const verdicts: Record<string, GossipVerdict> = { good: 'accept', old: 'ignore', bad: 'reject' }
  const { nodes } = await startLine(
    t,
    bytes => {
      heard.push(text(bytes))
      return 'accept'
    },
    async bytes => verdicts[text(bytes).split(' ')[0]!]!
  )
  let round = 0
  await until(() => {
    round += 1
    for (const word of Object.keys(verdicts)) {
      void nodes[0]!.network.publish('line', Buffer.from(`${word} ${round}`))
    }
    return heard.length > 0
  })
  t.ok(heard.every(line => line.startsWith('good')))
})

async function startLine(
  t: Tap,
  end: (bytes: Uint8Array) => GossipVerdict,
  middle: (bytes: Uint8Array) => Promise<GossipVerdict>
): Promise<{ readonly nodes: readonly TestNode[] }> {
  let started = false
  const nodes: readonly TestNode[] = ['left', 'middle', 'right'].map((name, index) =>
    createNode(t, `${t.fullname} ${name}`, {
      members: () => (started ? neighbours(index) : [])
    })
  )
  const neighbours = (index: number): MemberPeer[] =>
    nodes.filter((_, other) => Math.abs(index - other) <= 1).map(node => memberPeer(node))
  nodes[0]!.network.subscribe('line', () => 'accept')
  nodes[1]!.network.subscribe('line', middle)
  nodes[2]!.network.subscribe('line', end)
  await Promise.all(nodes.map(({ network }) => network.start()))
  started = true
  nodes.forEach(({ network }) => network.membersChanged())
  await until(() => nodes[1]!.network.linkedMembers().length === 2)
  return { nodes }
}

type Tap = Parameters<typeof createNode>[0]
