// A ward monitor that outlives the node it talks to: it fails over to another hospital's node and loses nothing.
import { createTestNetwork } from '@vitalchain/node'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createSigner, generateSecretKey } from '@vitalchain/core'

const network = await createTestNetwork()
const [first, second] = network.nodes
if (first === undefined || second === undefined) throw new Error('a test network has nodes')

// A secure element signs ES256; here the key is in memory.
const signer = createSigner('es256', generateSecretKey('es256'))
await second.registerDevice({
  publicKey: signer.publicKey,
  model: 'ward monitor',
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
  // Tried in turn: when the first node is gone the second takes over.
  transport: libp2pTransport({
    network: first.network,
    addresses: [...first.addresses(), ...second.addresses()]
  }),
  boot: 1,
  batch: { readings: 3 }
})
await device.start()

let proved = 0
for (let minute = 0; minute < 6; minute++) {
  if (minute === 3) {
    await first.stop()
    process.stdout.write('the first node is gone\n')
  }
  const time = Date.UTC(2026, 0, 1, 8, minute)
  const submissions = await device.record([
    { name: '8867-4', unit: '/min', time, value: 70 + minute },
    { name: '9279-1', unit: '/min', time, value: 14 },
    minute === 4
      ? // The sensor fell off: recorded as it was, and flagged.
        { name: '59408-5', unit: '%', time, value: 0, flag: 'sensor-off' }
      : { name: '59408-5', unit: '%', time, value: 97 }
  ])
  for (const submission of submissions) {
    const { proven } = await submission.proved
    proved++
    process.stdout.write(`minute ${minute}: proved at height ${proven.header.height}\n`)
  }
}
process.stdout.write(`${proved} of 6 batches proved\n`)

await device.stop()
await network.stop()
