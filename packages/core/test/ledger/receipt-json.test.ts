import * as fc from 'fast-check'
import t from 'tap'
import { toHex, u32be } from '../../src/bytes.ts'
import { createSigner } from '../../src/crypto/keys.ts'
import { signCose } from '../../src/ledger/cose.ts'
import { receiptFormat, verifyReceipt } from '../../src/ledger/receipt.ts'
import {
  receiptFromJson,
  receiptToJson,
  RECEIPT_JSON_CHARACTERS_MAX
} from '../../src/ledger/receipt-json.ts'
import {
  callFormat,
  callTransaction,
  conflictTransaction,
  transactionBody
} from '../../src/ledger/transaction.ts'
import { refusalOf } from './refusal.ts'
import { movingLedger, plainLedger, seed, SmallLedger, TestDevice } from './small-ledger.ts'

const moving = await movingLedger()
const plain = await plainLedger()

function textOf(encoded: Uint8Array): string {
  return JSON.stringify(receiptToJson(encoded), undefined, 2)
}

function codeOf(text: string): string | undefined {
  return refusalOf(() => receiptFromJson(text))?.code
}

t.test('a receipt in JSON loses nothing', async t => {
  for (let index = 0; index < plain.transactions.length; index++) {
    const encoded = plain.encodedReceipt(index)
    t.same(receiptFromJson(textOf(encoded)), encoded)
  }
  for (let height = 1; height <= moving.blocks.length; height++) {
    const encoded = moving.encodedReceipt(0, height, height > 1 ? 1 : undefined)
    t.same(receiptFromJson(JSON.stringify(receiptToJson(encoded))), encoded)
  }
})

t.test('it says in words and times what is recorded', async t => {
  const json = receiptToJson(moving.encodedReceipt(2))
  t.match(json, {
    type: 'vitalchain/receipt',
    network: toHex(moving.network),
    genesis: { name: 'moving network', created: '2023-11-14T22:13:20.000Z' },
    header: { height: 8, time: '2023-11-14T22:13:28.000Z' },
    certificate: { phase: 'commit', height: 8, signers: [0, 1, 2] },
    consistency: null,
    index: 2,
    transaction: { type: 'statement', statement: { type: 'readings', boot: 1, seq: 2, count: 2 } }
  })
})

t.test('calls, conflicts and times that no calendar has are shown too', async t => {
  const ledger = new SmallLedger()
  const { network } = ledger
  const signer = createSigner('ed25519', seed('author'))
  const call = callFormat.encode({
    network,
    author: seed('author'),
    previous: new Uint8Array(32),
    method: 'devices.revoke',
    args: Uint8Array.of(0x80)
  })
  const device = new TestDevice(network, 'ed25519', 'd')
  const twin = new TestDevice(network, 'ed25519', 'd')
  const late = { from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
  const one = await device.transaction(device.readings(late).statement)
  const other = await twin.transaction(twin.readings({ count: 3 }).statement)
  ledger.addBlock([
    callTransaction(await signCose(signer, call)),
    conflictTransaction(transactionBody(one), transactionBody(other)),
    one
  ])
  for (const index of [0, 1, 2]) {
    const encoded = ledger.encodedReceipt(index)
    t.same(receiptFromJson(textOf(encoded)), encoded)
  }
  t.match(receiptToJson(ledger.encodedReceipt(0)), {
    transaction: { call: { method: 'devices.revoke' } }
  })
  t.match(receiptToJson(ledger.encodedReceipt(2)), {
    transaction: { statement: { from: `${Number.MAX_SAFE_INTEGER} ms` } }
  })
})

/** All texts and numbers of a JSON text, with where they are. */
function values(text: string): readonly RegExpExecArray[] {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+/g)]
}

t.test(
  'a text in which any name or value is another one is refused, or gives a receipt that is',
  async t => {
    const text = textOf(moving.encodedReceipt(1, 4, 1))
    const all = values(text)
    const genesis = moving.network
    let changed = 0
    for (const [at, { 0: found, index }] of all.entries()) {
      // Every 3rd.
      if (at % 3 !== 0) continue
      const end = index + found.length
      const digit = found.at(-2) === '0' ? '1' : '0'
      const other = found.startsWith('"')
        ? found === '""'
          ? '"x"'
          : `${found.slice(0, -2)}${digit}"`
        : `${Number(found) + 1}`
      const changedText = text.slice(0, index) + other + text.slice(end)
      const code = refusalOf(() => verifyReceipt(receiptFromJson(changedText), { genesis }))?.code
      changed += 1
      if (code === undefined) t.fail(`${found} became ${other}`)
    }
    t.ok(changed > 100, `${changed} changed texts`)
  }
)

