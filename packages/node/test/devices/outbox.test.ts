import { join } from 'node:path'
import {
  CONTENT_FORMAT_SENML_CBOR,
  createSigner,
  deviceId,
  sha256,
  signCose,
  STATEMENT_FLAG,
  statementFormat,
  statementId,
  statementTransaction,
  utf8,
  type Reading
} from '@vitalchain/core'
import { getLane, registerDeviceArgs } from '@vitalchain/contracts'
import { createDevice, type DeviceInit, type DeviceTransport } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import t from 'tap'
import { createTestNetwork } from '../../src/index.ts'

const network = await createTestNetwork()
t.teardown(() => network.stop())
const { nodes, genesis } = network
const operator = nodes[0]!

const signer = createSigner('ed25519', sha256(utf8('device with a small outbox')))
await operator.call(
  'devices.register',
  registerDeviceArgs({ publicKey: signer.publicKey, model: 'monitor', firmware: undefined })
)

function reading(k: number): Reading {
  return { name: '8867-4', unit: '/min', time: 1_700_000_000_000 + k * 1_000, value: 60 }
}

/** A way that can be closed. */
function way(isOpen: () => boolean): DeviceTransport {
  const inner = libp2pTransport({
    network: operator.network,
    addresses: nodes.flatMap(node => node.addresses())
  })
  return {
    name: 'libp2p',
    connect: async options => {
      if (!isOpen()) throw new Error('unreachable')
      return inner.connect(options)
    },
    close: async () => inner.close?.()
  }
}

function settings(isOpen: () => boolean): Omit<DeviceInit, 'outbox'> {
  return {
    signer,
    genesis,
    stream: { id: new Uint8Array(16), generation: 0, secret: sha256(utf8('stream')) },
    transport: way(isOpen),
    batch: { readings: 1 },
    resume: 'ledger'
  }
}

t.test('a real network commits the gap of a full outbox, and what stands behind it', async t => {
  const directory = t.testdir()
  // The first start asks the ledger where the lanes stand; after that the outbox knows.
  const first = createDevice({
    ...settings(() => true),
    outbox: fileOutbox(join(directory, 'one'))
  })
  await first.start()
  await first.record([reading(0)])
  await first.drained()
  await first.stop()

  let open = false
  const device = createDevice({
    ...settings(() => open),
    outbox: fileOutbox(join(directory, 'one')),
    full: 'drop-oldest',
    outboxBytes: 6_000
  })
  t.teardown(() => device.stop())
  await device.start()
  for (let k = 1; k <= 40; k++) await device.record([reading(k)])
  const waiting = device.waiting()
  t.equal(waiting[0]?.type, 'gap')
  const held = waiting.slice(1).reduce((sum, { count }) => sum + count, 0)
  t.equal(waiting[0]!.count + held, 40, 'every reading is in a batch or in the gap')
  open = true
  await device.drained()
  const { proven } = await waiting[0]!.proved
  t.equal(proven.transaction.type === 'statement' && proven.transaction.statement.type, 'gap')
})

t.test('two nodes that are given the same statement at once commit it once', async t => {
  const directory = t.testdir()
  const outbox = fileOutbox(join(directory, 'two'))
  let sent:
    | { readonly transaction: Uint8Array; readonly payload: Uint8Array | undefined }
    | undefined
  const twin = {
    load: () => outbox.load(),
    append: async (entry: Parameters<typeof outbox.append>[0]) => {
      await outbox.append(entry)
      sent = entry
    },
    read: (record: Parameters<typeof outbox.read>[0]) => outbox.read(record),
    remove: (record: Parameters<typeof outbox.remove>[0]) => outbox.remove(record),
    mark: (...args: Parameters<typeof outbox.mark>) => outbox.mark(...args),
    close: () => outbox.close()
  }
  const device = createDevice({ ...settings(() => true), outbox: twin })
  t.teardown(() => device.stop())
  await device.start()
  const [submission] = await device.record([reading(100)])
  const { transaction, payload } = sent!
  await Promise.allSettled(nodes.map(node => node.submit({ transaction, payload })))
  const { proven } = await submission!.proved
  const all = await Promise.all(
    Array.from({ length: proven.header.history.size }, async (_, k) =>
      operator.ledger.transaction(k)
    )
  )
  t.equal(all.filter(each => each !== undefined && Buffer.from(transaction).equals(each)).length, 1)
})

t.test('a device that lost its outbox behind a gap is shown the gap, and goes on', async t => {
  const device = deviceId(signer.publicKey)
  const head = getLane(operator.ledger.state, device, 0)!
  const lane = { network: operator.network, device, lane: 0, boot: head.boot } as const
  const lastDropped = statementFormat.encode({
    type: 'readings',
    ...lane,
    seq: head.seq + 7,
    previous: sha256(utf8('dropped before')),
    from: 0,
    to: 0,
    clock: undefined,
    count: 1,
    stream: new Uint8Array(16),
    generation: 0,
    epoch: 1,
    flags: 0,
    retention: 0,
    contentFormat: CONTENT_FORMAT_SENML_CBOR,
    payloadSize: 1,
    payloadDigest: sha256(utf8('a')),
    commitment: sha256(utf8('b'))
  })
  const gap = statementFormat.encode({
    type: 'gap',
    ...lane,
    seq: head.seq + 1,
    previous: head.head,
    last: { boot: head.boot, seq: head.seq + 7 },
    lastDropped,
    count: 7,
    reason: 1,
    time: 0
  })
  const transaction = statementTransaction(await signCose(signer, gap))
  await operator.submit({ transaction, payload: undefined })
  await operator.committed(statementId(gap))
  const next = createDevice({ ...settings(() => true), outbox: fileOutbox(t.testdir()) })
  t.teardown(() => next.stop())
  await next.start()
  const [submission] = await next.record([reading(200)])
  const { proven } = await submission!.proved
  t.match(proven.transaction, {
    type: 'statement',
    statement: { type: 'readings', boot: head.boot + 1, flags: STATEMENT_FLAG.historyLost }
  })
})
