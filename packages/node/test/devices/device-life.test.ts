import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  claimSigner,
  claimText,
  createSigner,
  equalBytes,
  sha256,
  utf8,
  type Reading,
  type Signer
} from '@vitalchain/core'
import {
  associateStreamArgs,
  claimDeviceArgs,
  deviceStanding,
  deviceStateKey,
  getDevice,
  getLane,
  rekeyDeviceArgs
} from '@vitalchain/contracts'
import { verifyStateProofDocument } from '@vitalchain/core'
import {
  createDevice,
  memoryOutbox,
  type Device,
  type DeviceInit,
  type DeviceStream,
  type DeviceTransport,
  type OutboxEntry,
  type OutboxStore,
  type Submission
} from '@vitalchain/device-sdk'
import { enrolDevice, type Enrolment, type EnrolInit } from '@vitalchain/device-sdk/enrol'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import t, { type Test } from 'tap'
import { createTestNetwork } from '../../src/index.ts'

const network = await createTestNetwork()
t.teardown(() => network.stop())
const { nodes, genesis } = network
const operator = nodes[0]!

function way(): DeviceTransport {
  return libp2pTransport({
    network: operator.network,
    addresses: nodes.flatMap(node => node.addresses())
  })
}

/** Enrols a device, over connections that are closed afterwards. */
async function enrol(init: Omit<EnrolInit, 'transport'>): Promise<Enrolment> {
  const transport = way()
  try {
    return await enrolDevice({ ...init, transport })
  } finally {
    await transport.close?.()
  }
}

function key(name: string, algorithm: 'ed25519' | 'es256' = 'ed25519'): Signer {
  return createSigner(algorithm, sha256(utf8(name)))
}

function streamOf(name: string): DeviceStream {
  const secret = sha256(utf8(`stream of ${name}`))
  return { id: sha256(secret).subarray(0, 16), generation: 1, secret }
}

const ANNA = streamOf('Anna')
const BORIS = streamOf('Boris')

function beats(count: number): readonly Reading[] {
  return Array.from({ length: count }, (_, k) => ({
    name: '8867-4',
    unit: '/min',
    time: 1_700_000_000_000 + k * 1_000,
    value: 60 + (k % 40)
  }))
}

/** The stream that each statement names, as its receipt proves it. */
async function streamsOf(
  recorded: readonly Promise<readonly Submission[]>[]
): Promise<readonly Uint8Array[]> {
  const submissions = (await Promise.all(recorded)).flat()
  const proofs = await Promise.all(submissions.map(({ proved }) => proved))
  return proofs.map(({ proven: { transaction } }) => {
    if (transaction.type !== 'statement' || transaction.statement.type !== 'readings')
      throw new Error('not of readings')
    return transaction.statement.stream
  })
}

/** A claim that the first hospital made. */
async function claim(name: string): Promise<string> {
  const secret = sha256(utf8(name)).subarray(0, 16)
  await operator.call(
    'devices.claim',
    claimDeviceArgs({
      claimKey: claimSigner(secret).publicKey,
      model: 'Monitor',
      firmware: undefined,
      metrics: ['8867-4'],
      expires: operator.status().height + 1_000
    })
  )
  return claimText(operator.network, secret)
}

async function started(
  t: Test,
  init: Omit<DeviceInit, 'genesis' | 'transport' | 'stream'> & { readonly stream?: DeviceStream }
): Promise<Device> {
  const device = createDevice({
    genesis,
    transport: way(),
    stream: ANNA,
    batch: { readings: 5 },
    ...init
  })
  t.teardown(() => device.stop())
  await device.start()
  return device
}

t.test('a device enrols itself with a claim, proves it, and records', async t => {
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const signer = key(`enrolled ${algorithm}`, algorithm)
    const text = await claim(`claim for ${algorithm}`)
    const init = { claim: text, signer, genesis, model: 'Monitor', metrics: ['8867-4'] }
    const { device: id, proof } = await enrol(init)
    t.equal(proof?.proven.transaction.type, 'call')
    t.match(getDevice(operator.state, id), {
      model: 'Monitor',
      registeredHeight: proof?.proven.header.height
    })
    const again = await enrol(init)
    t.strictSame(again.device, id, 'a device that crashed may ask again')
    t.ok(again.proof)
    const other = { ...init, signer: key(`second ${algorithm}`, algorithm) }
    await t.rejects(enrol(other), { code: 'ERR_AUTHOR_UNKNOWN' })
    const device = await started(t, { signer, boot: 1 })
    t.strictSame(device.id, id)
    const [batch] = await device.record(beats(5))
    await batch?.proved
  }
})

