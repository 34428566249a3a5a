import t from 'tap'
import { BoundedCache } from '../../src/crypto/bounded-cache.ts'

const key = (value: number): Uint8Array => Uint8Array.of(value)

t.test('a full cache drops what was used longest ago', async t => {
  const cache = new BoundedCache<string>(2)
  cache.set(key(1), 'a')
  cache.set(key(2), 'b')
  t.equal(cache.get(key(1)), 'a')
  cache.set(key(3), 'c')
  t.equal(cache.get(key(2)), undefined)
  t.equal(cache.get(key(1)), 'a')
  t.equal(cache.get(key(3)), 'c')
  t.equal(cache.size, 2)
})

t.test('setting a key again replaces its value and takes no more room', async t => {
  const cache = new BoundedCache<string>(2)
  cache.set(key(1), 'a')
  cache.set(key(2), 'b')
  cache.set(key(1), 'c')
  t.equal(cache.size, 2)
  t.equal(cache.get(key(1)), 'c')
  t.equal(cache.get(key(2)), 'b')
})
