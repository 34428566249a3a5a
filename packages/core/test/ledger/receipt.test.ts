import * as fc from 'fast-check'
import t from 'tap'
import { equalBytes, toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import { encodeHeader, type Header } from '../../src/ledger/header.ts'
import { RECEIPT_BYTES_MAX } from '../../src/ledger/limits.ts'
import {
  createReceiptVerifier,
  receiptFormat,
  verifyReceipt,
  type Receipt,
  type ReceiptVerifier
} from '../../src/ledger/receipt.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import { isItems, itemsOf, replaced } from './fields.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { refusalOf } from './refusal.ts'
import {
  certify,
  FOUNDERS,
  movingLedger,
  plainLedger,
  SmallLedger,
  TestDevice,
  testMember,
  validatorsOf
} from './small-ledger.ts'

useNodeCrypto()

const ledger = await plainLedger()
const moving = await movingLedger()
const trust = { genesis: ledger.network }
const movingTrust = { genesis: moving.network }

/** A ledger whose receipts are short, for the tests that try every byte. */
async function shortLedger(): Promise<SmallLedger> {
  const short = new SmallLedger()
  short.addBlock([await new TestDevice(short.network, 'ed25519', 'monitor').nextTransaction()])
  short.addBlock([await new TestDevice(short.network, 'es256', 'pump').nextTransaction()])
  return short
}

t.test(
  'every transaction has a receipt that verifies, against its own header and every newer one',
  async t => {
    let index = 0
    for (const { block } of ledger.blocks) {
      for (const transaction of block.transactions) {
        for (let height = block.header.height; height <= ledger.blocks.length; height++) {
          const proven = verifyReceipt(ledger.encodedReceipt(index, height), trust)
          if (
            !equalBytes(transaction, ledger.transactions[index]!) ||
            proven.header.height !== height ||
            proven.index !== index
          )
            t.fail(`transaction ${index} at ${height}`)
        }
        index += 1
      }
    }
    t.equal(index, ledger.transactions.length)
  }
)

t.test('a valid receipt says what it proves and by whom', async t => {
  const proven = verifyReceipt(ledger.encodedReceipt(3), { genesis: ledger.genesisBytes })
  t.strictSame(proven.network, ledger.network)
  t.strictSame(proven.genesis, ledger.genesis)
  t.strictSame(proven.header, ledger.header(6))
  t.match(proven, {
    index: 3,
    validators: 4,
    handOvers: 0,
    trust: 'genesis-only',
    transaction: { type: 'statement' }
  })
  t.same(
    proven.certifiedBy.map(each => each.name),
    ['Aachen', 'Berlin', 'Celle']
  )
  t.same(proven.certifiedBy[0]?.member, FOUNDERS[0]!.validator.member)
})

t.test(
  'a receipt across three hand-overs verifies, and members that joined later have no name in the genesis',
  async t => {
    for (let index = 0; index < moving.transactions.length; index++)
      t.equal(verifyReceipt(moving.encodedReceipt(index), movingTrust).handOvers, 3)
    const proven = verifyReceipt(moving.encodedReceipt(0), movingTrust)
    t.equal(proven.validators, 4)
    const all = verifyReceipt(moving.encodedReceipt(0, 4), movingTrust)
    t.equal(all.validators, 5)
    t.equal(
      verifyReceipt(moving.encodedReceipt(0, 2), movingTrust).handOvers,
      0,
      'a header that hands over is signed by the old set'
    )
  }
)

/** Every change of one byte, by xor. */
function flipsRefused(
  t: { fail(message: string): void; pass(message: string): void },
  encoded: Uint8Array,
  verify: ReceiptVerifier,
  masks: (at: number) => readonly number[]
): void {
  let tried = 0
  for (let at = 0; at < encoded.length; at++) {
    for (const mask of masks(at)) {
      tried += 1
      const changed = encoded.with(at, encoded[at]! ^ mask)
      if (refusalOf(() => verify(changed)) === undefined)
        t.fail(`byte ${at} xor ${mask} was accepted`)
    }
  }
  t.pass(`${tried} changed receipts refused`)
}

/** 1, and a mask that differs from byte to byte. */
function masks(at: number): readonly number[] {
  return [1, 2 + ((at * 89 + 41) % 254)]
}

t.test('every byte of a receipt counts: with any one changed it is refused', async t => {
  const short = await shortLedger()
  const verify: ReceiptVerifier = encoded => verifyReceipt(encoded, { genesis: short.network })
  for (const index of [0, 1]) flipsRefused(t, short.encodedReceipt(index), verify, masks)
})

t.test(
  'every byte of a receipt with hand-overs and a way from an earlier history counts',
  async t => {
    const encoded = moving.encodedReceipt(0, 8, 3)
    // Whoever knows the certificates of the sound one is not taken in either, and is faster.
    const verify = createReceiptVerifier(movingTrust)
    verify(encoded)
    flipsRefused(t, encoded, verify, at => [1 << (at % 8)])
  }
)

t.test('every beginning of a receipt is refused, and a byte behind it', async t => {
  const encoded = moving.encodedReceipt(1)
  for (let length = 0; length < encoded.length; length++) {
    if (refusalOf(() => verifyReceipt(encoded.subarray(0, length), movingTrust)) === undefined)
      t.fail(`${length} bytes were accepted`)
  }
  for (const byte of [0, 0x80, 0xff])
    t.match(
      refusalOf(() => verifyReceipt(Uint8Array.from([...encoded, byte]), movingTrust)),
      { code: 'ERR_ENCODING' }
    )
})

t.test(
  'a receipt is refused by the genesis of another network, even of the same members',
  async t => {
    const other = new SmallLedger(FOUNDERS, 'another network')
    const encoded = ledger.encodedReceipt(0)
    for (const genesis of [
      other.network,
      other.genesisBytes,
      new Uint8Array(32),
      new Uint8Array(0)
    ])
      t.match(
        refusalOf(() => verifyReceipt(encoded, { genesis })),
        { code: 'ERR_OTHER_NETWORK' }
      )
    const moved = receiptFormat.encode({ ...ledger.receipt(0), genesis: other.genesisBytes })
    t.match(
      refusalOf(() => verifyReceipt(moved, { genesis: other.network })),
      { code: 'ERR_OTHER_NETWORK' }
    )
  }
)

function refused(
  t: { match(found: unknown, wanted: object, message: string): boolean },
  receipt: Receipt,
  code: string,
  why: string
): void {
  t.match(
    refusalOf(() => verifyReceipt(receiptFormat.encode(receipt), { genesis: moving.network })),
    { code },
    why
  )
}

function threeOf<T>(items: readonly T[]): readonly [T, T, T] {
  return [items[0]!, items[1]!, items[2]!]
}

t.test('a hand-over that is skipped, repeated, or out of order is refused', async t => {
  const receipt = moving.receipt(2)
  const [a, b, c] = threeOf(receipt.handOvers)
  const chains = {
    none: [],
    'the first': [b, c],
    'the middle one': [a, c],
    'the last': [a, b],
    'one twice': [a, a, b, c],
    'the last twice': [a, b, c, c],
    reversed: [c, b, a],
    swapped: [b, a, c]
  }
  for (const [why, handOvers] of Object.entries(chains))
    refused(t, { ...receipt, handOvers }, 'ERR_HANDOVER', why)
})

t.test('a hand-over to other validators than its header names is refused', async t => {
  const receipt = moving.receipt(2)
  const swap = (validators: readonly (typeof FOUNDERS)[0]['validator'][]): Receipt => ({
    ...receipt,
    handOvers: receipt.handOvers.with(0, { ...receipt.handOvers[0]!, validators })
  })
  const set = receipt.handOvers[0]!.validators
  refused(t, swap(set.toReversed()), 'ERR_HANDOVER', 'in another order')
  refused(t, swap(set.slice(1)), 'ERR_HANDOVER', 'one less')
  refused(t, swap(set.with(0, testMember('Mallory').validator)), 'ERR_HANDOVER', 'another one')
  const attackers = validatorsOf(['M1', 'M2', 'M3', 'M4'].map(name => testMember(name)))
  refused(t, swap(attackers), 'ERR_HANDOVER', 'all others')
})

t.test('a header that changes nothing is no hand-over', async t => {
  const receipt = ledger.receipt(0)
  const { block, certificate } = ledger.blocks[1]!
  const idle = { header: block.header, certificate, validators: validatorsOf(FOUNDERS) }
  t.match(
    refusalOf(() => verifyReceipt(receiptFormat.encode({ ...receipt, handOvers: [idle] }), trust)),
    { code: 'ERR_HANDOVER' }
  )
})

/** A receipt of an attacker who holds these members' keys and makes the rest up. */
function forged(
  changes: Partial<Header>,
  signers: readonly (typeof FOUNDERS)[0][],
  options: Parameters<typeof certify>[2] = {}
): Receipt {
  const receipt = ledger.receipt(0)
  const header = { ...receipt.header, ...changes }
  return { ...receipt, header, certificate: certify(header, signers, options) }
}

t.test(
  'a header is certified by a commit quorum of its own validators and nobody else',
  async t => {
    const strangers = ['M1', 'M2', 'M3', 'M4'].map(name => testMember(name))
    const cases: readonly (readonly [why: string, receipt: Receipt, code: string])[] = [
      ['by strangers', forged({}, strangers), 'ERR_CERTIFICATE'],
      [
        'by strangers under their own hash',
        forged({ validatorsHash: hashValidatorSet(validatorsOf(strangers)) }, strangers),
        'ERR_HANDOVER'
      ],
      ['by two of four', forged({}, FOUNDERS, { signers: [0, 1] }), 'ERR_CERTIFICATE'],
      ['by all four', forged({}, FOUNDERS, { signers: [0, 1, 2, 3] }), 'ERR_CERTIFICATE'],
      ['by prepare votes', forged({}, FOUNDERS, { phase: 'prepare' }), 'ERR_CERTIFICATE'],
      [
        'by the certificate of another block',
        { ...ledger.receipt(0), certificate: ledger.receipt(0, 5).certificate },
        'ERR_CERTIFICATE'
      ],
      [
        'in a recovery epoch that this version does not know',
        forged({ recoveryEpoch: 1 }, FOUNDERS),
        'ERR_HANDOVER'
      ],
      ['on another network', forged({ network: moving.network }, FOUNDERS), 'ERR_OTHER_NETWORK'],
      [
        'with another history',
        forged({ history: { size: 1, root: new Uint8Array(32) } }, FOUNDERS),
        'ERR_INCLUSION'
      ]
    ]
    for (const [why, receipt, code] of cases)
      t.match(
        refusalOf(() => verifyReceipt(receiptFormat.encode(receipt), trust)),
        { code },
        why
      )
    t.doesNotThrow(
      () =>
        verifyReceipt(
          receiptFormat.encode(forged({}, FOUNDERS, { signers: [1, 2, 3], view: 9 })),
          trust
        ),
      'another quorum in another view is as good'
    )
  }
)

t.test('a transaction is accepted at its own place of the history only', async t => {
  const receipt = ledger.receipt(5)
  for (let index = 0; index < ledger.transactions.length; index++) {
    if (index === 5) continue
    t.match(
      refusalOf(() => verifyReceipt(receiptFormat.encode({ ...receipt, index }), trust)),
      { code: 'ERR_INCLUSION' }
    )
    t.match(
      refusalOf(() =>
        verifyReceipt(
          receiptFormat.encode({ ...receipt, transaction: ledger.transactions[index]! }),
          trust
        )
      ),
      { code: 'ERR_INCLUSION' }
    )
  }
  for (const path of [
    receipt.path.slice(1),
    receipt.path.toReversed(),
    [...receipt.path, new Uint8Array(32)],
    []
  ])
    t.match(
      refusalOf(() => verifyReceipt(receiptFormat.encode({ ...receipt, path }), trust)),
      { code: 'ERR_INCLUSION' }
    )
})

t.test(
  'a certified transaction with a wrong signature, of another network or of no known form still has no receipt',
  async t => {
    const bad = new SmallLedger()
    const good = await new TestDevice(bad.network, 'ed25519', 'monitor').nextTransaction()
    const foreign = await new TestDevice(moving.network, 'ed25519', 'monitor').nextTransaction()
    const at = good.length - 1
    bad.addBlock([
      good.with(at, good[at]! ^ 1),
      foreign,
      encodeCbor(['vitalchain/tx', 9, Uint8Array.of(1)]),
      good
    ])
    const codes = ['ERR_SIGNATURE', 'ERR_OTHER_NETWORK', 'ERR_SCHEMA', undefined]
    for (const [index, code] of codes.entries())
      t.equal(
        refusalOf(() => verifyReceipt(bad.encodedReceipt(index), { genesis: bad.network }))?.code,
        code
      )
  }
)

/** Where values stand in a decoded document: the ways to all of them. */
function ways(value: CborValue, way: readonly number[] = []): (readonly number[])[] {
  return [way, ...itemsOf(value).flatMap((each, at) => ways(each, [...way, at]))]
}

const replacement: fc.Arbitrary<(old: CborValue) => CborValue> = fc.oneof(
  fc.constantFrom<(old: CborValue) => CborValue>(
    old => (typeof old === 'number' ? old + 1 : old),
    old => (typeof old === 'number' ? old - 1 : old),
    old => (old instanceof Uint8Array ? old.subarray(1) : old),
    old => (old instanceof Uint8Array ? Uint8Array.from([...old, 0]) : old),
    old => (isItems(old) ? old.toReversed() : old),
    old => (isItems(old) ? old.slice(1) : old),
    old => (isItems(old) ? [...old, ...old.slice(-1)] : old),
    () => null,
    () => [],
    () => new Map(),
    () => new Uint8Array(32)
  ),
  fc.tuple(fc.nat(2_000), fc.integer({ min: 1, max: 255 })).map(
    ([at, mask]) =>
      (old: CborValue) =>
        old instanceof Uint8Array && old.length > 0
          ? old.with(at % old.length, old[at % old.length]! ^ mask)
          : old
  ),
  fc
    .constantFrom<CborValue>(
      0,
      1,
      2 ** 32,
      Number.MAX_SAFE_INTEGER,
      -1,
      '',
      'vitalchain/receipt',
      true
    )
    .map(value => () => value)
)

t.test(
  '2 000 receipts with one field replaced, or one taken from another receipt, are refused unless nothing changed',
  async t => {
    const receipts = [moving.encodedReceipt(0), moving.encodedReceipt(6)]
    const documents = receipts.map(each => decodeCbor(each, RECEIPT_BYTES_MAX))
    const mutation = fc.tuple(
      fc.nat(documents.length - 1),
      fc.nat(),
      replacement,
      fc.option(fc.nat(), { freq: 4 })
    )
    let changed = 0
    fc.assert(
      fc.property(mutation, ([which, pick, change, swap]) => {
        const document = documents[which]!
        const all = ways(document)
        const way = all[pick % all.length]!
        const other = swap === null ? undefined : all[swap % all.length]
        const mutant = encodeCbor(
          replaced(
            document,
            way,
            other === undefined ? change(valueAt(document, way)) : valueAt(document, other)
          )
        )
        if (receipts.some(each => equalBytes(each, mutant))) return true
        changed += 1
        return refusalOf(() => verifyReceipt(mutant, movingTrust)) !== undefined
      }),
      { numRuns: 2_000, seed: 4 }
    )
    t.ok(changed > 1_000, `${changed} of them differed`)
  }
)

function valueAt(value: CborValue, way: readonly number[]): CborValue {
  return way.reduce<CborValue>((each, at) => itemsOf(each)[at]!, value)
}

t.test('bytes that are no receipt are refused', async t => {
  for (const bytes of [
    new Uint8Array(0),
    encodeHeader(ledger.header(1)),
    ledger.genesisBytes,
    encodeCbor(['vitalchain/receipt', 2])
  ])
    t.match(
      refusalOf(() => verifyReceipt(bytes, trust)),
      { name: 'VitalchainError' }
    )
  t.match(
    refusalOf(() => verifyReceipt(new Uint8Array(RECEIPT_BYTES_MAX + 1), trust)),
    { code: 'ERR_TOO_LARGE' }
  )
  t.equal(toHex(verifyReceipt(ledger.encodedReceipt(0), trust).network), toHex(ledger.network))
})
