import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { concatBytes, toHex, u32be, u64be, u8, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { PAYLOAD_BYTES_MAX } from '../../src/ledger/limits.ts'
import type { ReadingStatement, StatementPlace } from '../../src/ledger/statement.ts'
import { epochKey, EPOCH_TREE_DEPTH } from '../../src/payload/epoch-key.ts'
import { openPayload, PAYLOAD_OVERHEAD_BYTES, sealPayload } from '../../src/payload/seal.ts'
import { encodeReadings } from '../../src/payload/senml.ts'
import { seed, TestDevice } from '../ledger/small-ledger.ts'

const { statement, payload, clear, key } = new TestDevice(
  seed('network'),
  'ed25519',
  'monitor'
).readings()
const salt = seed('salt').subarray(0, 16)

t.test('a sealed payload opens to its readings with the epoch key', async t => {
  t.strictSame(openPayload(statement, payload, key), clear)
  t.equal(payload.length, clear.length + PAYLOAD_OVERHEAD_BYTES)
})

t.test("node's own crypto opens it by the words of the specification", async t => {
  const info = concatBytes([
    utf8('vitalchain/payload/1\0'),
    statement.network,
    statement.device,
    u8(statement.lane),
    u32be(statement.boot),
    u64be(statement.seq)
  ])
  const keys = new Uint8Array(hkdfSync('sha256', key, payload.subarray(1, 17), info, 64))
  const cipher = createDecipheriv('aes-256-gcm', keys.subarray(0, 32), new Uint8Array(12))
  cipher.setAuthTag(payload.subarray(-16))
  const opened = Buffer.concat([cipher.update(payload.subarray(17, -16)), cipher.final()])
  t.equal(payload[0], 1)
  t.equal(toHex(opened), toHex(clear))
  t.equal(
    createHmac('sha256', keys.subarray(32)).update(opened).digest('hex'),
    toHex(statement.commitment)
  )
})

t.test('another key does not open it', async t => {
  for (const wrong of [seed('wrong'), epochKey(seed('stream 1'), 8), epochKey(seed('stream 2'), 7)])
    t.throws(() => openPayload(statement, payload, wrong), { code: 'ERR_PAYLOAD_KEY' })
})

const places: readonly (readonly [name: string, place: Partial<StatementPlace>])[] = [
  ['network', { network: seed('other network') }],
  ['device', { device: seed('other device') }],
  ['lane', { lane: 1 }],
  ['boot', { boot: 2 }],
  ['sequence number', { seq: 1 }]
]
for (const [name, place] of places) {
  t.test(`at another ${name} the keys are others, even with the salt repeated`, async t => {
    t.throws(() => openPayload({ ...statement, ...place }, payload, key), {
      code: 'ERR_PAYLOAD_KEY'
    })
    const here = sealPayload(clear, statement, key, salt)
    const there = sealPayload(clear, { ...statement, ...place }, key, salt)
    t.notSame(there.payload.subarray(17), here.payload.subarray(17))
    t.notSame(there.commitment, here.commitment)
  })
}

t.test('another salt gives other keys at the same place', async t => {
  const one = sealPayload(clear, statement, key, salt)
  const other = sealPayload(clear, statement, key, seed('other salt').subarray(0, 16))
  t.notSame(other.payload.subarray(17), one.payload.subarray(17))
  t.notSame(other.commitment, one.commitment)
})

t.test(
  'every flipped byte of a payload is noticed, by its digest and without it by the cipher',
  async t => {
    for (let at = 0; at < payload.length; at++) {
      const flipped = payload.with(at, payload[at]! ^ 1)
      t.throws(() => openPayload(statement, flipped, key), { code: 'ERR_PAYLOAD_DIGEST' })
      const renamed = { ...statement, payloadDigest: sha256(flipped) }
      t.throws(() => openPayload(renamed, flipped, key), { code: 'ERR_PAYLOAD_KEY' })
    }
  }
)

t.test('a payload of another size, or too short to be one, is refused', async t => {
  const short = payload.subarray(0, -1)
  t.throws(() => openPayload(statement, short, key), { code: 'ERR_PAYLOAD_DIGEST' })
  t.throws(() => openPayload({ ...statement, payloadDigest: sha256(short) }, short, key), {
    code: 'ERR_PAYLOAD_DIGEST'
  })
  for (const size of [1, 17, PAYLOAD_OVERHEAD_BYTES - 1]) {
    const stub = payload.subarray(0, size)
    const named = { ...statement, payloadSize: size, payloadDigest: sha256(stub) }
    t.throws(() => openPayload(named, stub, key), { code: 'ERR_PAYLOAD_KEY' })
  }
})

t.test('a device that committed to other readings than it sealed is caught', async t => {
  const lie = { ...statement, commitment: seed('lie') }
  t.throws(() => openPayload(lie, payload, key), { code: 'ERR_PAYLOAD_COMMITMENT' })
})

t.test(
  'the largest payload is sealed and one byte more is refused before a device signs for it',
  async t => {
    const most = PAYLOAD_BYTES_MAX - PAYLOAD_OVERHEAD_BYTES
    t.equal(
      sealPayload(new Uint8Array(most), statement, key, salt).payload.length,
      PAYLOAD_BYTES_MAX
    )
    t.throws(() => sealPayload(new Uint8Array(most + 1), statement, key, salt), {
      code: 'ERR_TOO_LARGE'
    })
  }
)

// ---- compression, spec P-4

const vitals = encodeReadings(
  Array.from({ length: 300 }, (_, k) => ({
    name: ['8867-4', '59408-5', '9279-1', '8480-6', '8462-4'][k % 5]!,
    unit: ['/min', '%', '/min', 'mm[Hg]', 'mm[Hg]'][k % 5]!,
    time: 1_700_000_000_000 + Math.floor(k / 5) * 1_000,
    value: 60 + ((k * k) % 37)
  }))
)

/** A statement and payload of version 2 around any bytes, as a device of bad will could sign them. */
function deflatedOf(
  content: Uint8Array,
  of: Uint8Array = vitals
): readonly [ReadingStatement, Uint8Array] {
  const info = concatBytes([
    utf8('vitalchain/payload/2\0'),
    statement.network,
    statement.device,
    u8(statement.lane),
    u32be(statement.boot),
    u64be(statement.seq)
  ])
  const keys = new Uint8Array(hkdfSync('sha256', key, salt, info, 64))
  const cipher = createCipheriv('aes-256-gcm', keys.subarray(0, 32), new Uint8Array(12))
  const sealed = concatBytes([
    u8(2),
    salt,
    cipher.update(content),
    cipher.final(),
    cipher.getAuthTag()
  ])
  const commitment = new Uint8Array(createHmac('sha256', keys.subarray(32)).update(of).digest())
  const payloadDigest = sha256(sealed)
  return [{ ...statement, payloadSize: sealed.length, payloadDigest, commitment }, sealed]
}

t.test('vital signs are sealed in a quarter of their size, and come back', async t => {
  const sealed = sealPayload(vitals, statement, key, salt, { compress: true })
  t.equal(sealed.payload[0], 2)
  t.ok(sealed.payload.length < vitals.length / 4, `${vitals.length} to ${sealed.payload.length}`)
  t.equal((sealed.payload.length - PAYLOAD_OVERHEAD_BYTES) % 64, 0)
  const named = { ...statement, ...sealed, payloadSize: sealed.payload.length }
  t.strictSame(openPayload(named, sealed.payload, key), vitals)
  const plain = sealed.payload.with(0, 1)
  t.throws(() => openPayload({ ...named, payloadDigest: sha256(plain) }, plain, key), {
    code: 'ERR_PAYLOAD_KEY'
  })
})

t.test('what zlib deflates by the words of the specification opens', async t => {
  const content = new Uint8Array(deflateRawSync(vitals))
  for (const zeros of [0, 1, 5_000]) {
    const [named, sealed] = deflatedOf(concatBytes([content, new Uint8Array(zeros)]))
    t.strictSame(openPayload(named, sealed, key), vitals)
  }
})

t.test('what does not compress is sealed as it is', async t => {
  for (const incompressible of [
    concatBytes(Array.from({ length: 150 }, (_, k) => seed(`noise ${k}`))),
    vitals.subarray(0, 60)
  ]) {
    const sealed = sealPayload(incompressible, statement, key, salt, { compress: true })
    t.equal(sealed.payload[0], 1)
    t.equal(sealed.payload.length, incompressible.length + PAYLOAD_OVERHEAD_BYTES)
  }
})

t.test('a payload that swells beyond the limit, breaks off or is none is refused', async t => {
  const most = new Uint8Array(PAYLOAD_BYTES_MAX)
  t.strictSame(openPayload(...deflatedOf(deflateRawSync(most), most), key), most)
  for (const [name, content, of] of [
    ['one byte more', deflateRawSync(Buffer.alloc(PAYLOAD_BYTES_MAX + 1))],
    [
      'one byte more, of which the first are committed to',
      deflateRawSync(Buffer.alloc(PAYLOAD_BYTES_MAX + 1)),
      most
    ],
    ['sixty megabytes', deflateRawSync(Buffer.alloc(60e6))],
    [
      'a stored block that is longer',
      deflateRawSync(Buffer.alloc(PAYLOAD_BYTES_MAX + 1), { level: 0 }).subarray(0, 60_000)
    ],
    ['cut off', deflateRawSync(vitals).subarray(0, 200)],
    ['no stream', Buffer.alloc(64, 0xff)],
    ['nothing', Buffer.alloc(0)],
    ['other readings', deflateRawSync(vitals.subarray(1))]
  ] as const) {
    const [named, sealed] = deflatedOf(content, of)
    t.throws(() => openPayload(named, sealed, key), { code: 'ERR_PAYLOAD_COMMITMENT' }, name)
  }
})

const root = seed('root')
const child = (node: Uint8Array, bit: number): Uint8Array =>
  new Uint8Array(createHmac('sha256', node).update(Uint8Array.of(bit)).digest())

t.test('an epoch key is the leaf to which the bits of the epoch lead', async t => {
  for (const epoch of [0, 1, 5, 0x8000_0000, 0xdead_beef, 0xffff_ffff]) {
    let node = root
    for (const bit of epoch.toString(2).padStart(EPOCH_TREE_DEPTH, '0'))
      node = child(node, Number(bit))
    t.equal(toHex(epochKey(root, epoch)), toHex(node), `epoch ${epoch}`)
  }
})

t.test('a subtree key derives the keys of exactly its epochs', async t => {
  // The node over the epochs 8 to 11: the way there is all but the lowest two bits of 8.
  const depth = EPOCH_TREE_DEPTH - 2
  let node = root
  for (const bit of (8).toString(2).padStart(EPOCH_TREE_DEPTH, '0').slice(0, depth))
    node = child(node, Number(bit))
  for (let epoch = 8; epoch < 12; epoch++)
    t.strictSame(epochKey(node, epoch, depth), epochKey(root, epoch))
  const derived = [8, 9, 10, 11].map(epoch => toHex(epochKey(node, epoch, depth)))
  for (const outside of [0, 7, 12, 8 + 2 ** 31]) {
    t.notOk(derived.includes(toHex(epochKey(root, outside))))
    t.notSame(epochKey(node, outside, depth), epochKey(root, outside))
  }
  t.strictSame(epochKey(node, 8, EPOCH_TREE_DEPTH), node, 'a leaf is its own key')
})
