import { createPrivateKey, createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import t from 'tap'
import { fromHex, toHex, utf8 } from '../../src/bytes.ts'
import {
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { openCose, signCose, signedBytes, verifySigned } from '../../src/ledger/cose.ts'
import { itemsOf } from './fields.ts'
import { seed, testSigner } from './small-ledger.ts'

const payload = utf8('a statement')

type Parts = readonly [CborValue, CborValue, CborValue, CborValue]

/** A COSE_Sign1 taken apart by hand, with some of it replaced. */
async function altered(change: (parts: Parts) => readonly CborValue[]): Promise<Uint8Array> {
  const encoded = await signCose(testSigner('ed25519', 'a'), payload)
  const [header, unprotected, content, signature] = itemsOf(
    untagSign1(decodeCbor(encoded, 1_000)) ?? null
  )
  return encodeCbor(tagSign1(change([header!, unprotected!, content!, signature!])))
}

for (const algorithm of ['ed25519', 'es256'] as const) {
  t.test(`what ${algorithm} signed opens to its key and payload, and verifies`, async t => {
    const signer = testSigner(algorithm, 'a')
    const signed = openCose(await signCose(signer, payload))
    t.strictSame(signed.publicKey, signer.publicKey)
    t.strictSame(signed.payload, payload)
    t.ok(verifySigned(signed))
  })

  t.test(`a changed payload, key or signature of ${algorithm} does not verify`, async t => {
    const signed = openCose(await signCose(testSigner(algorithm, 'a'), payload))
    t.notOk(verifySigned({ ...signed, payload: utf8('another') }))
    t.notOk(verifySigned({ ...signed, publicKey: testSigner(algorithm, 'b').publicKey }))
    for (let at = 0; at < 64; at += 7)
      t.notOk(
        verifySigned({ ...signed, signature: signed.signature.with(at, signed.signature[at]! ^ 1) })
      )
  })
}

t.test('the bytes are those of RFC 9052, put together by hand', async t => {
  const signer = testSigner('ed25519', 'a')
  const key = toHex(signer.publicKey.bytes)
  // {1: -8, 4: key}
  const header = `a20127045820${key}`
  const text = toHex(payload)
  const input =
    `846a5369676e617475726531582a`.replace('582a', `58${(header.length / 2).toString(16)}`) +
    `${header}404b${text}`
  const encoded = await signCose(signer, payload)
  t.equal(toHex(signedBytes(openCose(encoded))), input)
  const signature = toHex(await signer.sign(fromHex(input)))
  t.equal(
    toHex(encoded),
    `d28458${(header.length / 2).toString(16)}${header}a04b${text}5840${signature}`
  )
})

t.test(
  "node's own crypto agrees on both algorithms' signatures over the Sig_structure",
  async t => {
    const ed = openCose(await signCose(testSigner('ed25519', 'a'), payload))
    const edKey: JsonWebKey = {
      kty: 'OKP',
      crv: 'Ed25519',
      x: Buffer.from(ed.publicKey.bytes).toString('base64url')
    }
    t.ok(
      verify(null, signedBytes(ed), createPublicKey({ key: edKey, format: 'jwk' }), ed.signature)
    )
    const es = openCose(await signCose(testSigner('es256', 'a'), payload))
    // SEC 1 private key of P-256 in DER (RFC 5915).
    const der = Buffer.concat([
      fromHex('30310201010420'),
      seed('a'),
      fromHex('a00a06082a8648ce3d030107')
    ])
    const esKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'sec1' }))
    t.ok(verify('sha256', signedBytes(es), { key: esKey, dsaEncoding: 'ieee-p1363' }, es.signature))
  }
)

const key = testSigner('ed25519', 'a').publicKey.bytes
const map = (...entries: readonly (readonly [CborValue, CborValue])[]): Uint8Array =>
  encodeCbor(new Map(entries))

const headers: readonly (readonly [why: string, header: Uint8Array, code: string])[] = [
  ['no algorithm', map([4, key]), 'ERR_SCHEMA'],
  ['no key', map([1, -8]), 'ERR_SCHEMA'],
  ['a content type too', map([1, -8], [3, 60], [4, key]), 'ERR_SCHEMA'],
  ['critical headers', map([1, -8], [2, [4]], [4, key]), 'ERR_SCHEMA'],
  ['another label for the key', map([1, -8], [5, key]), 'ERR_SCHEMA'],
  ['an unknown algorithm', map([1, -37], [4, key]), 'ERR_ALGORITHM_UNKNOWN'],
  ['an algorithm by name', map([1, 'EdDSA'], [4, key]), 'ERR_SCHEMA'],
  ['a key of another algorithm', map([1, -7], [4, key]), 'ERR_SCHEMA'],
  ['a key that is too short', map([1, -8], [4, key.subarray(1)]), 'ERR_SCHEMA'],
  ['a key as text', map([1, -8], [4, 'key']), 'ERR_SCHEMA'],
  ['keys out of order', fromHex(`a2045820${toHex(key)}0127`), 'ERR_NOT_CANONICAL'],
  ['an array', encodeCbor([1, -8, 4, key]), 'ERR_SCHEMA'],
  ['no bytes at all', new Uint8Array(0), 'ERR_ENCODING'],
  ['more bytes than any key needs', map([1, -8], [4, new Uint8Array(60)]), 'ERR_TOO_LARGE']
]
for (const [why, header, code] of headers) {
  t.test(`refused: a protected header with ${why}`, async t => {
    const encoded = await altered(parts => [header, ...parts.slice(1)])
    t.throws(() => openCose(encoded), { name: 'VitalchainError', code })
  })
}

const forms: readonly (readonly [why: string, change: (parts: Parts) => readonly CborValue[]])[] = [
  ['an unprotected header that is not empty', ([a, , c, d]) => [a, new Map([[4, key]]), c, d]],
  ['an unprotected header that is no map', ([a, , c, d]) => [a, [], c, d]],
  ['a detached payload', ([a, b, , d]) => [a, b, null, d]],
  ['a payload as text', ([a, b, , d]) => [a, b, 'text', d]],
  ['a protected header as a map', ([, b, c, d]) => [new Map(), b, c, d]],
  ['a signature of 63 bytes', ([a, b, c]) => [a, b, c, new Uint8Array(63)]],
  ['a signature of 65 bytes', ([a, b, c]) => [a, b, c, new Uint8Array(65)]],
  ['no signature', ([a, b, c]) => [a, b, c]],
  ['one item more', parts => [...parts, null]]
]
for (const [why, change] of forms) {
  t.test(`refused: a COSE_Sign1 with ${why}`, async t => {
    const encoded = await altered(change)
    t.throws(() => openCose(encoded), { code: 'ERR_SCHEMA' })
  })
}

t.test(
  'refused: a COSE_Sign1 without its tag, under another tag, or that is too large',
  async t => {
    const encoded = await signCose(testSigner('ed25519', 'a'), payload)
    t.throws(() => openCose(encoded.subarray(1)), { code: 'ERR_SCHEMA' })
    t.throws(() => openCose(encoded.with(0, 0xd1)), { code: 'ERR_ENCODING' })
    const large = await signCose(testSigner('ed25519', 'a'), new Uint8Array(65_535))
    t.throws(() => openCose(large), { code: 'ERR_TOO_LARGE' })
  }
)