t.test(
  'a field more, a field less, a field twice and other kinds of values are refused',
  async t => {
    const json = receiptToJson(plain.encodedReceipt(0))
    const text = JSON.stringify(json)
    const genesis = plain.network
    t.equal(codeOf(text), undefined)
    t.equal(codeOf(JSON.stringify({ ...json, note: 'x' })), 'ERR_SCHEMA')
    for (const name of Object.keys(json)) {
      const { [name]: _, ...rest } = json
      t.equal(codeOf(JSON.stringify(rest)), 'ERR_SCHEMA', `without ${name}`)
      for (const value of [null, [], {}, 'x', 70, true]) {
        const changed = JSON.stringify({ ...json, [name]: value })
        if (changed === text) continue
        const code = refusalOf(() => verifyReceipt(receiptFromJson(changed), { genesis }))?.code
        t.ok(code?.startsWith('ERR_'), `${name} as ${JSON.stringify(value)}`)
      }
    }
    t.equal(
      codeOf(text.replace('"index":0', '"index":7,"index":0')),
      'ERR_SCHEMA',
      'one name twice'
    )
    const huge = `"index":"${'x'.repeat(30_000_000)}","index":0`
    t.equal(codeOf(text.replace('"index":0', huge)), 'ERR_SCHEMA', 'once as a text of megabytes')
    t.equal(codeOf(text.replace('"index":0', '"index":0,"__proto__":{}')), 'ERR_SCHEMA')
    for (const index of ['1e400', '-0', '0.0', '0e0', '0E1', '1e-400'])
      t.equal(codeOf(text.replace('"index":0', `"index":${index}`)), 'ERR_SCHEMA', index)
    t.equal(codeOf(text.replace('"bytes":"', '"bytes":"zz')), 'ERR_SCHEMA')
    t.equal(codeOf(text.toUpperCase()), 'ERR_SCHEMA')
  }
)

t.test('white space and the order of fields are free', async t => {
  const encoded = plain.encodedReceipt(3)
  const json = receiptToJson(encoded)
  const sorted = Object.fromEntries(Object.entries(json).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  t.same(receiptFromJson(JSON.stringify(sorted, undefined, '\t')), encoded)
  t.same(receiptFromJson(`\n ${JSON.stringify(json)}\n`), encoded)
})

t.test('any other text is refused with a code', async t => {
  for (const text of ['', 'null', '[]', '{}', '"x"', '{"type":', '['.repeat(100_000), '1'])
    t.equal(codeOf(text), 'ERR_SCHEMA')
  t.equal(codeOf(' '.repeat(RECEIPT_JSON_CHARACTERS_MAX + 1)), 'ERR_TOO_LARGE')
  for (const many of ['['.repeat(1_000_000), `[${'{},'.repeat(1_000_000)}1]`])
    t.equal(codeOf(many), 'ERR_TOO_LARGE', 'each value takes memory')
  const secret = `{"patient": "Jane"`
  t.notMatch(refusalOf(() => receiptFromJson(secret))?.message, /Jane/, 'the text is not quoted')
  fc.assert(
    fc.property(fc.json(), text => codeOf(text) !== undefined),
    { numRuns: 300, seed: 3 }
  )
})

const long = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, k) => toHex(u32be(k)))

t.test('lists longer than a receipt can hold are refused', async t => {
  const json = receiptToJson(plain.encodedReceipt(0))
  t.equal(codeOf(JSON.stringify({ ...json, path: long(2_000) })), 'ERR_SCHEMA')
  t.equal(codeOf(JSON.stringify({ ...json, handOvers: long(1_001) })), 'ERR_SCHEMA')
  t.equal(
    codeOf(JSON.stringify({ ...json, path: Array.from({ length: 60 }, () => toHex(seed('x'))) })),
    'ERR_SCHEMA'
  )
  t.same(receiptFormat.decode(receiptFromJson(JSON.stringify(json))), plain.receipt(0))
})
