import * as fc from 'fast-check'
import t from 'tap'
import {
  COSE_RECEIPT_BYTES_MAX,
  coseReceipt,
  verifyCoseReceipt
} from '../../src/checkpoint/cose-receipt.ts'
import {
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { errorCode } from '../../src/errors.ts'
import { fromHex } from '../../src/bytes.ts'
import { inclusionRoot, leafHash, verifyInclusion } from '../../src/merkle/history.ts'
import { refusalOf } from '../ledger/refusal.ts'
import { seed } from '../ledger/small-ledger.ts'
import {
  checkpointSigner,
  leavesLedger,
  shareOf,
  SIGNED_AT,
  trustOf
} from './checkpoint-fixture.ts'

const SIZE = 7
const { checkpoint, leaf, path } = leavesLedger(SIZE)
const trust = trustOf(checkpoint.network)
const share = await shareOf(checkpoint, 'Berlin')
const checkpointKey = checkpointSigner('Berlin').publicKey.bytes
const receipt = coseReceipt({ share, index: 2, path: path(2), checkpointKey })

function codeOf(
  bytes: Uint8Array,
  transaction: Uint8Array = leaf(2),
  trusted: typeof trust = trust
) {
  return refusalOf(() => verifyCoseReceipt(bytes, transaction, trusted))?.code
}

t.test('a COSE receipt shows each leaf in the tree that one hospital signed', async t => {
  for (let index = 0; index < SIZE; index++) {
    const bytes = coseReceipt({ share, index, path: path(index), checkpointKey })
    t.same(verifyCoseReceipt(bytes, leaf(index), trust), {
      network: checkpoint.network,
      member: trust.validators[1]!.member,
      size: SIZE,
      root: checkpoint.root,
      index,
      time: SIGNED_AT + 1
    })
  }
})

t.test('it is a COSE_Sign1 with the labels and numbers of RFC 9942', async t => {
  const [head, open, payload, signature] = untagSign1(
    decodeCbor(receipt, COSE_RECEIPT_BYTES_MAX)
  ) as readonly [Uint8Array, Map<number, Map<number, Uint8Array[]>>, null, Uint8Array]
  t.same(
    decodeCbor(head, 1_000),
    new Map<number, unknown>([
      [1, -8],
      [4, checkpointKey],
      [
        15,
        new Map<number, unknown>([
          [1, `vitalchain/${Buffer.from(checkpoint.network).toString('hex')}`],
          [6, SIGNED_AT + 1],
          [-65_537, SIZE]
        ])
      ],
      [395, 1]
    ])
  )
  t.equal(payload, null, 'the root is detached')
  t.same(decodeCbor(open.get(396)!.get(-1)![0]!, 1_000), [SIZE, 2, path(2)])
  t.same(signature, share.cose)
})

t.test(
  "the example of RFC 9942's authors has the same structure, in another order of labels",
  async t => {
    // cose-wg/draft-ietf-cose-merkle-tree-proofs, examples/inclusion-receipt.cbor. Its key is not published.
    const example = fromHex(
      'd2845840a40126044a746573742d6b65792d3119018b010fa101782868747470733a2f2f7472616e73706172656e63792d736572766963652e6578616d706c652e636f6da119018ca12081586a8305038358203d06455dd33da4e9bbd8090677a2d0955e6dffe4b9206960' +
        '5a468920d11980955820' +
        '33a5211719e06238a191c7244a7633187da2c9aaa5bc6dec54e2cbb498255434' +
        '58204d75742d9ea02f7767dcd554a7878ff22cdb208be9f3d35f7aa7700b57e741c0f6584034e81008fb0e4e5216576687' +
        '45450df608d0e5c015dffc5d607dd78236c2908f4e2b643817d9191d0abd7c074aff2b1bfda519ab3fab210ff2e0a1de275de6a7'
    )
    const [, open, payload] = untagSign1(decodeCbor(example, 1_000)) as readonly [
      Uint8Array,
      Map<number, Map<number, Uint8Array[]>>,
      null
    ]
    t.equal(payload, null)
    const [size, index, hashes] = decodeCbor(open.get(396)!.get(-1)![0]!, 1_000) as readonly [
      number,
      number,
      Uint8Array[]
    ]
    t.ok(
      inclusionRoot(leafHash(leaf(0)), index, size, hashes),
      'a path of the length that its tree needs'
    )
    t.equal(codeOf(example), 'ERR_NOT_CANONICAL', 'its labels are not in the order of RFC 8949')
  }
)

t.test('a tree of one leaf has an empty path', async t => {
  const one = leavesLedger(1)
  const bytes = coseReceipt({
    share: await shareOf(one.checkpoint, 'Berlin'),
    index: 0,
    path: [],
    checkpointKey
  })
  t.equal(verifyCoseReceipt(bytes, one.leaf(0), trust).size, 1)
})

t.test('another transaction, place, signer or network is refused', async t => {
  t.equal(codeOf(receipt, leaf(3)), 'ERR_CHECKPOINT', 'another transaction')
  const made = (changes: Partial<Parameters<typeof coseReceipt>[0]>): Uint8Array =>
    coseReceipt({ share, index: 2, path: path(2), checkpointKey, ...changes })
  t.equal(codeOf(made({ index: 3 })), 'ERR_CHECKPOINT', 'another place')
  t.equal(codeOf(made({ index: SIZE })), 'ERR_INCLUSION', 'behind the tree')
  t.equal(codeOf(made({ path: path(2).slice(1) })), 'ERR_INCLUSION', 'a hash too few')
  t.equal(codeOf(made({ path: [...path(2), seed('hash')] })), 'ERR_INCLUSION', 'a hash too many')
  for (const at of path(2).keys())
    t.equal(codeOf(made({ path: path(2).with(at, seed('hash')) })), 'ERR_CHECKPOINT', `hash ${at}`)
  t.equal(codeOf(made({ share: { ...share, time: share.time + 1 } })), 'ERR_CHECKPOINT', 'time')
  t.equal(codeOf(made({ share: { ...share, size: SIZE - 1 } })), 'ERR_CHECKPOINT', 'size')
  t.equal(codeOf(made({ share: { ...share, cose: share.note } })), 'ERR_CHECKPOINT', 'a note')
  t.equal(
    codeOf(made({ checkpointKey: checkpointSigner('Celle').publicKey.bytes })),
    'ERR_CHECKPOINT'
  )
  t.equal(codeOf(receipt, leaf(2), trustOf(checkpoint.network, ['Aachen'])), 'ERR_CHECKPOINT')
  t.equal(codeOf(receipt, leaf(2), { ...trust, network: seed('other') }), 'ERR_OTHER_NETWORK')
})

t.test('the tree size is signed, so that neither it nor the index can be another', async t => {
  // The last leaf of 3 has the path of the last leaf of 2 over the same hashes: RFC 9942 alone does not tell them apart.
  const three = leavesLedger(3)
  const signed = await shareOf(three.checkpoint, 'Berlin')
  const bytes = coseReceipt({ share: signed, index: 2, path: three.path(2), checkpointKey })
  t.equal(verifyCoseReceipt(bytes, three.leaf(2), trust).index, 2)
  t.equal(three.path(2).length, 1)
  const shifted = coseReceipt({
    share: { ...signed, size: 2 },
    index: 1,
    path: three.path(2),
    checkpointKey
  })
  t.ok(verifyInclusion(leafHash(three.leaf(2)), 1, 2, three.path(2), three.checkpoint.root))
  t.equal(codeOf(shifted, three.leaf(2)), 'ERR_CHECKPOINT')
})

function proof(...parts: readonly CborValue[]): CborValue {
  return new Map([[396, new Map([[-1, parts]])]])
}

t.test('another structure is refused', async t => {
  const items = untagSign1(decodeCbor(receipt, COSE_RECEIPT_BYTES_MAX)) as readonly CborValue[]
  const head = decodeCbor(items[0] as Uint8Array, 1_000) as ReadonlyMap<CborValue, CborValue>
  const proofBytes = encodeCbor([SIZE, 2, path(2)])
  const claims = head.get(15) as ReadonlyMap<CborValue, CborValue>
  const headWith = (...entries: readonly (readonly [CborValue, CborValue])[]): CborValue =>
    encodeCbor(new Map([...head, ...entries]))
  const cases: readonly (readonly [string, number, CborValue, string])[] = [
    ['no protected header', 0, encodeCbor(new Map()), 'ERR_SCHEMA'],
    ['an empty protected header', 0, new Uint8Array(0), 'ERR_ENCODING'],
    ['a protected header in clear', 0, head, 'ERR_SCHEMA'],
    ['a header that is no map', 0, encodeCbor([1]), 'ERR_SCHEMA'],
    ['another algorithm', 0, headWith([1, -7]), 'ERR_SCHEMA'],
    ['another kind of tree', 0, headWith([395, 2]), 'ERR_SCHEMA'],
    ['one label more', 0, headWith([16, 'x']), 'ERR_SCHEMA'],
    ['a key of 31 bytes', 0, headWith([4, checkpointKey.slice(1)]), 'ERR_SCHEMA'],
    ['no claims', 0, headWith([15, new Map()]), 'ERR_SCHEMA'],
    ['one claim more', 0, headWith([15, new Map([...claims, [2, 'x']])]), 'ERR_SCHEMA'],
    ['another issuer', 0, headWith([15, new Map([...claims, [1, 'x']])]), 'ERR_SCHEMA'],
    ['a negative time', 0, headWith([15, new Map([...claims, [6, -1]])]), 'ERR_SCHEMA'],
    ['a time as text', 0, headWith([15, new Map([...claims, [6, '1']])]), 'ERR_SCHEMA'],
    ['a negative size', 0, headWith([15, new Map([...claims, [-65_537, -1]])]), 'ERR_SCHEMA'],
    ['another size', 0, headWith([15, new Map([...claims, [-65_537, 8]])]), 'ERR_SCHEMA'],
    ['a header of 300 bytes', 0, encodeCbor(new Uint8Array(300)), 'ERR_TOO_LARGE'],
    ['no proofs', 1, new Map(), 'ERR_SCHEMA'],
    ['no map of proofs', 1, [], 'ERR_SCHEMA'],
    ['proofs of consistency', 1, new Map([[396, new Map([[-2, [proofBytes]]])]]), 'ERR_SCHEMA'],
    ['no inclusion proof', 1, proof(), 'ERR_SCHEMA'],
    ['two inclusion proofs', 1, proof(proofBytes, proofBytes), 'ERR_SCHEMA'],
    ['a proof in clear', 1, proof([SIZE, 2, path(2)]), 'ERR_SCHEMA'],
    ['a proof that is not CBOR', 1, proof(Uint8Array.of(0xff)), 'ERR_ENCODING'],
    ['a proof with a fourth item', 1, proof(encodeCbor([SIZE, 2, path(2), 0])), 'ERR_SCHEMA'],
    ['a hash of 31 bytes', 1, proof(encodeCbor([SIZE, 2, [new Uint8Array(31)]])), 'ERR_SCHEMA'],
    ['a negative index', 1, proof(encodeCbor([SIZE, -1, path(2)])), 'ERR_SCHEMA'],
    ['the root attached', 2, checkpoint.root, 'ERR_SCHEMA'],
    ['a signature of 63 bytes', 3, share.cose.slice(1), 'ERR_SCHEMA'],
    ['no signature', 3, null, 'ERR_SCHEMA']
  ]
  for (const [why, at, item, code] of cases)
    t.equal(codeOf(encodeCbor(tagSign1(items.with(at, item)))), code, why)
  t.equal(codeOf(encodeCbor(items)), 'ERR_SCHEMA', 'no tag')
  t.equal(codeOf(encodeCbor(tagSign1([...items, 0]))), 'ERR_SCHEMA', 'a fifth item')
  t.equal(codeOf(new Uint8Array(COSE_RECEIPT_BYTES_MAX + 1)), 'ERR_TOO_LARGE')
  t.equal(codeOf(Uint8Array.from([...receipt, 0])), 'ERR_ENCODING', 'a byte behind')
})

t.test('every flipped bit is refused', async t => {
  for (let at = 0; at < receipt.length; at++) {
    const bit = 1 << (at % 8)
    const code = codeOf(receipt.with(at, receipt[at]! ^ bit))
    t.match(
      code ?? 'none',
      /^ERR_(CHECKPOINT|SCHEMA|ENCODING|NOT_CANONICAL|OTHER_NETWORK|INCLUSION|TOO_LARGE)$/,
      `byte ${at}`
    )
  }
})

t.test('any bytes are refused with a code', async () => {
  const damaged = fc
    .tuple(fc.nat(receipt.length), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
    .map(([at, cut, put]) =>
      Uint8Array.from([...receipt.slice(0, at), ...put, ...receipt.slice(at + cut)])
    )
    .filter(bytes => Buffer.compare(bytes, receipt) !== 0)
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array()), bytes => {
      try {
        verifyCoseReceipt(bytes, leaf(2), trust)
        return false
      } catch (error) {
        return errorCode(error) !== 'ERR_INTERNAL'
      }
    }),
    { numRuns: 1_000, seed: 6 }
  )
})
