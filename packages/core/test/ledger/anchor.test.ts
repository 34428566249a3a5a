import t from 'tap'
import { encodeCbor } from '../../src/encoding/cbor.ts'
import type { Pin, Trust } from '../../src/ledger/anchor.ts'
import { receiptFormat, verifyReceipt, type Receipt } from '../../src/ledger/receipt.ts'
import { EMPTY_ROOT } from '../../src/merkle/history.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { refusalOf } from './refusal.ts'
import {
  FOUNDERS,
  movingLedger,
  plainLedger,
  retiredFork,
  seed,
  SmallLedger,
  TestDevice,
  testMember
} from './small-ledger.ts'

useNodeCrypto()

const moving = await movingLedger()
const genesis = moving.network

function codeOf(receipt: Receipt, trust: Trust): string | undefined {
  return refusalOf(() => verifyReceipt(receiptFormat.encode(receipt), trust))?.code
}

function trustOf(receipt: Receipt, trust: Trust): string {
  return verifyReceipt(receiptFormat.encode(receipt), trust).trust
}

t.test('a receipt renewed against a newer header rests on the pin', async t => {
  for (let pinned = 1; pinned <= moving.blocks.length; pinned++) {
    for (let height = pinned; height <= moving.blocks.length; height++) {
      for (let index = 0; index < height; index++) {
        const pin = moving.pin(pinned)
        const isInPin = index < pin.size
        t.equal(
          trustOf(moving.receipt(index, height, pin.size), { genesis, pin }),
          isInPin ? `pinned@${pin.size}` : 'genesis-only',
          `transaction ${index} at height ${height} with the pin of ${pinned}`
        )
        t.equal(
          trustOf(moving.receipt(index, height, pin.size), {
            genesis,
            pin: moving.pin(pinned, { validators: true })
          }),
          `pinned@${pin.size}`,
          'with the validators that certified it also what came after'
        )
      }
    }
  }
})

t.test(
  'without a pin a receipt is genesis-only, whatever it says of an earlier history',
  async t => {
    t.equal(trustOf(moving.receipt(0), { genesis }), 'genesis-only')
    t.equal(trustOf(moving.receipt(0, 8, 3), { genesis }), 'genesis-only')
    t.equal(trustOf(moving.receipt(0, 8, 3), { genesis, pin: undefined }), 'genesis-only')
  }
)

t.test('a receipt older than the pin is refused until it is renewed', async t => {
  const pin = moving.pin(6)
  t.equal(codeOf(moving.receipt(0, 1), { genesis, pin }), 'ERR_PIN_UNPROVEN')
  t.equal(codeOf(moving.receipt(0, 5), { genesis, pin }), 'ERR_PIN_UNPROVEN')
  t.equal(trustOf(moving.receipt(0, 6), { genesis, pin }), 'pinned@6', 'equal sizes need no proof')
  t.equal(codeOf(moving.receipt(0, 7), { genesis, pin }), 'ERR_PIN_UNPROVEN', 'without the way')
  t.equal(codeOf(moving.receipt(0, 7, 5), { genesis, pin }), 'ERR_PIN_UNPROVEN', 'from elsewhere')
  t.equal(trustOf(moving.receipt(0, 7, 6), { genesis, pin }), 'pinned@6')
})

t.test('a pin of another history is contradicted, not believed', async t => {
  const root = seed('another root')
  for (const size of [3, 8]) {
    const pin = { size, root }
    t.equal(codeOf(moving.receipt(0, 8, size), { genesis, pin }), 'ERR_PIN', `of ${size}`)
  }
  const larger = { size: 9, root }
  t.equal(codeOf(moving.receipt(0, 8), { genesis, pin: larger }), 'ERR_PIN_UNPROVEN')
})

t.test('every history continues the empty one, which has one root', async t => {
  const pin = { size: 0, root: EMPTY_ROOT }
  t.equal(trustOf(moving.receipt(0), { genesis, pin }), 'genesis-only', 'it holds nothing')
  t.equal(codeOf(moving.receipt(0), { genesis, pin: { size: 0, root: seed('x') } }), 'ERR_PIN')
})

t.test('a size that no tree has is never proven', async t => {
  const { root } = moving.pin(3)
  for (const size of [Number.NaN, 2.5, -1, Number.POSITIVE_INFINITY])
    t.equal(codeOf(moving.receipt(0, 8, 3), { genesis, pin: { size, root } }), 'ERR_PIN_UNPROVEN')
})

t.test('the way from an earlier history is checked without a pin too', async t => {
  const receipt = moving.receipt(0, 8, 3)
  const consistency = receipt.consistency!
  const { size, root, path } = consistency
  const wrong = [
    { size, root: seed('x'), path },
    { size: 4, root, path },
    { size, root, path: path.slice(1) },
    { size, root, path: [...path, seed('x')] },
    { size, root, path: path.toReversed() },
    { size: 9, root, path },
    { size: 8, root, path: [] }
  ]
  for (const each of wrong)
    for (const pin of [undefined, moving.pin(3)])
      t.equal(codeOf({ ...receipt, consistency: each }, { genesis, pin }), 'ERR_CONSISTENCY')
  const same = { ...moving.pin(8), path: [] }
  t.equal(trustOf({ ...receipt, consistency: same }, { genesis }), 'genesis-only')
})

