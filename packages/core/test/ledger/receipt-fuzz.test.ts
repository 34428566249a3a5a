import t from 'tap'
import { useCryptoBackend } from '../../src/crypto/backend.ts'
import { receiptFormat, type Proven } from '../../src/ledger/receipt.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { fuzzReceipts } from './receipt-fuzz.ts'

useNodeCrypto()

t.test('of 4 000 mutated receipts none is accepted and none crashes the verifier', async t => {
  const { tried, kinds, refused, faults } = await fuzzReceipts({ seed: 1, count: 4_000 })
  t.same(faults, [])
  t.equal(tried, 4_000)
  t.equal(kinds.size, 10, 'every kind of mutation was tried')
  for (const code of ['ENCODING', 'SCHEMA', 'CERTIFICATE', 'HANDOVER', 'INCLUSION', 'SIGNATURE'])
    t.ok((refused.get(`ERR_${code}`) ?? 0) > 20, `${refused.get(`ERR_${code}`)} times ERR_${code}`)
})

t.test('the same seed gives the same mutants', async t => {
  const [one, again, other] = await Promise.all(
    [7, 7, 8].map(async seed => fuzzReceipts({ seed, count: 200 }))
  )
  t.same(one, again)
  t.not([...one!.refused].join(), [...other!.refused].join())
})

t.test('a verifier that believes signatures, or everything, or breaks, is found', async t => {
  const believes = await fuzzReceipts({
    seed: 2,
    count: 500,
    makeVerifier: () => encoded => receiptFormat.decode(encoded) as unknown as Proven
  })
  t.match(believes.faults[0], /accepted/)
  const breaks = await fuzzReceipts({
    seed: 2,
    count: 500,
    makeVerifier: () => encoded => {
      throw new RangeError(`${encoded.length}`)
    }
  })
  t.match(breaks.faults[0], /RangeError/)
  useCryptoBackend({ verifyEd25519: () => true, verifyEs256: () => true })
  const unsigned = await fuzzReceipts({ seed: 2, count: 500 })
  t.match(unsigned.faults[0], /accepted/)
})
