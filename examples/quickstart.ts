import { createTestNetwork } from '@vitalchain/node'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createSigner, generateSecretKey, verifyReceipt } from '@vitalchain/core'

// Four hospitals in this process. Ours registers the device's public key.
const network = await createTestNetwork({ validators: 4 })
const [ours] = network.nodes
if (ours === undefined) throw new Error('a network has nodes')
const signer = createSigner('ed25519', generateSecretKey('ed25519'))
await ours.registerDevice({ publicKey: signer.publicKey, model: 'monitor', firmware: undefined })

// The device encrypts with keys of a stream: one patient, one class of data.
const stream = {
  id: crypto.getRandomValues(new Uint8Array(16)),
  generation: 0,
  secret: crypto.getRandomValues(new Uint8Array(32))
}
const addresses = network.nodes.flatMap(node => node.addresses())
const transport = libp2pTransport({ network: ours.network, addresses })
const device = createDevice({ signer, genesis: network.genesis, stream, transport, boot: 1 })
await device.start()

// Heart rate by its LOINC code and UCUM unit. What comes back is proved, not promised.
const reading = { name: '8867-4', unit: '/min', time: Date.now(), value: 72 }
const recorded = device.record([reading])
await device.flush() // or wait until the batch is full
const [batch] = await recorded
if (batch === undefined) throw new Error('a reading makes a batch')
const { receipt } = await batch.proved

// Anybody checks it offline, with the genesis document alone.
const { header, certifiedBy } = verifyReceipt(receipt, { genesis: network.genesis })
process.stdout.write(`at height ${header.height}, by ${certifiedBy.length} hospitals\n`)

await device.stop()
await network.stop()
