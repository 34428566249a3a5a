// The other end of a round trip: a node of two members that sends back each message. Says its address, ends with its input.
import { createNetwork } from '../../packages/node/src/network/index.ts'
import { echoMembers } from './echo-members.ts'

const [seed = '', peerSeed = ''] = process.argv.slice(2)
const secret = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const members = echoMembers([secret(seed), secret(peerSeed)])
const network = createNetwork({
  privateKey: secret(seed),
  networkId: new Uint8Array(32),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  members: () => members
})
network.onMessage((member, bytes) => void network.send(member, bytes))
await network.start()
process.stdout.write(`${network.addresses()[0] ?? ''}\n`)
process.stdin.on('end', () => process.exit())
process.stdin.resume()
