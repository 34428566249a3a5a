import t from 'tap'
import {
  BLOCK_PAYLOAD_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  blockFormat,
  hashCertificate,
  leafHash,
  PAYLOAD_BYTES_MAX,
  type Block,
  type Header
} from '@vitalchain/core'
import { createBlockMeter, type Candidate } from '../../src/ledger/execute.ts'
import {
  buildNext,
  certify,
  commitNext,
  ledgerWithDevice,
  TestDevice,
  testLedger,
  testNetwork,
  TestOperator
} from './fixture.ts'

const CHECKED = { signaturesChecked: (): boolean => true }
const OTHER = new Uint8Array(32).fill(0xee)

t.test('a block whose header is wrong in any field is refused for that field', async t => {
  const { ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const block = buildNext(ledger, [(await device.read()).candidate])
  t.doesNotThrow(() => ledger.validate(block, CHECKED))
  const { history } = block.header
  const wrong: readonly (readonly [string, Partial<Header>])[] = [
    ['ERR_BLOCK_PROTOCOL', { protocol: 2 }],
    ['ERR_BLOCK_NETWORK', { network: OTHER }],
    ['ERR_BLOCK_EPOCH', { recoveryEpoch: 1 }],
    ['ERR_BLOCK_HEIGHT', { height: 1 }],
    ['ERR_BLOCK_HEIGHT', { height: 3 }],
    ['ERR_BLOCK_PREVIOUS', { previous: OTHER }],
    ['ERR_BLOCK_TIME', { time: ledger.head.time }],
    ['ERR_BLOCK_PROPOSER', { originProposer: 4 }],
    ['ERR_BLOCK_VALIDATORS', { validatorsHash: OTHER }],
    ['ERR_BLOCK_COUNT', { transactionCount: 2 }],
    ['ERR_BLOCK_CERTIFICATE', { previousCertificateHash: OTHER }],
    ['ERR_BLOCK_HISTORY', { history: { ...history, size: 3 } }],
    ['ERR_BLOCK_HISTORY', { history: { ...history, root: OTHER } }],
    ['ERR_BLOCK_STATE', { stateRoot: OTHER }],
    ['ERR_BLOCK_NEXT_VALIDATORS', { nextValidatorsHash: OTHER }]
  ]
  for (const [code, fields] of wrong) {
    const changed = { ...block, header: { ...block.header, ...fields } }
    t.throws(
      () => ledger.validate(changed, CHECKED),
      { code },
      `${code} ${Object.keys(fields).join()}`
    )
  }
  const tested = new Set(wrong.flatMap(([, fields]) => Object.keys(fields)))
  t.same(
    Object.keys(block.header).filter(field => !tested.has(field)),
    ['originView'],
    'every field but the view, which may be any'
  )
})

t.test('the certificate in a block must certify the block before', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const block = buildNext(ledger, [(await device.read()).candidate])
  const before = ledger.header(1)!
  const holding = (previousCertificate: Block['previousCertificate']): Block => ({
    ...block,
    previousCertificate,
    header: { ...block.header, previousCertificateHash: hashCertificate(previousCertificate) }
  })

  const other = await certify(network, before, { view: 2, signers: [1, 2, 3] })
  t.notSame(other, ledger.certificate(1))
  t.doesNotThrow(() => ledger.validate(holding(other), CHECKED), 'any quorum will do')

  const forged = { ...other, view: 1 }
  const bad = [
    undefined,
    forged,
    await certify(network, before, { phase: 'prepare' }),
    await certify(network, before, { signers: [0, 1] }),
    await certify(network, block.header)
  ]
  for (const certificate of bad) {
    t.throws(() => ledger.validate(holding(certificate), CHECKED), {
      code: 'ERR_BLOCK_CERTIFICATE'
    })
  }
  const first = await testLedger(network)
  t.teardown(() => first.close())
  const early = buildNext(first, [], 1)
  const withOne = {
    ...early,
    previousCertificate: other,
    header: { ...early.header, previousCertificateHash: hashCertificate(other) }
  }
  t.throws(() => first.validate(withOne, CHECKED), { code: 'ERR_BLOCK_CERTIFICATE' })
})

t.test('a block with one transaction that does not take effect is invalid', async t => {
  const { ledger, device, network, operator } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const good = [await device.read(), await device.read()].map(({ candidate }) => candidate)
  const stranger = (await new TestDevice(network, 'stranger').read()).candidate
  const twice = await operator.register(device)
  const { header, previousCertificate } = buildNext(ledger, good)
  const holding = (candidates: readonly Candidate[]): Block => ({
    header: { ...header, transactionCount: candidates.length },
    previousCertificate,
    transactions: candidates.map(({ bytes }) => bytes)
  })
  const [one, two] = [good[0]!, good[1]!]
  const bad: readonly (readonly [string, readonly Candidate[]])[] = [
    ['ERR_DEVICE_UNKNOWN', [one, two, stranger]],
    ['ERR_PLACE_TAKEN', [one, one]],
    ['ERR_CHAIN_AHEAD', [two, one]],
    ['ERR_DEVICE_EXISTS', [one, two, twice]]
  ]
  for (const [code, candidates] of bad) {
    t.throws(() => ledger.validate(holding(candidates), CHECKED), {
      code: 'ERR_BLOCK_TRANSACTION',
      values: { code }
    })
  }
  const noise = { ...holding(good), transactions: [one.bytes, Uint8Array.of(1, 2, 3)] }
  t.throws(() => ledger.validate(noise, CHECKED), { code: 'ERR_BLOCK_TRANSACTION' })
})

