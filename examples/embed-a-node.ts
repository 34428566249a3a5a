// Four hospitals in one process: register a device, record readings, follow what is committed.
// An embedding service has one node; the other three stand for the other hospitals.
import { createTestNetwork } from '@vitalchain/node'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createSigner, generateSecretKey, toHex } from '@vitalchain/core'

const network = await createTestNetwork({ validators: 4 })
const [ours] = network.nodes
if (ours === undefined) throw new Error('a test network has nodes')

// The hospital registers the device's public key; the secret key never leaves the device.
const signer = createSigner('ed25519', generateSecretKey('ed25519'))
await ours.registerDevice({
  publicKey: signer.publicKey,
  model: 'bedside monitor',
  firmware: undefined
})

const device = createDevice({
  signer,
  genesis: network.genesis,
  stream: {
    id: generateSecretKey('ed25519').subarray(0, 16),
    generation: 0,
    secret: generateSecretKey('ed25519')
  },
  transport: libp2pTransport({ network: ours.network, addresses: ours.addresses() }),
  boot: 1,
  batch: { readings: 2 }
})
await device.start()

// Follow the ledger from its beginning; a service that stops resumes behind the last cursor it stored.
const following = new AbortController()
const follow = async (): Promise<void> => {
  for await (const event of ours.events({ from: '0.0', signal: following.signal })) {
    process.stdout.write(`committed ${event.cursor} ${event.transaction.type}\n`)
    if (event.transaction.type === 'statement') following.abort()
  }
}
const followed = follow()

const now = Date.now()
const [batch] = await device.record([
  { name: '8867-4', unit: '/min', time: now, value: 72 },
  { name: '59408-5', unit: '%', time: now, value: 98 }
])
const proof = await batch?.proved
process.stdout.write(
  `proved at height ${proof?.proven.header.height} for device ${toHex(device.id).slice(0, 8)}\n`
)

await followed
await device.stop()
await network.stop()
