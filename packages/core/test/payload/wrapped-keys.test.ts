import * as fc from 'fast-check'
import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import { x25519PublicKey } from '../../src/crypto/hpke.ts'
import { errorCode } from '../../src/errors.ts'
import { coverEpochs, coversEpoch, epochKey, subtreeKey } from '../../src/payload/epoch-key.ts'
import {
  epochKeyOf,
  streamKeys,
  unwrapStreamKeys,
  wrappedKeysFormat,
  wrapStreamKeys
} from '../../src/payload/wrapped-keys.ts'
import { seed } from '../ledger/small-ledger.ts'

const epoch = fc.nat({ max: 0xffff_ffff })
const of = { network: seed('network'), stream: seed('stream').subarray(0, 16), generation: 3 }
const secret = seed('stream secret')
const custodian = seed('custodian')

t.test('a range of epochs is covered by the fewest subtrees, and nothing beside it', async t => {
  t.same(coverEpochs(0, 0xffff_ffff), [{ first: 0, depth: 0 }])
  t.same(coverEpochs(5, 8), [
    { first: 5, depth: 32 },
    { first: 6, depth: 31 },
    { first: 8, depth: 32 }
  ])
  t.equal(coverEpochs(1, 0xffff_fffe).length, 62, 'the most')
  fc.assert(
    fc.property(epoch, epoch, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const cover = coverEpochs(from, to)
      let next = from
      for (const { first, depth } of cover) {
        if (first !== next || first % 2 ** (32 - depth) !== 0) t.fail(`${from} to ${to}`)
        next = first + 2 ** (32 - depth)
      }
      if (next !== to + 1 || cover.length > 62) t.fail(`${from} to ${to}`)
      for (const outside of [from - 1, to + 1])
        if (cover.some(each => coversEpoch(each, outside))) t.fail(`${outside} is covered`)
    }),
    { numRuns: 500 }
  )
})

t.test('keys of a period open its epochs, and no other one', async t => {
  fc.assert(
    fc.property(epoch, fc.nat({ max: 5_000 }), fc.nat({ max: 5_000 }), (from, length, at) => {
      const to = Math.min(from + length, 0xffff_ffff)
      const keys = streamKeys(of, secret, { from, to })
      const inside = Math.min(from + (at % (length + 1)), to)
      t.strictSame(epochKeyOf(keys, inside), epochKey(secret, inside))
      if (to < 0xffff_ffff) t.equal(epochKeyOf(keys, to + 1), undefined)
      if (from > 0) t.equal(epochKeyOf(keys, from - 1), undefined)
    }),
    { numRuns: 50 }
  )
})

t.test('a node of the tree leads to the same leaves as the root', async t => {
  const node = subtreeKey(secret, { first: 0x1234_0000, depth: 16 })
  t.strictSame(epochKey(node, 0x1234_5678, 16), epochKey(secret, 0x1234_5678))
  t.strictSame(
    subtreeKey(node, { first: 0x1234_5600, depth: 24 }, 16),
    subtreeKey(secret, { first: 0x1234_5600, depth: 24 })
  )
})

t.test('the custodian unwraps what opens every epoch', async t => {
  const wrapped = wrapStreamKeys(streamKeys(of, secret), x25519PublicKey(custodian), seed('once'))
  const keys = unwrapStreamKeys(wrapped, custodian)
  t.match(keys, of)
  for (const each of [0, 9, 0xffff_ffff])
    t.strictSame(epochKeyOf(keys, each), epochKey(secret, each))
  t.notOk(toHex(wrapped).includes(toHex(secret)))
  t.ok(wrapped.length < 250, `${wrapped.length} bytes`)
})

t.test('keys of a period are wrapped to somebody, who gets those and no more', async t => {
  const keys = streamKeys(of, secret, { from: 7, to: 4_000_000_001 })
  const clinician = seed('clinician')
  const wrapped = wrapStreamKeys(keys, x25519PublicKey(clinician), seed('once'))
  t.strictSame(unwrapStreamKeys(wrapped, clinician), keys)
  t.equal(epochKeyOf(unwrapStreamKeys(wrapped, clinician), 6), undefined)
  t.throws(() => unwrapStreamKeys(wrapped, custodian), { code: 'ERR_HPKE' })
})

t.test('nothing that is readable of wrapped keys can be changed', async t => {
  const keys = streamKeys(of, secret, { from: 6, to: 7 })
  const recipient = x25519PublicKey(custodian)
  const wrapped = wrappedKeysFormat.decode(wrapStreamKeys(keys, recipient, seed('once')))
  const changes = [
    { network: seed('other') },
    { stream: seed('other').subarray(0, 16) },
    { generation: 4 },
    { subtrees: [{ first: 8, depth: 31 }] },
    { enc: x25519PublicKey(seed('other')) },
    { sealed: new Uint8Array(48) }
  ]
  for (const change of changes) {
    const changed = wrappedKeysFormat.encode({ ...wrapped, ...change })
    t.throws(
      () => unwrapStreamKeys(changed, custodian),
      { code: 'ERR_HPKE' },
      Object.keys(change)[0]!
    )
  }
  const stolen = wrappedKeysFormat.encode({ ...wrapped, recipient: x25519PublicKey(seed('thief')) })
  t.throws(() => unwrapStreamKeys(stolen, seed('thief')), { code: 'ERR_HPKE' })
})

t.test('subtrees that overlap, are out of order or begin in the middle are refused', async t => {
  const recipient = x25519PublicKey(custodian)
  const key = seed('key')
  const bad = [
    [
      { first: 0, depth: 31, key },
      { first: 1, depth: 32, key }
    ],
    [
      { first: 4, depth: 32, key },
      { first: 2, depth: 32, key }
    ],
    [{ first: 1, depth: 31, key }],
    [{ first: 1, depth: 32, key: key.subarray(1) }]
  ]
  for (const subtrees of bad)
    t.throws(() => wrapStreamKeys({ ...of, subtrees }, recipient, seed('once')), {
      code: 'ERR_SCHEMA'
    })
})

t.test('damaged wrapped keys are refused by a code', async t => {
  const wrapped = wrapStreamKeys(streamKeys(of, secret), x25519PublicKey(custodian), seed('once'))
  for (let at = 0; at < wrapped.length; at++) {
    const damaged = wrapped.slice()
    damaged[at]! ^= 0x11
    try {
      unwrapStreamKeys(damaged, custodian)
      t.fail(`byte ${at}`)
    } catch (error) {
      if (errorCode(error) === 'ERR_INTERNAL') t.fail(`byte ${at}: ${String(error)}`)
    }
  }
  t.throws(() => unwrapStreamKeys(wrapped.subarray(1), custodian))
})
