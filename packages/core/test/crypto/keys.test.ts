import t from 'tap'
import { pureCryptoBackend, useCryptoBackend } from '../../src/crypto/backend.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { createSigner, generateSecretKey } from '../../src/crypto/keys.ts'
import {
  algorithmFromCose,
  checkPublicKey,
  coseAlgorithm,
  precheckSignature,
  verifySignature,
  type Algorithm
} from '../../src/crypto/signatures.ts'

const ALGORITHMS: readonly Algorithm[] = ['ed25519', 'es256']
const MESSAGE = Uint8Array.of(1, 2, 3)

function fail(): boolean {
  throw new Error('out of memory')
}

t.test('a new key signs what its public key verifies, and nothing else', async t => {
  for (const algorithm of ALGORITHMS) {
    const signer = createSigner(algorithm, generateSecretKey(algorithm))
    const other = createSigner(algorithm, generateSecretKey(algorithm))
    const signature = await signer.sign(MESSAGE)
    checkPublicKey(signer.publicKey)
    t.equal(precheckSignature(signer.publicKey, signature), true)
    t.equal(verifySignature(signer.publicKey, MESSAGE, signature), true)
    t.equal(verifySignature(other.publicKey, MESSAGE, signature), false)
  }
})

t.test('a signature of one algorithm is none of the other', async t => {
  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  const signature = await signer.sign(MESSAGE)
  const key = { algorithm: 'es256', bytes: signer.publicKey.bytes } as const
  t.equal(verifySignature(key, MESSAGE, signature), false)
  t.throws(() => checkPublicKey(key), { code: 'ERR_KEY_INVALID', values: { algorithm: 'es256' } })
})

t.test('a signer is not changed by wiping the secret it was made from', async t => {
  for (const algorithm of ALGORITHMS) {
    const secret = generateSecretKey(algorithm)
    const signer = createSigner(algorithm, secret)
    secret.fill(0)
    t.equal(verifySignature(signer.publicKey, MESSAGE, await signer.sign(MESSAGE)), true)
  }
})

t.test('algorithms have the numbers of COSE', async t => {
  t.equal(coseAlgorithm('ed25519'), -8)
  t.equal(coseAlgorithm('es256'), -7)
  for (const algorithm of ALGORITHMS) {
    t.equal(algorithmFromCose(coseAlgorithm(algorithm)), algorithm)
  }
  t.throws(() => algorithmFromCose(-35), { code: 'ERR_ALGORITHM_UNKNOWN', values: { id: -35 } })
})

t.test('a backend is asked only what the pre-checks let through', async t => {
  let asked = 0
  const answer = (): boolean => {
    asked += 1
    return true
  }
  useCryptoBackend({ verifyEd25519: answer, verifyEs256: answer })
  t.teardown(() => useCryptoBackend(pureCryptoBackend))
  for (const algorithm of ALGORITHMS) {
    const { publicKey } = createSigner(algorithm, generateSecretKey(algorithm))
    t.equal(verifySignature(publicKey, MESSAGE, new Uint8Array(64).fill(0xff)), false)
    t.equal(verifySignature(publicKey, MESSAGE, new Uint8Array(63)), false)
  }
  const identity = Uint8Array.of(1, ...new Uint8Array(31))
  const key = { algorithm: 'ed25519', bytes: identity } as const
  t.equal(verifySignature(key, MESSAGE, new Uint8Array(64).fill(1)), false)
  t.equal(asked, 0)
})

t.test('a backend that throws is answered by the pure rule', async t => {
  useCryptoBackend({ verifyEd25519: fail, verifyEs256: fail })
  t.teardown(() => useCryptoBackend(pureCryptoBackend))
  for (const algorithm of ALGORITHMS) {
    const signer = createSigner(algorithm, generateSecretKey(algorithm))
    const signature = await signer.sign(MESSAGE)
    t.equal(verifySignature(signer.publicKey, MESSAGE, signature), true)
    t.equal(verifySignature(signer.publicKey, Uint8Array.of(1), signature), false)
  }
})

t.test('a partial backend keeps the other functions', async t => {
  const plain = sha256(MESSAGE)
  let calls = 0
  useCryptoBackend({
    sha512: bytes => {
      calls += 1
      return pureCryptoBackend.sha512(bytes)
    }
  })
  t.teardown(() => useCryptoBackend(pureCryptoBackend))
  t.same(sha256(MESSAGE), plain)
  t.equal(calls, 0)
})