t.test('history that retired validators forge is genesis-only, and refused with a pin', async t => {
  // The founders keep their keys and pretend that the hand-over of block 2 never was.
  for (const shared of [1, 3]) {
    const fork = await retiredFork(moving, shared)
    const lie = fork.receipt(shared)
    t.equal(trustOf(lie, { genesis }), 'genesis-only', 'nothing in it tells')
    for (let pinned = shared + 1; pinned <= moving.blocks.length; pinned++) {
      const pin = moving.pin(pinned)
      t.equal(codeOf(lie, { genesis, pin }), 'ERR_PIN_UNPROVEN', 'without a way from the pin')
      t.equal(
        codeOf(fork.receipt(shared, 9, pinned), { genesis, pin }),
        'ERR_PIN',
        'with their own'
      )
      const forged = {
        ...lie,
        consistency: { ...pin, path: moving.receipt(0, 8, pinned).consistency!.path }
      }
      t.equal(codeOf(forged, { genesis, pin }), 'ERR_CONSISTENCY', 'with the true one')
    }
  }
})

t.test('what retired validators put behind the pinned history never counts as pinned', async t => {
  const fork = await retiredFork(moving, moving.transactions.length)
  const pin = moving.pin(8)
  const lie = fork.receipt(8, 9, 8)
  t.equal(trustOf(lie, { genesis, pin }), 'genesis-only')
  t.equal(codeOf(lie, { genesis, pin: moving.pin(8, { validators: true }) }), 'ERR_PIN')
  const pinned = receiptFormat.encode(fork.receipt(0, 9, 8))
  t.match(
    verifyReceipt(pinned, { genesis, pin }),
    { trust: 'pinned@8', headerTrust: 'genesis-only' },
    'a pinned one is true, but not the time of the header that it is shown with'
  )
})

t.test('pinned validators are those that certified a history of the pinned size', async t => {
  const receipt = moving.receipt(7, 8, 3)
  const pinnedBy = (height: number): Pin => ({
    ...moving.pin(3),
    validators: moving.header(height).validatorsHash
  })
  t.equal(trustOf(receipt, { genesis, pin: pinnedBy(3) }), 'pinned@3')
  for (const height of [1, 8])
    t.equal(codeOf(receipt, { genesis, pin: pinnedBy(height) }), 'ERR_PIN', 'of another time')
  for (const validators of [seed('a set'), new Uint8Array(32), new Uint8Array(0)])
    t.equal(codeOf(receipt, { genesis, pin: { ...moving.pin(3), validators } }), 'ERR_PIN')
})

t.test('validators that come back do not vouch for those who were there in between', async t => {
  const between = ['Essen', 'Fulda', 'Gera', 'Halle'].map(name => testMember(name))
  const ledger = new SmallLedger()
  const device = new TestDevice(ledger.network, 'ed25519', 'device')
  const shared: Uint8Array[] = []
  for (const next of [between, FOUNDERS, FOUNDERS]) {
    shared.push(await device.nextTransaction())
    ledger.addBlock([shared.at(-1)!], { next })
  }
  const by = { genesis: ledger.network, pin: ledger.pin(3, { validators: true }) }
  t.equal(trustOf(ledger.receipt(2), by), 'pinned@3')
  // Those in between keep their keys, and go on behind the pinned history as if they had never handed over.
  const lie = new SmallLedger()
  lie.addBlock([shared[0]!], { next: between })
  lie.addBlock([shared[1]!, shared[2]!])
  lie.addBlock([await device.nextTransaction()])
  t.same(lie.header(2).history, ledger.header(3).history)
  t.equal(codeOf(lie.receipt(3, 3, 3), by), 'ERR_PIN')
})

t.test('a receipt says who certified it, with the whole set', async t => {
  const proven = verifyReceipt(moving.encodedReceipt(0, 4), { genesis })
  t.equal(proven.validatorSet.length, proven.validators)
  t.same(
    proven.certifiedBy.map(each => each.member),
    proven.validatorSet.slice(0, 4).map(each => each.member)
  )
})

t.test('the consistency of a receipt has one form', async t => {
  const plain = await plainLedger()
  const receipt = plain.receipt(0)
  const bad = [
    { size: 0, root: EMPTY_ROOT, path: [] },
    { size: 1, root: new Uint8Array(31), path: [] },
    { size: 1, root: seed('x'), path: Array.from({ length: 55 }, () => seed('y')) }
  ]
  for (const consistency of bad)
    t.equal(codeOf({ ...receipt, consistency }, { genesis: plain.network }), 'ERR_SCHEMA')
  t.equal(
    refusalOf(() => receiptFormat.decode(encodeCbor(['vitalchain/receipt', 1])))?.code,
    'ERR_SCHEMA'
  )
  const other = new SmallLedger(FOUNDERS, 'another network')
  t.equal(codeOf(receipt, { genesis: other.network, pin: plain.pin(3) }), 'ERR_OTHER_NETWORK')
})
