import t from 'tap'
import { toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import { openCose, signCose, verifySigned } from '../../src/ledger/cose.ts'
import { TRANSACTION_BYTES_MAX } from '../../src/ledger/limits.ts'
import { statementFormat, statementId } from '../../src/ledger/statement.ts'
import {
  callFormat,
  callTransaction,
  conflictTransaction,
  decodeTransaction,
  type Call
} from '../../src/ledger/transaction.ts'
import { refusesField } from './fields.ts'
import { seed, TestDevice, testSigner } from './small-ledger.ts'

const network = seed('network')
const call: Call = {
  network,
  author: seed('author'),
  previous: new Uint8Array(32),
  method: 'devices.register',
  args: encodeCbor([1, 2])
}

async function twoAtOnePlace(): Promise<[Uint8Array, Uint8Array]> {
  const { statement } = new TestDevice(network, 'es256', 'pump').readings()
  const { signer } = new TestDevice(network, 'es256', 'pump')
  return [
    await signCose(signer, statementFormat.encode(statement)),
    await signCose(signer, statementFormat.encode({ ...statement, count: 3 }))
  ]
}

t.test('a signed statement travels as a transaction and keeps its identity', async t => {
  const device = new TestDevice(network, 'ed25519', 'monitor')
  for (const statement of [device.readings().statement, device.gap(2)]) {
    const transaction = decodeTransaction(await device.transaction(statement))
    t.match(transaction, { type: 'statement' })
    if (transaction.type !== 'statement') return
    t.strictSame(transaction.statement, statement)
    t.strictSame(transaction.id, statementId(statementFormat.encode(statement)))
    t.ok(verifySigned(transaction.signed))
  }
})

t.test(
  'a signed call travels as a transaction; its identity is the hash of what was signed',
  async t => {
    const encoded = callFormat.encode(call)
    const transaction = decodeTransaction(
      callTransaction(await signCose(testSigner('ed25519', 'operator'), encoded))
    )
    t.match(transaction, { type: 'call' })
    if (transaction.type !== 'call') return
    t.strictSame(transaction.call, call)
    t.equal(toHex(transaction.id), toHex(sha256(encoded)))
  }
)

t.test(
  'two statements for one place make the same conflict, in whichever order they came',
  async t => {
    const [a, b] = await twoAtOnePlace()
    const encoded = conflictTransaction(a, b)
    t.strictSame(conflictTransaction(b, a), encoded)
    const transaction = decodeTransaction(encoded)
    t.match(transaction, { type: 'conflict' })
    if (transaction.type !== 'conflict') return
    t.equal(toHex(transaction.id), toHex(sha256(encoded)))
    t.ok(verifySigned(transaction.first.signed) && verifySigned(transaction.second.signed))
  }
)

const envelope = (type: CborValue, body: CborValue): Uint8Array =>
  encodeCbor(['vitalchain/tx', type, body])

t.test('a conflict in the wrong order, or of a statement with itself, is refused', async t => {
  const pair = (await twoAtOnePlace()).toSorted((x, y) =>
    toHex(idOf(x)) < toHex(idOf(y)) ? -1 : 1
  )
  t.doesNotThrow(() => decodeTransaction(envelope(2, encodeCbor(pair))))
  t.throws(() => decodeTransaction(envelope(2, encodeCbor(pair.toReversed()))), {
    code: 'ERR_SCHEMA'
  })
  t.throws(() => decodeTransaction(conflictTransaction(pair[0]!, pair[0]!)), { code: 'ERR_SCHEMA' })
})

function idOf(cose: Uint8Array): Uint8Array {
  return statementId(openCose(cose).payload)
}

t.test('another envelope, kind or content is refused', async t => {
  const [a] = await twoAtOnePlace()
  const signedCall = await signCose(testSigner('ed25519', 'operator'), callFormat.encode(call))
  const refused: readonly Uint8Array[] = [
    envelope(3, a),
    envelope(4, a),
    envelope(-1, a),
    envelope('statement', a),
    envelope(0, new Uint8Array(0)),
    envelope(0, signedCall),
    envelope(1, a),
    envelope(0, encodeCbor([a])),
    envelope(2, a),
    envelope(2, encodeCbor([a])),
    encodeCbor(['vitalchain/tx', 0]),
    encodeCbor(['vitalchain/tx', 0, a, null]),
    encodeCbor(['vitalchain/block', 0, a])
  ]
  for (const encoded of refused) t.throws(() => decodeTransaction(encoded), { code: 'ERR_SCHEMA' })
  t.throws(() => decodeTransaction(envelope(0, utf8('xyz'))), { code: 'ERR_ENCODING' })
})

t.test('a transaction of the largest size is read and one byte more is refused', async t => {
  const signer = testSigner('ed25519', 'operator')
  const sized = async (args: number): Promise<Uint8Array> =>
    callTransaction(
      await signCose(signer, callFormat.encode({ ...call, args: new Uint8Array(args) }))
    )
  const overhead = (await sized(60_000)).length - 60_000
  const largest = await sized(TRANSACTION_BYTES_MAX - overhead)
  t.equal(largest.length, TRANSACTION_BYTES_MAX)
  t.match(decodeTransaction(largest), { type: 'call' })
  const above = await sized(TRANSACTION_BYTES_MAX - overhead + 1)
  t.throws(() => decodeTransaction(above), { code: 'ERR_TOO_LARGE' })
})

t.test("the limits of a call's fields hold", async t => {
  const encoded = callFormat.encode(call)
  t.strictSame(callFormat.decode(encoded), call)
  const hashes: readonly CborValue[] = [new Uint8Array(31), new Uint8Array(33), null]
  refusesField(t, callFormat, encoded, [0], ['vitalchain/readings'])
  for (const at of [1, 2, 3]) refusesField(t, callFormat, encoded, [at], hashes)
  refusesField(t, callFormat, encoded, [4], ['x'.repeat(65), 'a\rb'])
  refusesField(t, callFormat, encoded, [5], [null])
})
