import { generateKeyPairSync, sign as nodeSign } from 'node:crypto'
import {
  createSigner,
  openCose,
  sha256,
  signCose,
  utf8,
  verifySigned,
  type Signer
} from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createWebCryptoKeys, secureElementSigner, webCryptoSigner } from '../src/signers/index.ts'

const SIGNATURES = 32

/** Signs many messages: an element returns a high S every second time. */
async function signsForTheLedger(t: Test, signer: Signer): Promise<void> {
  for (let k = 0; k < SIGNATURES; k++) {
    const signed = openCose(await signCose(signer, utf8(`message ${k}`)))
    if (!verifySigned(signed)) t.fail(`signature ${k}`)
  }
  t.pass(`${SIGNATURES} signatures`)
}

t.test('WebCrypto signs with keys that cannot be read', async t => {
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const keys = await createWebCryptoKeys(algorithm)
    await t.rejects(crypto.subtle.exportKey('pkcs8', keys.privateKey), {
      name: 'InvalidAccessError'
    })
    const signer = await webCryptoSigner(keys)
    t.equal(signer.publicKey.algorithm, algorithm)
    await signsForTheLedger(t, signer)
  }
})

t.test('WebCrypto keys of another kind are refused', async t => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, [
    'sign',
    'verify'
  ])
  await t.rejects(webCryptoSigner(keys), { code: 'ERR_KEY_INVALID' })
})

t.test(
  'a secure element may return DER or raw signatures, of either S, over a digest or a message',
  async t => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65)
    for (const dsaEncoding of ['der', 'ieee-p1363'] as const) {
      const element = {
        publicKey: Uint8Array.from(point),
        input: 'message' as const,
        sign: async (message: Uint8Array) =>
          Uint8Array.from(nodeSign('sha256', message, { key: privateKey, dsaEncoding }))
      }
      await signsForTheLedger(t, secureElementSigner(element))
    }
    const software = createSigner('es256', sha256(utf8('element')))
    let asked = 0
    const hashing = secureElementSigner({
      publicKey: software.publicKey.bytes,
      async sign(digest) {
        asked = digest.length
        return new Uint8Array(64).fill(1)
      }
    })
    await hashing.sign(utf8('any length'))
    t.equal(asked, 32)
  }
)

t.test('what is no signature or no key is refused', async t => {
  const { publicKey } = createSigner('es256', sha256(utf8('element')))
  for (const wrong of [0, 1, 63, 64, 65, 72]) {
    const signer = secureElementSigner({
      publicKey: publicKey.bytes,
      sign: async () => new Uint8Array(wrong)
    })
    await t.rejects(signer.sign(utf8('m')), { code: 'ERR_SIGNATURE_INVALID' }, `${wrong} bytes`)
  }
  const element = { publicKey: new Uint8Array(33), sign: async () => new Uint8Array(64) }
  t.throws(() => secureElementSigner(element), { code: 'ERR_KEY_INVALID' })
})
