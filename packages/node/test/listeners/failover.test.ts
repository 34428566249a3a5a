import { join } from 'node:path'
import { createSigner, ed25519PublicKey, equalBytes, sha256, toHex, utf8 } from '@vitalchain/core'
import { createDevice, type Device, type DeviceTransport } from '@vitalchain/device-sdk'
import { httpTransport } from '@vitalchain/device-sdk/http'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { webSocketTransport } from '@vitalchain/device-sdk/websocket'
import t, { type Test } from 'tap'
import { createHttpApi, type HttpApi } from '../../src/http/index.ts'
import { createLedgerNode, createVoteState, type LedgerNode } from '../../src/index.ts'
import { foundNetwork, operatorSigner } from '../../src/testing/found-network.ts'
import { freePort } from './mosquitto.ts'
import { committed, readings } from './transport-contract.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

/** Four hospitals that can ban one another. */
interface Hospitals {
  readonly genesis: Uint8Array
  readonly nodes: readonly LedgerNode[]
  readonly apis: readonly HttpApi[]
  readonly urls: readonly string[]
  /** PeerIds with which no other node has a connection from now on. */
  readonly banned: Set<string>
  readonly device: (t: Test, transport: readonly DeviceTransport[]) => Promise<Device>
}

async function startHospitals(
  t: Test,
  prepare: (api: HttpApi, node: LedgerNode, index: number) => void = () => undefined
): Promise<Hospitals> {
  const names = ['North', 'East', 'South', 'West']
  const founded = foundNetwork({ names, created: Date.now() })
  const dir = t.testdir()
  const banned = new Set<string>()
  const nodes: LedgerNode[] = []
  for (const secret of founded.members) {
    const dataDir = join(dir, secret.name)
    await createVoteState(dataDir, ed25519PublicKey(secret.consensus))
    const node = createLedgerNode({
      genesis: founded.document,
      keys: {
        transport: secret.transport,
        consensus: secret.consensus,
        checkpoint: secret.checkpoint,
        operator: operatorSigner(secret)
      },
      // A node that starts again has the same ledger and the same address.
      dataDir,
      listen: [`/ip4/127.0.0.1/tcp/${await freePort()}`],
      bootstrap: nodes.flatMap(each => each.addresses()),
      deny: peer => banned.has(peer)
    })
    t.teardown(() => node.stop())
    nodes.push(node)
    await node.start()
  }
  const apis = nodes.map(node => createHttpApi({ node, token: TOKEN }))
  for (const [k, api] of apis.entries()) prepare(api, nodes[k]!, k)
  const urls = await Promise.all(apis.map(api => api.listen({ port: 0 })))
  t.teardown(() => Promise.all(apis.map(api => api.close())))
  return {
    genesis: founded.document,
    nodes,
    apis,
    urls: urls.map((url, k) => `${url}#${toHex(nodes[k]!.transportKey)}`),
    banned,
    async device(t, transport) {
      const signer = createSigner('ed25519', sha256(utf8('failover')))
      const device = createDevice({
        signer,
        genesis: founded.document,
        stream: { id: new Uint8Array(16), generation: 0, secret: sha256(utf8('stream')) },
        transport,
        boot: 1,
        batch: { readings: 10 }
      })
      await nodes[0]!.registerDevice({
        publicKey: signer.publicKey,
        model: 'Monitor',
        firmware: undefined
      })
      t.teardown(() => device.stop())
      await device.start()
      return device
    }
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, k) => k)

t.test(
  'a node that dies in the middle of an HTTP request loses nothing and doubles nothing',
  async t => {
    let requests = 0
    const killed = Promise.withResolvers<void>()
    const {
      nodes,
      urls,
      device: start
    } = await startHospitals(t, (api, node, index) => {
      if (index > 0) return
      // The node has carried the request out; the device never hears of it.
      api.app.addHook('onSend', async request => {
        if (request.url !== '/v1/device' || ++requests !== 8) return
        request.raw.socket.destroy()
        api.app.server.closeAllConnections()
        void Promise.all([api.close(), node.stop()]).then(() => killed.resolve())
      })
    })
    const device = await start(t, [httpTransport({ addresses: [urls[0]!, urls[1]!] })])
    await device.record(readings(300))
    await killed.promise
    await device.drained()
    t.same(await committed(nodes[1]!, device.id), upTo(30))
  }
)

t.test('a libp2p node that all others ban loses nothing and doubles nothing', async t => {
  const { nodes, banned, device: start } = await startHospitals(t)
  const [first, second] = [nodes[0]!, nodes[1]!].map(node => node.addresses())
  const addresses = [...first!, ...first!, ...second!]
  const transport = libp2pTransport({ network: nodes[0]!.network, addresses })
  // So that it comes back to the banned node, and not before that is up again.
  let restarted = Promise.resolve()
  const connect: DeviceTransport['connect'] = async options => {
    await restarted
    return transport.connect(options)
  }
  const device = await start(t, [{ ...transport, connect }])
  const events = device.events()
  await device.record(readings(50))
  await device.drained()
  banned.add(nodes[0]!.status().peer)
  restarted = (async () => {
    await nodes[0]!.stop()
    await nodes[0]!.start()
  })()
  await device.record(readings(100, 50))
  await device.drained()
  t.same(await committed(nodes[1]!, device.id), upTo(15))
  const story: string[] = []
  for await (const event of events) {
    if (event.type === 'connected')
      story.push(String(nodes.findIndex(node => equalBytes(node.transportKey, event.node))))
    if (event.type === 'disconnected') story.push(event.error.code)
    if (story.at(-1) === '1') break
  }
  t.match(story.join(' '), /^0 ERR_CONNECTION_LOST .*0 ERR_ISOLATED 1$/)
})

t.test('transports are used in the order given, and a dead one is passed over', async t => {
  const { nodes, apis, urls, device: start } = await startHospitals(t)
  const device = await start(t, [
    webSocketTransport({ addresses: [urls[0]!.replace('http', 'ws')] }),
    httpTransport({ addresses: [urls[1]!] }),
    libp2pTransport({ network: nodes[2]!.network, addresses: nodes[2]!.addresses() })
  ])
  const connected: string[] = []
  const events = device.events()
  const watching = (async () => {
    for await (const event of events)
      if (event.type === 'connected') connected.push(event.transport)
  })()
  let recorded = 0
  const more = async (): Promise<void> => {
    await device.record(readings(50, recorded))
    recorded += 50
    await device.drained()
  }
  await more()
  t.same(connected, ['websocket'])
  await apis[0]!.close()
  await more()
  t.same(connected, ['websocket', 'http'])
  await apis[1]!.close()
  await more()
  t.same(connected, ['websocket', 'http', 'libp2p'])
  t.same(await committed(nodes[3]!, device.id), upTo(15))
  await device.stop()
  await watching
})
