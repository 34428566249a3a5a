import { sha256, utf8 } from '@vitalchain/core'
import t from 'tap'
import { keepHash } from '../src/hash-slab.ts'

t.test('kept hashes keep their values, whatever becomes of the ones they are of', async t => {
  const hashes = Array.from({ length: 500 }, (_, k) => sha256(utf8(String(k))))
  const kept = hashes.map(each => keepHash(each))
  for (const each of hashes) each.fill(0)
  for (const [k, each] of kept.entries()) t.strictSame(each, sha256(utf8(String(k))))
})

t.test('a week of them shares a few hundred pieces of memory', async t => {
  const hash = sha256(utf8('statement'))
  const pieces = new Set(Array.from({ length: 50_400 }, () => keepHash(hash).buffer))
  t.ok(pieces.size <= 50_400 / 128 + 2, `${pieces.size} pieces`)
})
