// Starts two linked networks, stops them, and prints how long the process lived on afterwards.
import { createHash } from 'node:crypto'
import { createNetwork, type MemberPeer, transportPublicKey } from '../../src/network/index.ts'

const seeds = [1, 2].map(i => new Uint8Array(32).fill(i))
const members: MemberPeer[] = []
const networks = seeds.map(privateKey =>
  createNetwork({
    privateKey,
    networkId: new Uint8Array(createHash('sha256').update('stop').digest()),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    members: () => members
  })
)
networks.forEach(network => network.subscribe('news', () => 'accept'))
await Promise.all(networks.map(network => network.start()))
members.push(
  ...networks.map((network, i) => ({
    member: seeds[i] ?? new Uint8Array(32),
    transportKey: transportPublicKey(seeds[i] ?? new Uint8Array(32)),
    addresses: network.addresses()
  }))
)
networks.forEach(network => network.membersChanged())
while (!networks.every(network => network.linkedMembers().length === 1)) {
  await new Promise(resolve => setTimeout(resolve, 5))
}
await Promise.all(networks.map(network => network.stop()))
const stoppedAt = performance.now()
process.on('exit', () => {
  process.stdout.write(String(Math.round(performance.now() - stoppedAt)))
})