t.test('a signature that was not checked before is checked in the block', async t => {
  const { ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate } = await device.read()
  const bytes = Uint8Array.from(candidate.bytes)
  bytes[bytes.length - 1]! ^= 1
  const { header, previousCertificate } = buildNext(ledger, [candidate])
  const block = { header, previousCertificate, transactions: [bytes] }
  const asked: Uint8Array[] = []
  t.throws(
    () =>
      ledger.validate(block, {
        signaturesChecked: hash => {
          asked.push(hash)
          return false
        }
      }),
    { code: 'ERR_BLOCK_TRANSACTION', values: { code: 'ERR_SIGNATURE' } }
  )
  t.equal(asked.length, 1)
  t.throws(() => ledger.validate(block, CHECKED), { code: 'ERR_BLOCK_HISTORY' })
})

t.test('a transaction from the mempool is not decoded again', async t => {
  const { ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate } = await device.read()
  const block = buildNext(ledger, [candidate])
  const { transactions } = ledger.validate(block, { ...CHECKED, known: () => candidate })
  t.equal(transactions[0]?.transaction, candidate.transaction)
  if (candidate.transaction.type !== 'statement') throw new Error('expected a statement')
  const signed = { ...candidate.transaction.signed, signature: new Uint8Array(64) }
  const unsigned = { ...candidate, transaction: { ...candidate.transaction, signed } }
  t.throws(
    () => ledger.validate(block, { signaturesChecked: () => false, known: () => unsigned }),
    { code: 'ERR_BLOCK_TRANSACTION', values: { code: 'ERR_SIGNATURE' } },
    'its own word about signatures does not count'
  )
})

t.test('an empty block is valid only from a later view', async t => {
  const { ledger, network } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  t.throws(() => ledger.validate(buildNext(ledger, []), CHECKED), { code: 'ERR_BLOCK_EMPTY' })
  t.doesNotThrow(() => ledger.validate(buildNext(ledger, [], 1), CHECKED))
  const { history } = ledger.head
  await commitNext(network, ledger, [], 1)
  t.same(ledger.head.history, history)
  t.equal(ledger.block(2)?.transactions.length, 0)
})

t.test('a block holds only what a block may hold', async t => {
  const network = testNetwork({ parameters: { payloadBytesPerMemberDay: 1024 ** 4 } })
  const ledger = await testLedger(network)
  t.teardown(() => ledger.close())
  const device = new TestDevice(network)
  await commitNext(network, ledger, [await new TestOperator(network).register(device)])
  const room = BLOCK_PAYLOAD_BYTES_MAX / PAYLOAD_BYTES_MAX
  const candidates: Candidate[] = []
  for (let k = 0; k <= room; k += 1) {
    candidates.push((await device.read({ payloadSize: PAYLOAD_BYTES_MAX })).candidate)
  }
  const { block, refused } = ledger.build(candidates, {
    view: 0,
    proposer: 0,
    time: ledger.head.time + 1
  })
  t.equal(block.transactions.length, room, 'what does not fit waits for the next block')
  t.same(refused, [])
  const over = {
    ...block,
    header: { ...block.header, transactionCount: room + 1 },
    transactions: candidates.map(({ bytes }) => bytes)
  }
  t.throws(() => ledger.validate(over, CHECKED), { code: 'ERR_BLOCK_SIZE' })

  const meter = createBlockMeter()
  const none = await new TestOperator(network).call('devices.none', Uint8Array.of(0))
  for (let k = 0; k < BLOCK_TRANSACTIONS_MAX; k += 1)
    meter.add({ ...none, bytes: new Uint8Array(1) })
  t.notOk(meter.fits({ ...none, bytes: new Uint8Array(1) }), 'the number of transactions')
  const heavy = createBlockMeter()
  for (let k = 0; k < 16; k += 1) heavy.add({ ...none, bytes: new Uint8Array(65_535) })
  t.ok(heavy.fits({ ...none, bytes: new Uint8Array(16) }))
  t.notOk(heavy.fits({ ...none, bytes: new Uint8Array(17) }), 'their bytes')
})

t.test('a leader with a clock behind the chain does not build', async t => {
  const { ledger } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  t.throws(() => ledger.build([], { view: 0, proposer: 0, time: ledger.head.time }), {
    code: 'ERR_BLOCK_TIME'
  })
})

t.test('blocks travel as bytes and give the same execution', async t => {
  const { ledger, device, network } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const readings = [await device.read(), await device.read()]
  const conflict = await device.conflict({ seq: 9 }, { seq: 9, epoch: 1 })
  const block = buildNext(ledger, [...readings.map(({ candidate }) => candidate), conflict])
  t.equal(block.transactions.length, 3)
  const received = blockFormat.decode(blockFormat.encode(block))
  const executed = ledger.validate(received, { signaturesChecked: () => false })
  await ledger.commit(executed, await certify(network, received.header))
  t.equal(ledger.findTransaction(conflict.transaction.id), 3)
  t.same(leafHash(ledger.transaction(3)!), leafHash(conflict.bytes))
  t.throws(() => ledger.check(readings[0]!.candidate.transaction, 0), {
    code: 'ERR_CHAIN_QUARANTINED'
  })
})
