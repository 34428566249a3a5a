import * as fc from 'fast-check'
import t from 'tap'
import { checkpointNote } from '../../src/checkpoint/checkpoint-note.ts'
import {
  readTlogProof,
  TLOG_EXTRA_BYTES_MAX,
  TLOG_PROOF_CHARACTERS_MAX,
  tlogProof,
  verifyTlogProof
} from '../../src/checkpoint/tlog-proof.ts'
import { errorCode } from '../../src/errors.ts'
import { refusalOf } from '../ledger/refusal.ts'
import { seed } from '../ledger/small-ledger.ts'
import { keysOf, leavesLedger, sharesOf, trustOf } from './checkpoint-fixture.ts'

const SIZE = 7
const { checkpoint, leaf, path } = leavesLedger(SIZE)
const trust = trustOf(checkpoint.network)
const note = checkpointNote(await sharesOf(checkpoint), keysOf(trust))
const proof = tlogProof({ index: 2, path: path(2), checkpoint: note })

function codeOf(text: string, transaction: Uint8Array = leaf(2)): string | undefined {
  return refusalOf(() => verifyTlogProof(text, transaction, trust))?.code
}

t.test('a tlog-proof shows each leaf at its place, under a checkpoint of a quorum', async t => {
  for (let index = 0; index < SIZE; index++) {
    const text = tlogProof({ index, path: path(index), checkpoint: note })
    const proven = verifyTlogProof(text, leaf(index), trust)
    t.match(proven, { index, size: SIZE, root: checkpoint.root, extra: undefined })
    t.equal(proven.signers.length, 4)
    t.same(readTlogProof(text), { index, path: path(index), checkpoint: note, extra: undefined })
  }
})

t.test('a tree of one leaf needs no path', async t => {
  const one = leavesLedger(1)
  const alone = checkpointNote(await sharesOf(one.checkpoint), keysOf(trust))
  const text = tlogProof({ index: 0, path: [], checkpoint: alone })
  t.equal(text, `c2sp.org/tlog-proof@v1\nindex 0\n\n${alone}`)
  t.equal(verifyTlogProof(text, one.leaf(0), trust).size, 1)
})

t.test('the transaction can travel as extra data', async t => {
  for (const extra of [leaf(2), new Uint8Array(0), new Uint8Array(TLOG_EXTRA_BYTES_MAX).fill(7)]) {
    const text = tlogProof({ index: 2, path: path(2), checkpoint: note, extra })
    t.same(verifyTlogProof(text, leaf(2), trust).extra, extra)
  }
  const tooMuch = tlogProof({
    index: 2,
    path: path(2),
    checkpoint: note,
    extra: new Uint8Array(TLOG_EXTRA_BYTES_MAX + 1)
  })
  t.equal(codeOf(tooMuch), 'ERR_SCHEMA')
})

t.test('another transaction, index or path is refused', async t => {
  t.equal(codeOf(proof, leaf(3)), 'ERR_INCLUSION')
  t.equal(codeOf(proof.replace('index 2', 'index 3')), 'ERR_INCLUSION')
  t.equal(codeOf(proof.replace('index 2', `index ${SIZE}`)), 'ERR_INCLUSION', 'behind the tree')
  const hashes = path(2)
  for (const [why, damaged] of [
    ['a hash too few', hashes.slice(1)],
    ['a hash too many', [...hashes, seed('hash')]],
    ['two hashes swapped', hashes.toReversed()],
    ...hashes.map((_, at) => [`hash ${at} replaced`, hashes.with(at, seed('hash'))] as const)
  ] as const)
    t.equal(codeOf(tlogProof({ index: 2, path: damaged, checkpoint: note })), 'ERR_INCLUSION', why)
})

t.test('a text of another form is refused', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['a checkpoint alone', note],
    ['another version', proof.replace('@v1', '@v2')],
    ['no first line', proof.slice(proof.indexOf('\n') + 1)],
    ['no index', proof.replace('index 2\n', '')],
    ['a leading zero', proof.replace('index 2', 'index 02')],
    ['a negative index', proof.replace('index 2', 'index -2')],
    ['an index of 2^53', proof.replace('index 2', `index ${2 ** 53}`)],
    ['two spaces', proof.replace('index 2', 'index  2')],
    ['index twice', proof.replace('index 2', 'index 2\nindex 2')],
    ['extra behind index', proof.replace('index 2', 'index 2\nextra AAAA')],
    ['extra twice', proof.replace('index 2', 'extra AAAA\nextra AAAA\nindex 2')],
    ['extra without base64', proof.replace('index 2', 'extra ?\nindex 2')],
    ['extra without a space', proof.replace('index 2', 'extra\nindex 2')],
    ['a hash of 31 bytes', proof.replace('index 2', `index 2\n${'A'.repeat(40)}AA==`)],
    ['54 hashes', proof.replace('index 2', `index 2${`\n${'A'.repeat(43)}=`.repeat(54)}`)],
    ['an empty line in front', `\n${proof}`],
    ['no empty line behind the path', proof.replace('\n\n', '\n')],
    ['carriage returns', proof.replaceAll('\n', '\r\n')]
  ]
  for (const [why, text] of cases) t.equal(codeOf(text), 'ERR_SCHEMA', why)
  t.equal(codeOf(proof.replace('index 2\n', 'index 2\n\n')), 'ERR_TOO_LARGE', 'hashes in the text')
  t.equal(codeOf('x'.repeat(TLOG_PROOF_CHARACTERS_MAX + 1)), 'ERR_TOO_LARGE')
  t.equal(codeOf(proof.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`)), 'ERR_CHECKPOINT')
})

t.test('a changed character is noticed in front of the checkpoint', async () => {
  const length = proof.length - note.length
  const damaged = fc
    .tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 127 }))
    .map(([at, other]) => [at, String.fromCodePoint(other)] as const)
    .filter(([at, other]) => proof[at] !== other)
    .map(([at, other]) => proof.slice(0, at) + other + proof.slice(at + 1))
  fc.assert(
    fc.property(damaged, text => {
      try {
        verifyTlogProof(text, leaf(2), trust)
        return false
      } catch (error) {
        return /^ERR_(SCHEMA|INCLUSION)$/.test(errorCode(error))
      }
    }),
    { numRuns: 300, seed: 4 }
  )
})

t.test('any text is a proof that is written back as it was, or refused', async () => {
  const pieces = fc.constantFrom(
    'c2sp.org/tlog-proof@v1\n',
    'extra AAAA\n',
    'index 0\n',
    `${'A'.repeat(43)}=\n`,
    '\n',
    'x',
    '\ud800'
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces).map(all => all.join('')),
        fc.string()
      ),
      text => {
        try {
          return tlogProof(readTlogProof(text)) === text
        } catch (error) {
          return /^ERR_(SCHEMA|TOO_LARGE)$/.test(errorCode(error))
        }
      }
    ),
    { numRuns: 2_000, seed: 5 }
  )
})
