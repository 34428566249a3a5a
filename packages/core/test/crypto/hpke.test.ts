import {
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman
} from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { concatBytes, fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { openHpke, sealHpke, x25519PublicKey } from '../../src/crypto/hpke.ts'
import { seed } from '../ledger/small-ledger.ts'

const context = { info: utf8('a purpose'), aad: utf8('a header') }

// RFC 9180 appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, mode_base, sequence number 0.
t.test('the vector of the RFC is sealed and opened', async t => {
  const aead = { id: 1, keyBytes: 16 }
  const at = {
    info: fromHex('4f6465206f6e2061204772656369616e2055726e'),
    aad: utf8('Count-0')
  }
  const ephemeral = fromHex('52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736')
  const secretKey = fromHex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8')
  const recipient = x25519PublicKey(secretKey)
  t.equal(toHex(recipient), '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d')
  const clear = utf8('Beauty is truth, truth beauty')
  const sealed = sealHpke(clear, recipient, ephemeral, at, aead)
  t.equal(toHex(sealed.enc), '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431')
  t.equal(
    toHex(sealed.ciphertext),
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a'
  )
  t.strictSame(openHpke(sealed, secretKey, at, aead), clear)
})

const PKCS8 = fromHex('302e020100300506032b656e04220420')
const SPKI = fromHex('302a300506032b656e032100')

/** HKDF-Extract and HKDF-Expand for at most 32 bytes (RFC 5869), with Node's own HMAC. */
function extract(salt: Uint8Array, secret: Uint8Array): Uint8Array {
  return createHmac('sha256', salt).update(secret).digest()
}
function expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return createHmac('sha256', key).update(info).update('\x01').digest().subarray(0, length)
}

/** A length as two bytes. */
function length(bytes: number): Uint8Array {
  return Uint8Array.of(0, bytes)
}

t.test("node's own crypto opens AES-256-GCM by the words of RFC 9180", async t => {
  const secretKey = seed('custodian')
  const recipient = x25519PublicKey(secretKey)
  const clear = utf8('a key')
  const { enc, ciphertext } = sealHpke(clear, recipient, seed('ephemeral'), context)

  const shared = diffieHellman({
    privateKey: createPrivateKey({
      key: Buffer.from(concatBytes([PKCS8, secretKey])),
      format: 'der',
      type: 'pkcs8'
    }),
    publicKey: createPublicKey({
      key: Buffer.from(concatBytes([SPKI, enc])),
      format: 'der',
      type: 'spki'
    })
  })
  const none = new Uint8Array(0)
  const kem = concatBytes([utf8('HPKE-v1KEM'), fromHex('0020')])
  const suite = concatBytes([utf8('HPKE-v1HPKE'), fromHex('002000010002')])
  const eaePrk = extract(none, concatBytes([kem, utf8('eae_prk'), shared]))
  const kemSecret = expand(
    eaePrk,
    concatBytes([length(32), kem, utf8('shared_secret'), enc, recipient]),
    32
  )
  const schedule = concatBytes([
    Uint8Array.of(0),
    extract(none, concatBytes([suite, utf8('psk_id_hash')])),
    extract(none, concatBytes([suite, utf8('info_hash'), context.info]))
  ])
  const secret = extract(kemSecret, concatBytes([suite, utf8('secret')]))
  const key = expand(secret, concatBytes([length(32), suite, utf8('key'), schedule]), 32)
  const nonce = expand(secret, concatBytes([length(12), suite, utf8('base_nonce'), schedule]), 12)
  const cipher = createDecipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(context.aad)
  cipher.setAuthTag(ciphertext.subarray(-16))
  const opened = Buffer.concat([cipher.update(ciphertext.subarray(0, -16)), cipher.final()])
  t.strictSame(new Uint8Array(opened), clear)
})

t.test('another key, purpose, header, or any changed byte does not open it', async t => {
  const secretKey = seed('custodian')
  const clear = utf8('a key')
  const sealed = sealHpke(clear, x25519PublicKey(secretKey), seed('ephemeral'), context)
  t.strictSame(openHpke(sealed, secretKey, context), clear)
  const refused = { code: 'ERR_HPKE' }
  t.throws(() => openHpke(sealed, seed('other'), context), refused)
  t.throws(() => openHpke(sealed, secretKey, { ...context, info: utf8('another') }), refused)
  t.throws(() => openHpke(sealed, secretKey, { ...context, aad: utf8('another') }), refused)
  t.throws(
    () => openHpke({ ...sealed, ciphertext: new Uint8Array(3) }, secretKey, context),
    refused
  )
  fc.assert(
    fc.property(fc.nat({ max: sealed.ciphertext.length * 8 - 1 }), bit => {
      const ciphertext = sealed.ciphertext.slice()
      ciphertext[bit >> 3]! ^= 1 << (bit & 7)
      t.throws(() => openHpke({ ...sealed, ciphertext }, secretKey, context), refused)
    }),
    { numRuns: 30 }
  )
})

t.test('a key of low order or of another length is refused', async t => {
  const refused = { code: 'ERR_KEY_INVALID' }
  const clear = utf8('a key')
  for (const bad of [
    new Uint8Array(32),
    Uint8Array.of(1, ...new Uint8Array(31)),
    new Uint8Array(31)
  ])
    t.throws(() => sealHpke(clear, bad, seed('ephemeral'), context), refused)
  t.throws(() => x25519PublicKey(new Uint8Array(33)), refused)
  t.throws(
    () => openHpke({ enc: new Uint8Array(32), ciphertext: new Uint8Array(20) }, seed('a'), context),
    refused
  )
})