t.test('a claim of another network and a mistyped one are refused without a network', async t => {
  const init = { signer: key('nobody'), genesis, model: 'Monitor' }
  const foreign = claimText(sha256(utf8('other')), sha256(utf8('x')).subarray(0, 16))
  await t.rejects(enrol({ ...init, claim: foreign }), { code: 'ERR_OTHER_NETWORK' })
  await t.rejects(enrol({ ...init, claim: 'VC1-0000' }), { code: 'ERR_CLAIM_TEXT' })
})

t.test('a device changes its key while statements wait, and all of them are committed', async t => {
  const [first, second] = [key('rotating'), key('rotated', 'es256')]
  await operator.registerDevice({
    publicKey: first.publicKey,
    model: 'Monitor',
    firmware: undefined
  })
  const device = await started(t, { signer: first, boot: 1 })
  const early = await Promise.all([
    device.record(beats(10)),
    device.record(beats(1), { urgent: true })
  ])
  const rotations = await device.rotateKey(second)
  t.equal(rotations.length, 2)
  const late = await Promise.all([
    device.record(beats(10)),
    device.record(beats(1), { urgent: true })
  ])
  const proofs = await Promise.all(
    [...early.flat(), ...rotations, ...late.flat()].map(each => each.proved)
  )
  const keys = proofs.map(
    ({ proven }) =>
      proven.transaction.type === 'statement' && proven.transaction.signed.publicKey.algorithm
  )
  t.same(keys, ['ed25519', 'ed25519', 'ed25519', 'ed25519', 'ed25519', 'es256', 'es256', 'es256'])
  for (const lane of [0, 1] as const)
    t.strictSame(getLane(operator.state, device.id, lane)?.publicKey, second.publicKey)
  await device.stop()
  const next = await started(t, { signer: second, device: device.id, boot: 2, resume: 'ledger' })
  const [batch] = await next.record(beats(5))
  await batch?.proved
})

/** An outbox in memory whose power fails at the n-th statement of a kind, before or after that is kept. */
function failingOutbox(
  kind: OutboxEntry['type'],
  n: number,
  when: 'before' | 'after'
): { readonly outbox: OutboxStore; readonly failing: OutboxStore } {
  const outbox = memoryOutbox()
  let count = 0
  const append = async (entry: OutboxEntry): Promise<void> => {
    const fails = entry.type === kind && ++count === n
    if (!fails || when === 'after') await outbox.append(entry)
    if (fails) throw new Error('power cut')
  }
  return { outbox, failing: { ...outbox, append, close: async () => undefined } }
}

const offline: DeviceTransport = {
  name: 'offline',
  connect: () => Promise.reject(new Error('offline'))
}

const CRASHES = ([1, 2] as const).flatMap(n =>
  (['before', 'after'] as const).map(when => ({ n, when }))
)

for (const { n, when } of CRASHES) {
  t.test(
    `a rotation that loses power ${when} its statement ${n} is stored is finished at the next start`,
    async t => {
      const [first, second] = [key(`cut ${n} ${when}`), key(`cut ${n} ${when}, new`)]
      await operator.registerDevice({
        publicKey: first.publicKey,
        model: 'Monitor',
        firmware: undefined
      })
      const { outbox, failing } = failingOutbox('rotation', n, when)
      const cut = createDevice({
        genesis,
        transport: offline,
        stream: ANNA,
        signer: first,
        boot: 1,
        outbox: failing,
        batch: { readings: 5 }
      })
      await cut.start()
      await Promise.all([cut.record(beats(10)), cut.record(beats(1), { urgent: true })])
      await t.rejects(cut.rotateKey(second), { message: 'power cut' })
      await cut.stop()
      const device = await started(t, {
        signer: second,
        formerSigners: [first],
        device: cut.id,
        boot: 2,
        outbox
      })
      await Promise.all([device.record(beats(5)), device.record(beats(1), { urgent: true })])
      await device.drained()
      for (const lane of [0, 1] as const)
        t.strictSame(getLane(operator.state, device.id, lane)?.publicKey, second.publicKey)
    }
  )

  t.test(
    `a change of stream that loses power ${when} its statement ${n} is stored is finished too`,
    async t => {
      const signer = key(`moved ${n} ${when}`)
      await operator.registerDevice({
        publicKey: signer.publicKey,
        model: 'Monitor',
        firmware: undefined
      })
      // The first two bind the lanes to Anna.
      const { outbox, failing } = failingOutbox('stream', n + 2, when)
      const common = { genesis, signer, bindStream: true, batch: { readings: 5 } }
      const cut = createDevice({
        ...common,
        transport: offline,
        stream: ANNA,
        boot: 1,
        outbox: failing
      })
      for (const { id, generation } of [ANNA, BORIS])
        await operator.call(
          'devices.associate',
          associateStreamArgs({ device: cut.id, stream: id, generation })
        )
      await cut.start()
      await Promise.all([cut.record(beats(5)), cut.record(beats(1), { urgent: true })])
      await t.rejects(cut.associate(BORIS), { message: 'power cut' })
      await cut.stop()
      const device = await started(t, { ...common, stream: BORIS, boot: 2, outbox })
      const sent = [device.record(beats(5)), device.record(beats(1), { urgent: true })]
      t.ok((await streamsOf(sent)).every(stream => equalBytes(stream, BORIS.id)))
      await device.drained()
      for (const lane of [0, 1] as const)
        t.strictSame(getLane(operator.state, device.id, lane)?.binding?.stream, BORIS.id)
    }
  )
}

