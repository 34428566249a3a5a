import { createSigner, sha256, utf8, type DeviceAnswer } from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import t from 'tap'
import { createTestNetwork } from '../../src/testing/test-network.ts'

t.test('a node that reaches no validator sends devices away at once', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const [alone, ...others] = network.nodes
  const signer = createSigner('ed25519', sha256(utf8('monitor')))
  await alone!.registerDevice({
    publicKey: signer.publicKey,
    model: 'Monitor',
    firmware: undefined
  })
  const { answer } = alone!.deviceDoor
  const submit = (): Promise<DeviceAnswer> =>
    answer(
      { type: 'submit', request: 1, transaction: new Uint8Array([0]), payload: undefined },
      undefined
    )
  const connected = await submit()
  t.not(
    connected.type === 'refused' && connected.code,
    'ERR_ISOLATED',
    'with links it is looked at'
  )

  await Promise.all(others.map(node => node.stop()))
  // The links end with the connections; the node hears of it by the sockets.
  while (alone!.status().links.length > 0) await new Promise(setImmediate)
  const device = createDevice({
    signer,
    genesis: network.genesis,
    stream: { id: new Uint8Array(16).fill(7), generation: 1, secret: sha256(utf8('stream')) },
    transport: libp2pTransport({ network: alone!.network, addresses: alone!.addresses() }),
    boot: 1,
    batch: { readings: 1 }
  })
  t.teardown(() => device.stop())
  const events = device.events()
  await device.start()
  await device.record([{ name: 'heart-rate', time: Date.now(), value: 61 }])
  for await (const event of events) {
    if (event.type !== 'disconnected') continue
    t.match(event.error, { code: 'ERR_ISOLATED', retryable: true })
    break
  }
})
