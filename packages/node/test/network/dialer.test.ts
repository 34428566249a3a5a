import type { Connection, Stream } from '@libp2p/interface'
import t from 'tap'
import { Dialer } from '../../src/network/dialer.ts'
import type { Host } from '../../src/network/host.ts'
import { peerIdOf, transportPublicKey } from '../../src/network/identity.ts'
import { Membership, type KnownMember } from '../../src/network/membership.ts'
import { sha256 } from './nodes.ts'

const NOBODY = new AbortController().signal
const transportKey = transportPublicKey(sha256('member'))
const peer = peerIdOf(transportKey)
const stream = {} as unknown as Stream
const connection = { newStream: async () => stream } as unknown as Connection

function member(...addresses: readonly string[]): KnownMember {
  return { member: sha256('id'), transportKey, addresses, peer }
}

/** A host that reaches the addresses it is told to, and a DHT that answers when it is told to. */
function world(reachable: Set<string>): {
  readonly dialer: Dialer
  readonly lookUps: PromiseWithResolvers<{ multiaddrs: readonly unknown[] }>[]
} {
  const lookUps: PromiseWithResolvers<{ multiaddrs: readonly unknown[] }>[] = []
  const host = {
    getConnections: () => [],
    dial: async (addresses: readonly { toString(): string }[]) => {
      if (addresses.some(address => reachable.has(address.toString().split('/p2p/')[0] ?? '')))
        return connection
      throw new Error('refused')
    },
    peerRouting: {
      findPeer: async () => {
        const lookUp = Promise.withResolvers<{ multiaddrs: readonly unknown[] }>()
        lookUps.push(lookUp)
        return lookUp.promise
      }
    }
  } as unknown as Host
  const membership = new Membership(peerIdOf(transportPublicKey(sha256('self'))))
  return { dialer: new Dialer(host, membership, [], NOBODY), lookUps }
}

t.test('a member that restarts is reached while the DHT still looks for it', async t => {
  const reachable = new Set<string>()
  const { dialer, lookUps } = world(reachable)
  const away = member('/ip4/127.0.0.1/tcp/4001')
  await t.rejects(dialer.open(away, '/p', NOBODY), { code: 'ERR_UNREACHABLE' })
  t.equal(lookUps.length, 1, 'the DHT is asked, and nobody waits for it')
  reachable.add('/ip4/127.0.0.1/tcp/4001')
  t.equal(await dialer.open(away, '/p', NOBODY), stream)
})

t.test('a member that moved is reached where the DHT found it', async t => {
  const { dialer, lookUps } = world(new Set(['/ip4/127.0.0.1/tcp/4002']))
  const moved = member('/ip4/127.0.0.1/tcp/4001')
  await t.rejects(dialer.open(moved, '/p', NOBODY), { code: 'ERR_UNREACHABLE' })
  lookUps[0]?.resolve({ multiaddrs: [`/ip4/127.0.0.1/tcp/4002/p2p/${peer.toString()}`] })
  await lookUps[0]?.promise
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  t.equal(await dialer.open(moved, '/p', NOBODY), stream)
})

t.test('a member of whom no address is known is looked up first', async t => {
  const { dialer, lookUps } = world(new Set(['/ip4/127.0.0.1/tcp/4002']))
  const opened = dialer.open(member(), '/p', NOBODY)
  t.equal(lookUps.length, 1)
  lookUps[0]?.resolve({ multiaddrs: [`/ip4/127.0.0.1/tcp/4002/p2p/${peer.toString()}`] })
  t.equal(await opened, stream)
})
