import { createSigner, generateSecretKey, toHex } from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import t from 'tap'
import { createTestNetwork } from '../../src/index.ts'
import { until } from './wait.ts'

t.test(
  'a device that knows one address finds the other hospitals and goes on without the first',
  async t => {
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    const [first, second] = network.nodes
    const signer = createSigner('ed25519', generateSecretKey('ed25519'))
    await second!.registerDevice({ publicKey: signer.publicKey, model: 'm', firmware: undefined })
    const transport = libp2pTransport({
      network: first!.network,
      addresses: first!.addresses(),
      genesis: network.genesis
    })
    const device = createDevice({
      signer,
      genesis: network.genesis,
      stream: {
        id: generateSecretKey('ed25519').subarray(0, 16),
        generation: 0,
        secret: generateSecretKey('ed25519')
      },
      transport,
      boot: 1,
      batch: { readings: 1 }
    })
    t.teardown(() => device.stop())
    const nodes: string[] = []
    const follow = (async () => {
      for await (const event of device.events()) {
        if (event.type === 'connected') nodes.push(toHex(event.node))
      }
    })()
    await device.start()
    const record = async (value: number): Promise<void> => {
      for (const each of await device.record([
        { name: '8867-4', unit: '/min', time: 1_800_000_000_000, value }
      ])) {
        await each.proved
      }
    }
    await record(70)
    await until('the other hospitals are found', () => transport.addresses().length >= 4)
    await first!.stop()
    await record(71)
    await device.stop()
    await follow
    t.equal(nodes[0], toHex(first!.transportKey))
    t.ok(
      network.nodes.slice(1).some(node => nodes.includes(toHex(node.transportKey))),
      'it found another hospital'
    )
  }
)
