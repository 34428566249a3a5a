import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { transportPublicKey } from '../../src/network/index.ts'
import {
  allLinked,
  createNode,
  memberPeer,
  sha256,
  startMembers,
  type TestNode,
  until
} from './nodes.ts'

t.test('nothing is open before start, and stop and start are safe to repeat', async t => {
  const { network } = createNode(t, 'lifecycle')
  t.strictSame(network.addresses(), [])
  t.strictSame(network.linkedMembers(), [])
  await network.stop()
  await Promise.all([network.start(), network.start()])
  const [address] = network.addresses()
  t.match(address, new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${network.peer}$`))
  await Promise.all([network.stop(), network.stop()])
  t.strictSame(network.addresses(), [])
  await network.start()
  t.equal(network.addresses().length, 1)
})

t.test('a port that is taken fails the start and leaves nothing behind', async t => {
  const first = createNode(t, 'first on the port')
  await first.network.start()
  const port = /tcp\/(\d+)/.exec(first.network.addresses()[0]!)![1]!
  const second = createNode(t, 'second on the port', { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  await t.rejects(second.network.start())
  await first.network.stop()
  await second.network.start()
  t.equal(second.network.addresses().length, 1)
})

t.test('a process with stopped networks ends by itself', async t => {
  const script = fileURLToPath(new URL('start-and-stop.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', script],
    { timeout: 20_000 }
  )
  const milliseconds = Number(stdout)
  t.ok(milliseconds < 3_000, `ended ${milliseconds} ms after stop`)
})

t.test('a newcomer that knows one address finds the others by their keys', async t => {
  const { nodes } = await startMembers(t, 4)
  await allLinked(nodes)
  const newcomer = createNode(t, 'newcomer', { bootstrap: [nodes[0]!.network.addresses()[0]!] })
  await newcomer.network.start()
  for (const node of nodes.slice(1)) {
    const found = await newcomer.network.findPeer(node.transportKey)
    const port = /tcp\/(\d+)/.exec(node.network.addresses()[0]!)![1]!
    t.ok(
      found.some(address => address.includes(`/tcp/${port}`)),
      found.join(' ')
    )
  }
  await t.rejects(newcomer.network.findPeer(transportPublicKey(sha256('nobody'))), {
    code: 'ERR_UNREACHABLE',
    retryable: true
  })
})

t.test('a member with no addresses for the others links to all through one it knows', async t => {
  const { nodes, members } = await startMembers(t, 3)
  await allLinked(nodes)
  const late: TestNode = createNode(t, 'late member', {
    bootstrap: [nodes[0]!.network.addresses()[0]!],
    members: () => [...nodes.map(node => memberPeer(node, [])), memberPeer(late, [])]
  })
  await late.network.start()
  members.push(memberPeer(late, []))
  nodes.forEach(({ network }) => network.membersChanged())
  await until(() => late.network.linkedMembers().length === 3)
  await allLinked([...nodes, late])
  t.pass('linked')
})
