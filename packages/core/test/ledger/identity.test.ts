import t from 'tap'
import { concatBytes, fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { decodeCbor, encodeCbor } from '../../src/encoding/cbor.ts'
import { deviceId, memberId } from '../../src/ledger/identity.ts'
import { publicKeyCodec } from '../../src/ledger/public-key.ts'
import { testSigner } from './small-ledger.ts'

t.test("an identifier is the hash of the key's kind, algorithm and bytes", async t => {
  const { publicKey } = testSigner('ed25519', 'a')
  // ["vitalchain/device", [-8, h'..32..']] by hand.
  const input = concatBytes([
    fromHex('8271'),
    utf8('vitalchain/device'),
    fromHex('82275820'),
    publicKey.bytes
  ])
  t.equal(toHex(deviceId(publicKey)), toHex(sha256(input)))
})

t.test(
  'devices and members with one key have different identifiers, so do two algorithms',
  async t => {
    const keys = [testSigner('ed25519', 'a').publicKey, testSigner('es256', 'a').publicKey]
    const ids = keys.flatMap(key => [deviceId(key), memberId(key)]).map(toHex)
    t.equal(new Set(ids).size, 4)
  }
)

t.test('a public key comes back from its form, and no other form is taken', async t => {
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const { publicKey } = testSigner(algorithm, 'a')
    const written = decodeCbor(encodeCbor(publicKeyCodec.write(publicKey)), 64)
    t.strictSame(publicKeyCodec.read(written, 'key'), publicKey)
  }
  const refused = [
    [-8, new Uint8Array(33)],
    [-7, new Uint8Array(32)],
    [-6, new Uint8Array(32)],
    [-9, new Uint8Array(32)],
    [8, new Uint8Array(32)],
    [-8],
    new Uint8Array(32)
  ]
  for (const value of refused)
    t.throws(() => publicKeyCodec.read(value, 'key'), { code: 'ERR_SCHEMA' })
})
