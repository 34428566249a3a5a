import {
  appendLeaves,
  EMPTY_FRONTIER,
  frontierHead,
  HASH_BYTES,
  leafHash,
  parseCheckpointBody,
  verifyCheckpointNote
} from '@vitalchain/core'
import t from 'tap'
import { until } from '../node/wait.ts'
import { ask, bearer, commit, deviceToken, startService } from './service.ts'

t.test('checkpoint, tiles and entries fit together, for whom they are meant', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const none = await ask(api, 'GET', '/checkpoint')
  t.equal(none.status, 404)
  t.match(none.json(), { code: 'ERR_NO_CHECKPOINT', retryable: true })

  const device = await service.device('monitor')
  for (let k = 0; k < 4; k++) await commit(service, await device.read())
  await until('the head is cosigned', () => node.checkpoints.latest()?.size === 5)

  const answer = await ask(api, 'GET', '/checkpoint')
  t.match(answer, { status: 200, type: 'text/plain; charset=utf-8' })
  const note = new TextDecoder().decode(answer.bytes)
  const { size, root } = verifyCheckpointNote(note, {
    network: node.network,
    validators: node.ledger.validators()
  })
  t.same(parseCheckpointBody(note.split('\n\n')[0] + '\n').root, root)

  const tile = await ask(api, 'GET', `/tile/0/000.p/${size}`, { headers: bearer() })
  t.match(tile, { status: 200, type: 'application/octet-stream' })
  t.match(tile.headers['cache-control'], /immutable/)
  const hashes = Array.from({ length: size }, (_, k) =>
    tile.bytes.slice(k * HASH_BYTES, (k + 1) * HASH_BYTES)
  )
  t.same(frontierHead(appendLeaves(EMPTY_FRONTIER, hashes)), { size, root })

  const entries = await ask(api, 'GET', `/tile/entries/000.p/${size}`, { headers: bearer() })
  t.equal(entries.status, 200)
  let at = 0
  for (const hash of hashes) {
    const length = entries.bytes[at]! * 256 + entries.bytes[at + 1]!
    t.same(leafHash(entries.bytes.subarray(at + 2, at + 2 + length)), hash)
    at += 2 + length
  }
  t.equal(at, entries.bytes.length)

  const token = await deviceToken(service.first, device, 'monitor')
  const path = `/tile/0/000.p/${size}`
  t.equal((await ask(api, 'GET', path)).status, 401, 'a stranger reads no tile')
  t.equal((await ask(api, 'GET', path, { headers: bearer(token) })).status, 200)
  const bundle = `/tile/entries/000.p/${size}`
  t.equal((await ask(api, 'GET', bundle)).status, 401)
  t.equal((await ask(api, 'GET', bundle, { headers: bearer(token) })).status, 403)

  for (const missing of [
    '/tile/0/000',
    `/tile/0/000.p/${size + 1}`,
    '/tile/0/000.p/0',
    '/tile/0/000.p/05',
    '/tile/0/000.p/256',
    '/tile/0/001.p/1',
    '/tile/0/0.p/1',
    '/tile/0/x000/000.p/1',
    '/tile/00/000.p/1',
    '/tile/64/000.p/1',
    '/tile/-1/000.p/1',
    '/tile/0/x999/x999/x999/x999/x999/999.p/1',
    '/tile/entries/000',
    '/tile/entries/%2e%2e/000.p/1'
  ]) {
    const refused = await ask(api, 'GET', missing, { headers: bearer() })
    t.equal(refused.status, 404, missing)
    t.equal(refused.json()['code'], 'ERR_NOT_FOUND')
  }
})
