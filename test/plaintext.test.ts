import { createConnection, createServer, type AddressInfo, type Server } from 'node:net'
import t, { type Test } from 'tap'
import { createSigner, ed25519PublicKey, generateSecretKey } from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createLedgerNode, createVoteState, type LedgerNode } from '@vitalchain/node'
import { foundNetwork, operatorSigner } from '../packages/node/src/testing/found-network.ts'
import { openStore } from '../packages/node/src/store/store.ts'

const MARKER = 'Erika-Mustermann-1964-08-12'
const CONTROL = 'Model-Control-7731'

/** Passes connections on to a port and keeps every byte of both directions. */
async function wireTap(t: Test, target: number, trace: Uint8Array[]): Promise<number> {
  const server: Server = createServer(socket => {
    const onward = createConnection(target, '127.0.0.1')
    for (const [from, to] of [
      [socket, onward],
      [onward, socket]
    ] as const) {
      from.on('data', (chunk: Uint8Array) => trace.push(Uint8Array.from(chunk)))
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function includes(haystack: Uint8Array, needle: string): boolean {
  return Buffer.from(haystack).includes(needle)
}

t.test('what patients are called and measured is in no store, no log and on no wire', async t => {
  const dir = t.testdir({})
  const founded = foundNetwork({ names: ['A', 'B', 'C', 'D'], created: Date.now() })
  const nodes: LedgerNode[] = []
  const trace: Uint8Array[] = []
  const logs: string[] = []
  const taps: string[] = []
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  for (const [k, secret] of founded.members.entries()) {
    const port = await freePort()
    const tap = await wireTap(t, port, trace)
    await createVoteState(`${dir}/${k}`, ed25519PublicKey(secret.consensus))
    const node = createLedgerNode({
      genesis: founded.document,
      keys: {
        transport: secret.transport,
        consensus: secret.consensus,
        operator: operatorSigner(secret)
      },
      dataDir: `${dir}/${k}`,
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      // Everybody reaches a node through its tap only.
      announce: [`/ip4/127.0.0.1/tcp/${tap}`],
      bootstrap: taps,
      log: (event, values) => logs.push(`${event} ${JSON.stringify(values)}`)
    })
    nodes.push(node)
    await node.start()
    taps.push(...node.addresses())
  }

  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  await nodes[0]!.registerDevice({
    publicKey: signer.publicKey,
    model: CONTROL,
    firmware: undefined
  })
  const device = createDevice({
    signer,
    genesis: founded.document,
    stream: {
      id: generateSecretKey('ed25519').subarray(0, 16),
      generation: 0,
      secret: generateSecretKey('ed25519')
    },
    transport: libp2pTransport({ network: nodes[0]!.network, addresses: taps }),
    boot: 1,
    batch: { readings: 2 }
  })
  await device.start()
  const submissions = await device.record([
    { name: 'patient-name', time: Date.now(), value: MARKER },
    { name: '8867-4', unit: '/min', time: Date.now(), value: 72 }
  ])
  for (const submission of submissions) await submission.proved
  await device.stop()
  await Promise.all(nodes.map(node => node.stop()))

  const wire = Buffer.concat(trace)
  t.ok(wire.length > 50_000, 'the taps saw the traffic')
  t.ok(includes(wire, '/noise'), 'the search finds what a handshake says in clear')
  t.notOk(includes(wire, MARKER), 'no reading in clear on the wire')
  t.notOk(includes(wire, CONTROL), 'nothing of the ledger in clear on the wire')

  t.ok(
    logs.some(line => line.includes('link-up')),
    'the logs are those of the nodes'
  )
  t.notOk(
    logs.some(line => line.includes(MARKER) || line.includes(CONTROL)),
    'no reading and no record in a log'
  )

  for (const k of founded.members.keys()) {
    const store = await openStore(`${dir}/${k}/ledger`)
    let [marker, control] = [false, false]
    for await (const { key, value } of store.entries()) {
      marker ||= includes(key, MARKER) || includes(value, MARKER)
      control ||= includes(key, CONTROL) || includes(value, CONTROL)
    }
    await store.close()
    t.ok(control, `hospital ${k}: the search finds what was stored on purpose`)
    t.notOk(marker, `hospital ${k}: no reading in clear`)
  }
})

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => {
    server.close(resolve)
  })
  return port
}
