import t, { type Test } from 'tap'
import { FRAME_BYTES_MAX } from '../../src/network/index.ts'
import { decodeEnvelope } from '../../src/network/envelope.ts'
import { createHost, type Host } from '../../src/network/host.ts'
import { peerIdOf } from '../../src/network/identity.ts'
import { Membership } from '../../src/network/membership.ts'
import { protocolNames } from '../../src/network/protocols.ts'
import { framedStream } from '../../src/network/streams.ts'
import { transportPublicKey, type MemberPeer } from '../../src/network/index.ts'
import {
  allLinked,
  collect,
  createNode,
  memberPeer,
  NETWORK_ID,
  sha256,
  startMembers,
  type TestNode,
  text,
  until
} from './nodes.ts'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

t.test('four members link up and hear each other', async t => {
  const heard: string[] = []
  const { nodes } = await startMembers(t, 4, ({ network }, index) => {
    network.onMessage((member, bytes) => {
      heard.push(`${index} ${Buffer.from(member).toString('hex').slice(0, 8)} ${text(bytes)}`)
    })
  })
  await allLinked(nodes)
  nodes[0]!.network.broadcast(Buffer.from('hello'))
  await until(() => heard.length === 3)
  const from = Buffer.from(nodes[0]!.member).toString('hex').slice(0, 8)
  t.strictSame(heard.toSorted(), [`1 ${from} hello`, `2 ${from} hello`, `3 ${from} hello`])

  // The largest frame passes whole, and the small ones behind it stay in order.
  heard.length = 0
  nodes[1]!.network.send(nodes[2]!.member, new Uint8Array(FRAME_BYTES_MAX).fill(97))
  for (let i = 0; i < 100; i++) {
    nodes[1]!.network.send(nodes[2]!.member, Buffer.from(String(i)))
  }
  await until(() => heard.length === 101)
  t.equal(heard[0]!.length, 11 + FRAME_BYTES_MAX)
  t.strictSame(
    heard.slice(1).map(line => line.slice(11)),
    Array.from({ length: 100 }, (_, i) => String(i))
  )
  t.equal(nodes[0]!.network.send(nodes[1]!.member, Buffer.from('x')), true)
  t.equal(nodes[0]!.network.send(sha256('nobody'), Buffer.from('x')), false)
})

t.test('a member that restarts is linked again both ways, and who waits is told', async t => {
  const ups: string[] = []
  const { nodes, members } = await startMembers(t, 3, ({ network }, index) => {
    network.onLinkUp(() => ups.push(`up at ${index}`))
    network.onLinkDown(() => ups.push(`down at ${index}`))
  })
  await allLinked(nodes)
  ups.length = 0
  await nodes[2]!.network.stop()
  await until(() => nodes.slice(0, 2).every(({ network }) => network.linkedMembers().length === 1))
  t.ok(ups.includes('down at 0') && ups.includes('down at 1'))

  await nodes[2]!.network.start()
  members[2] = memberPeer(nodes[2]!)
  nodes.forEach(({ network }) => network.membersChanged())
  await allLinked(nodes)
  t.ok(ups.includes('up at 0') && ups.includes('up at 1'))
})

t.test(
  'nothing waits for a member that is away: it gets what is said after it is back',
  async t => {
    const heard: string[] = []
    const { nodes, members } = await startMembers(t, 2, ({ network }, index) => {
      if (index === 1) {
        network.onMessage((_, bytes) => void heard.push(text(bytes)))
      } else {
        network.onLinkUp(member => network.send(member, Buffer.from('the latest')))
      }
    })
    const [one, two] = nodes
    await allLinked(nodes)
    await until(() => heard.length === 1)
    await two!.network.stop()
    await until(() => one!.network.linkedMembers().length === 0)
    t.equal(one!.network.send(two!.member, Buffer.from('old')), false)
    t.equal(one!.network.broadcast(Buffer.from('old')), false)
    t.match(one!.network.links(), [{ dropped: 0, queuedBytes: 0 }])

    await two!.network.start()
    members[1] = memberPeer(two!)
    nodes.forEach(({ network }) => network.membersChanged())
    await until(() => heard.length === 2)
    t.strictSame(heard, ['the latest', 'the latest'])
  }
)

t.test('a member that does not read slows its own link only', async t => {
  const gate = Promise.withResolvers<void>()
  const heard = [0, 0, 0]
  const { nodes } = await startMembers(t, 3, ({ network }, index) => {
    network.onMessage(async () => {
      heard[index]! += 1
      if (index === 1) {
        await gate.promise
      }
    })
  })
  await allLinked(nodes)
  const chunk = new Uint8Array(1_000_000)
  for (let i = 0; i < 24; i++) {
    nodes[0]!.network.broadcast(chunk)
    await until(() => heard[2] === i + 1)
  }
  const [slow, fast] = nodes[0]!.network.links()
  t.ok(slow!.dropped > 5, `dropped ${slow!.dropped}`)
  t.ok(slow!.queuedBytes <= 8 * 1024 * 1024)
  t.equal(fast!.dropped, 0)
  t.equal(heard[1], 1)
  gate.resolve()
})