t.test(
  'a monitor goes to the next patient: each reading is in the stream of its patient, none in two',
  async t => {
    const dir = await mkdtemp(join(tmpdir(), 'vitalchain-ward-'))
    t.teardown(() => rm(dir, { recursive: true }))
    const signer = key('ward monitor')
    await operator.registerDevice({
      publicKey: signer.publicKey,
      model: 'Monitor',
      firmware: undefined
    })
    const allow = (device: Uint8Array, { id, generation }: DeviceStream): Promise<Uint8Array> =>
      operator.call('devices.associate', associateStreamArgs({ device, stream: id, generation }))
    const device = await started(t, { signer, outbox: fileOutbox(dir), bindStream: true })
    await allow(device.id, ANNA)
    const ofAnna = [device.record(beats(12)), device.record(beats(1), { urgent: true })]
    // Not awaited: what was recorded before the change belongs to Anna, what comes after it to Boris.
    const change = device.associate(BORIS)
    const ofBoris = [device.record(beats(7)), device.record(beats(1), { urgent: true })]
    await change
    await device.flush()
    // Offline or not, the lanes wait until the operator allows it.
    await allow(device.id, BORIS)
    const [anna, boris] = await Promise.all([streamsOf(ofAnna), streamsOf(ofBoris)])
    t.ok(anna.length >= 2 && anna.every(stream => equalBytes(stream, ANNA.id)))
    t.ok(boris.length >= 2 && boris.every(stream => equalBytes(stream, BORIS.id)))
    await device.dissociate()
    await t.rejects(device.record(beats(1)), { code: 'ERR_STREAM' })
    await device.drained()
    t.strictSame(getLane(operator.state, device.id, 0)?.binding, {
      stream: undefined,
      generation: 0
    })
    await device.stop()
    // It comes back as it was left: bound to nobody, whatever stream it is started with.
    const again = await started(t, { signer, outbox: fileOutbox(dir), stream: ANNA })
    await t.rejects(again.record(beats(1)), { code: 'ERR_STREAM' })
    await again.associate(BORIS)
    await again.stop()
    const wrong = createDevice({
      genesis,
      transport: way(),
      signer,
      outbox: fileOutbox(dir),
      stream: ANNA
    })
    await t.rejects(wrong.start(), { code: 'ERR_STREAM' }, 'never for a patient of before')
    await wrong.stop()
    const right = await started(t, { signer, outbox: fileOutbox(dir), stream: BORIS })
    await right.record(beats(5))
    await right.drained()
  }
)

t.test(
  'a device whose key was lost goes on under another one; the whole history stays provable',
  async t => {
    const [lost, next] = [key('lost'), key('replacement')]
    await operator.registerDevice({
      publicKey: lost.publicKey,
      model: 'Monitor',
      firmware: undefined
    })
    const before = await started(t, { signer: lost, boot: 1 })
    await before.record(beats(5))
    await before.drained()
    await before.stop()
    await operator.call(
      'devices.rekey',
      rekeyDeviceArgs({ device: before.id, publicKey: next.publicKey })
    )
    const after = await started(t, { signer: next, device: before.id, boot: 1, resume: 'ledger' })
    const [batch] = await after.record(beats(5))
    const proof = await batch?.proved
    const statement =
      proof?.proven.transaction.type === 'statement'
        ? proof.proven.transaction.statement
        : undefined
    t.match(statement, { boot: 2, seq: 0, flags: 1 })
    const shown = verifyStateProofDocument(operator.stateProof(deviceStateKey(before.id)), {
      genesis: operator.network
    })
    t.match(deviceStanding(shown, before.id), {
      type: 'registered',
      record: { publicKey: next.publicKey }
    })
  }
)
