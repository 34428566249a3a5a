import { createPrivateKey, sign } from 'node:crypto'
import t from 'tap'
import * as fc from 'fast-check'
import {
  createSigner,
  pureCryptoBackend,
  useCryptoBackend,
  verifySignature,
  type Algorithm,
  type CryptoBackend,
  type PublicKey
} from '@vitalchain/core'
import { nodeCryptoBackend, verifyInThreadPool } from '../../src/crypto/node-crypto-backend.ts'
import { CANCELLING, ED25519_CASES, type SignatureCase } from './ed25519-cases.ts'
import { ES256_CASES } from './es256-cases.ts'

type Judge = (key: PublicKey, message: Uint8Array, signature: Uint8Array) => Promise<boolean>

function judgeWith(backend: CryptoBackend): Judge {
  return async (key, message, signature) => {
    useCryptoBackend(backend)
    try {
      return verifySignature(key, message, signature)
    } finally {
      useCryptoBackend(pureCryptoBackend)
    }
  }
}

const JUDGES: readonly (readonly [string, Judge])[] = [
  ['the pure rule', judgeWith(pureCryptoBackend)],
  ['node:crypto', judgeWith(nodeCryptoBackend)],
  ['the thread pool', verifyInThreadPool]
]

const CASES: readonly (readonly [Algorithm, readonly SignatureCase[]])[] = [
  ['ed25519', ED25519_CASES],
  ['es256', ES256_CASES]
]

for (const [name, judge] of JUDGES) {
  for (const [algorithm, cases] of CASES) {
    t.test(`${name} gives the verdict of the rule on every ${algorithm} case`, async t => {
      for (const { key, message, signature, valid, name } of cases) {
        t.equal(await judge({ algorithm, bytes: key }, message, signature), valid, name)
      }
    })
  }
}

t.test('OpenSSL alone would accept mixed-order keys: the pre-checks refuse them', async t => {
  for (const { key, message, signature, name } of CANCELLING) {
    t.equal(nodeCryptoBackend.verifyEd25519(key, message, signature), true, name)
    t.equal(pureCryptoBackend.verifyEd25519(key, message, signature), true, name)
  }
})

t.test('OpenSSL alone would accept high S: the pre-checks refuse it', async t => {
  const high = ES256_CASES.find(item => item.name === 'high S')!
  t.equal(nodeCryptoBackend.verifyEs256(high.key, high.message, high.signature), true)
})

t.test('all verifiers agree on random signatures with random damage', async t => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Algorithm[]>('ed25519', 'es256'),
      bytes.filter(secret => secret[0]! < 0xff && secret[31]! > 0),
      fc.uint8Array({ maxLength: 300 }),
      fc.option(fc.nat(511)),
      async (algorithm, secret, message, flip) => {
        const signer = createSigner(algorithm, secret)
        const good = await signer.sign(message)
        const signature =
          flip === null ? good : good.with(flip >> 3, good[flip >> 3]! ^ (1 << (flip & 7)))
        const verdicts = await Promise.all(
          JUDGES.map(([, judge]) => judge(signer.publicKey, message, signature))
        )
        return verdicts.every(verdict => verdict === (flip === null))
      }
    ),
    { seed: 3, numRuns: 100 }
  )
  t.pass()
})

t.test('core signs the same Ed25519 bytes as OpenSSL', async t => {
  for (let i = 0; i < 20; i += 1) {
    const secret = new Uint8Array(32).fill(i)
    const message = new Uint8Array(i * 7).fill(i)
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret])
    const native = sign(null, message, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    const ours = await createSigner('ed25519', secret).sign(message)
    t.same(ours, Uint8Array.from(native))
  }
})

t.test('hashes are the same bytes, and plain ones', async t => {
  for (const size of [0, 1, 55, 64, 111, 112, 128, 4096]) {
    const message = new Uint8Array(size).fill(size)
    for (const name of ['sha256', 'sha512'] as const) {
      const digest = nodeCryptoBackend[name](message)
      t.same(digest, pureCryptoBackend[name](message))
      t.equal(Object.getPrototypeOf(digest), Uint8Array.prototype)
    }
  }
})
