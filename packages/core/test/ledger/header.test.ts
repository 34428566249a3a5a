import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import {
  blockHash,
  decodeHeader,
  encodeHeader,
  headerFormat,
  type Header
} from '../../src/ledger/header.ts'
import {
  BLOCK_TRANSACTIONS_MAX,
  HEADER_BYTES_MAX,
  VALIDATORS_MAX
} from '../../src/ledger/limits.ts'
import { itemsOf, refusesField } from './fields.ts'
import { seed, SmallLedger } from './small-ledger.ts'

const ledger = new SmallLedger()
const header = ledger.addBlock([])
const encoded = encodeHeader(header)

t.test('a header comes back from its bytes, and its hash is that of the bytes', async t => {
  t.strictSame(decodeHeader(encoded), header)
  t.equal(toHex(blockHash(header)), toHex(sha256(encoded)))
})

t.test('the largest header fits its limit', async t => {
  const largest: Header = {
    ...header,
    recoveryEpoch: 0xffff_ffff,
    height: Number.MAX_SAFE_INTEGER,
    time: Number.MAX_SAFE_INTEGER,
    originView: 0xffff_ffff,
    originProposer: VALIDATORS_MAX - 1,
    transactionCount: BLOCK_TRANSACTIONS_MAX,
    history: { size: Number.MAX_SAFE_INTEGER, root: seed('root') }
  }
  const bytes = encodeHeader(largest)
  t.ok(bytes.length <= HEADER_BYTES_MAX)
  t.strictSame(decodeHeader(bytes), largest)
})

const hashes: readonly CborValue[] = [new Uint8Array(31), new Uint8Array(33), null]
const limits: readonly (readonly [
  name: string,
  way: readonly number[],
  refused: readonly CborValue[]
])[] = [
  ['kind', [0], ['vitalchain/block']],
  ['protocol', [1], [0, 2]],
  ['network', [2], hashes],
  ['recoveryEpoch', [3], [2 ** 32]],
  ['height', [4], [0]],
  ['previous', [5], hashes],
  ['time', [6], [null]],
  ['originView', [7], [2 ** 32]],
  ['originProposer', [8], [VALIDATORS_MAX]],
  ['transactionCount', [9], [BLOCK_TRANSACTIONS_MAX + 1]],
  ['history', [10], [[1], [1, new Uint8Array(32), 1]]],
  ['history.size', [10, 0], [null]],
  ['history.root', [10, 1], hashes],
  ['stateRoot', [11], hashes],
  ['validatorsHash', [12], hashes],
  ['nextValidatorsHash', [13], hashes],
  ['previousCertificateHash', [14], hashes]
]
for (const [name, way, refused] of limits) {
  t.test(`the limits of a header's ${name} hold`, async t => {
    refusesField(t, headerFormat, encoded, way, refused)
  })
}

t.test('a header with a field more or less is refused', async t => {
  const fields = itemsOf(decodeCbor(encoded, HEADER_BYTES_MAX))
  t.equal(fields.length, limits.length - 2, 'every field is in the list above')
  t.throws(() => decodeHeader(encodeCbor([...fields, null])), { code: 'ERR_SCHEMA' })
  t.throws(() => decodeHeader(encodeCbor(fields.slice(0, -1))), { code: 'ERR_SCHEMA' })
})

t.test('every field of a header changes its hash', async t => {
  const fields = itemsOf(decodeCbor(encoded, HEADER_BYTES_MAX))
  const hashes = fields.map((_, at) => toHex(sha256(encodeCbor(fields.with(at, 77)))))
  t.equal(new Set([toHex(blockHash(header)), ...hashes]).size, fields.length + 1)
})