t.test('a stranger that opens a member link is told why not and is not read', async t => {
  const heard: Uint8Array[] = []
  const { nodes } = await startMembers(t, 2, ({ network }) => {
    network.onMessage((_, bytes) => void heard.push(bytes))
  })
  const stranger = await rawHost(t, 'stranger')
  const connection = await stranger.dial(addressOf(nodes[0]!))
  const frames = framedStream(await connection.newStream(protocolNames(NETWORK_ID).links))
  await frames.write(Buffer.from('a vote'))
  const answer = await collect(frames.read())
  t.equal(answer.length, 1)
  t.match(decodeEnvelope(answer[0]!), { kind: 'error', error: { code: 'ERR_NOT_A_MEMBER' } })

  // A node that takes itself for a member gets the same answer, and does not count the link as up.
  const pretender = createNode(t, 'pretender', {
    members: () => [memberPeer(nodes[0]!), memberPeer(pretender)]
  })
  await pretender.network.start()
  await until(() => pretender.events.some(line => line.includes('ERR_NOT_A_MEMBER')))
  t.strictSame(pretender.network.linkedMembers(), [])
  t.strictSame(heard, [])
})

t.test('a frame over the limit ends that stream only', async t => {
  const heard: string[] = []
  const seed = sha256('seed rogue')
  const rogueMember = {
    member: sha256('rogue'),
    transportKey: transportPublicKey(seed),
    addresses: []
  }
  const { nodes, members } = await startMembers(t, 2, ({ network }) => {
    network.onMessage((_, bytes) => void heard.push(text(bytes)))
  })
  members.push(rogueMember)
  nodes.forEach(({ network }) => network.membersChanged())
  const rogue = await rawHost(t, 'rogue')
  const connection = await rogue.dial(addressOf(nodes[0]!))
  const links = protocolNames(NETWORK_ID).links
  const bad = await connection.newStream(links)
  const closed = new Promise<void>(resolve => bad.addEventListener('close', () => resolve()))
  bad.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
  await closed
  t.equal(connection.status, 'open')
  t.equal(nodes[0]!.network.linkedMembers().length, 1, 'the other link stands')
  const status = nodes[0]!.network
    .links()
    .find(({ member }) => text(member) === text(rogueMember.member))
  t.match(status, { offences: { oversize: 1 }, bannedMs: 0 })
  const good = framedStream(await connection.newStream(links))
  await good.write(Buffer.from('sorry'))
  await until(() => heard.length === 1)
  t.strictSame(heard, ['sorry'])
})

t.test('a member that is voted out loses its link and its connections', async t => {
  const { nodes, members } = await startMembers(t, 3)
  await allLinked(nodes)
  const [out] = members.splice(2, 1)
  nodes.slice(0, 2).forEach(({ network }) => network.membersChanged())
  await until(() => nodes.slice(0, 2).every(({ network }) => network.linkedMembers().length === 1))
  await until(() => nodes[2]!.network.linkedMembers().length === 0)
  await until(() => nodes[2]!.events.some(line => line.includes('ERR_NOT_A_MEMBER')))

  members.push(out!)
  nodes.slice(0, 2).forEach(({ network }) => network.membersChanged())
  await allLinked(nodes)
  t.pass('and is linked again when voted back in')
})

t.test('strangers over their share are turned away, members never', async t => {
  const shared = createNode(t, 'shared', {
    strangerConnectionsMax: 2,
    members: () => members
  })
  const late = createNode(t, 'late', { members: () => members })
  let members: ReturnType<typeof memberPeer>[] = []
  await shared.network.start()
  await late.network.start()
  const address = addressOf(shared)
  const strangers = await Promise.all(['a', 'b', 'c'].map(name => rawHost(t, `crowd ${name}`)))
  for (const stranger of strangers.slice(0, 2)) {
    await stranger.dial(address)
  }
  await until(() => shared.network.peers().length === 2)
  const third = strangers[2]!
  await third.dial(address).then(
    connection => until(() => connection.status !== 'open'),
    () => undefined
  )
  t.equal(shared.network.peers().length, 2)

  // The member dials in through the crowd, as the other has no address for it.
  members = [memberPeer(shared), memberPeer(late, [])]
  shared.network.membersChanged()
  late.network.membersChanged()
  await allLinked([shared, late])
  t.equal(shared.network.peers().length, 3)
  t.equal(shared.network.peers().filter(({ member }) => member !== undefined).length, 1)
})

function addressOf({ network }: TestNode): Multiaddr {
  return multiaddr(network.addresses()[0])
}

/** A libp2p node without our rules: what an attacker would run. */
async function rawHost(t: Test, name: string): Promise<Host> {
  const privateKey = sha256(`seed ${name}`)
  const host = await createHost({
    privateKey,
    listen: [],
    announce: [],
    names: protocolNames(NETWORK_ID),
    topics: [],
    membership: new Membership(peerIdOf(transportPublicKey(privateKey))),
    strangerConnectionsMax: 10
  })
  await host.start()
  t.teardown(() => host.stop())
  return host
}

t.test('a member links with another that it knows from its bootstrap list only', async t => {
  const members: MemberPeer[] = []
  const options = { members: () => members }
  const [first, late] = [0, 1].map(k => createNode(t, `${t.fullname} ${k}`, options))
  await Promise.all([first!.network.start(), late!.network.start()])
  const bootstrap = [first!, late!].flatMap(({ network }) => network.addresses())
  const port = Number(multiaddr(bootstrap[1]).getComponents()[1]?.value)
  await late!.network.stop()
  const node = createNode(t, `${t.fullname} 2`, { ...options, bootstrap })
  await node.network.start()
  members.push(...[first!, late!, node].map(each => memberPeer(each, [])))
  for (const each of [first!, node]) each.network.membersChanged()
  await until(() => node.network.linkedMembers().length === 1)
  // It comes up where it was and knows nobody; neither does anybody else know it by now, so no DHT can tell.
  const again = createNode(t, `${t.fullname} 1`, {
    ...options,
    listen: [`/ip4/127.0.0.1/tcp/${port}`]
  })
  await again.network.start()
  await until(() => node.network.linkedMembers().length === 2)
  t.pass()
})
