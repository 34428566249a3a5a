import { join } from 'node:path'
import { readFile, stat } from 'node:fs/promises'
import t from 'tap'
import {
  createAdminApi,
  createHttpApi,
  createRoleTokens,
  openTokenFile,
  type TokenFile
} from '../../src/http/index.ts'
import { ROLE_TOKENS_MAX } from '../../src/http/role-tokens.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { bearer, TOKEN } from './service.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

/** A file in memory. */
function memoryFile(text?: string): TokenFile & { readonly written: string[] } {
  const written: string[] = []
  return {
    text,
    written,
    async write(text) {
      written.push(text)
    }
  }
}

t.test('a token opens until its day, and is kept as a hash', async t => {
  let now = 0
  const file = memoryFile()
  const tokens = createRoleTokens(() => now, file)
  const { token, ...told } = await tokens.create({ name: 'ward', role: 'reader', days: 2 })
  t.same(tokens.list(), [told])
  t.match(told, { name: 'ward', role: 'reader', created: 0, expires: 2 * DAY_MS })
  t.match(tokens.find(token), { role: 'reader', name: 'ward', goodMs: 2 * DAY_MS })
  t.equal(tokens.find(`${token}x`), undefined)
  t.equal(tokens.find(told.id), undefined)
  t.notMatch(file.written.at(-1), token)

  const again = createRoleTokens(() => now, memoryFile(file.written.at(-1)))
  t.match(again.find(token), { role: 'reader', name: 'ward' }, 'after a restart')
  now = 2 * DAY_MS
  t.equal(tokens.find(token), undefined)
  await tokens.create({ name: 'ward', role: 'monitor' })
  t.equal(tokens.list().length, 1, 'what is over makes room for its name')
})

t.test(
  'a token that could not be written was not made; one taken back opens nothing at once',
  async t => {
    const full: TokenFile = { text: undefined, write: () => Promise.reject(new Error('disk full')) }
    const tokens = createRoleTokens(Date.now, full)
    await t.rejects(tokens.create({ name: 'a', role: 'monitor' }), /disk full/)
    t.same(tokens.list(), [])
    const file = memoryFile()
    const kept = createRoleTokens(Date.now, file)
    const { token, id } = await kept.create({ name: 'a', role: 'monitor' })
    const revoked = kept.revoke(id)
    t.equal(kept.find(token), undefined, 'before the file is written')
    t.equal(await revoked, true)
    t.equal(await kept.revoke(id), false)
    t.same(createRoleTokens(Date.now, memoryFile(file.written.at(-1))).list(), [])
  }
)

t.test('there are so many tokens and no more, each with a name of its own', async t => {
  const tokens = createRoleTokens(Date.now)
  const all = Array.from({ length: ROLE_TOKENS_MAX }, (_, k) =>
    tokens.create({ name: `t${k}`, role: 'monitor' })
  )
  t.equal(new Set((await Promise.all(all)).map(({ id }) => id)).size, ROLE_TOKENS_MAX)
  await t.rejects(tokens.create({ name: 'one more', role: 'monitor' }), { code: 'ERR_BUSY' })
  await t.rejects(tokens.create({ name: 't7', role: 'reader' }), { code: 'ERR_NAME_TAKEN' })
})

t.test('a file that was not written so is refused, not overlooked', t => {
  const right = { id: '0'.repeat(16), name: 'a', role: 'reader', created: 1, expires: null }
  for (const text of [
    '',
    '[]',
    '{"format":"vitalchain-tokens/2","tokens":[]}',
    ...[{}, { ...right, role: 'king', hash: 'a'.repeat(64) }, { ...right, hash: 'short' }].map(
      each => JSON.stringify({ format: 'vitalchain-tokens/1', tokens: [each] })
    )
  ])
    t.throws(() => createRoleTokens(Date.now, memoryFile(text)), { code: 'ERR_FILE' }, text)
  t.end()
})

t.test('the file is for its owner alone, and whole after each change', async t => {
  const dir = t.testdir()
  const tokens = createRoleTokens(Date.now, await openTokenFile(dir))
  await Promise.all(['a', 'b', 'c'].map(name => tokens.create({ name, role: 'monitor' })))
  const path = join(dir, 'tokens.json')
  if (process.platform !== 'win32') t.equal((await stat(path)).mode & 0o777, 0o600)
  t.equal((JSON.parse(await readFile(path, 'utf8')) as { tokens: [] }).tokens.length, 3)
  t.same(createRoleTokens(Date.now, await openTokenFile(dir)).list(), tokens.list())
})

t.test('the administration is for operators; roles open what they say', async t => {
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const node = network.nodes[0]!
  const tokens = createRoleTokens(Date.now)
  const admin = createAdminApi({ node, token: TOKEN, tokens })
  const http = createHttpApi({ node, token: TOKEN, tokens })
  const create = async (
    body: unknown,
    token = TOKEN
  ): Promise<{ code?: string; token: string }> => {
    const answer = await admin.app.inject({
      method: 'POST',
      url: '/admin/tokens',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      payload: typeof body === 'string' ? body : JSON.stringify(body)
    })
    return answer.json()
  }
  const [operator, reader, monitor] = await Promise.all(
    (['operator', 'reader', 'monitor'] as const).map(role => create({ name: role, role }))
  )
  const status = async (api: typeof http, url: string, token: string): Promise<number> =>
    (await api.app.inject({ url, headers: bearer(token) })).statusCode
  for (const [url, api, allowed] of [
    ['/v1/members', http, [200, 200, 200]],
    ['/v1/devices', http, [200, 200, 403]],
    ['/v1/transactions', http, [200, 200, 403]],
    ['/admin/tokens', admin, [200, 403, 403]],
    ['/admin/backup', admin, [200, 403, 403]]
  ] as const)
    for (const [k, { token }] of [operator!, reader!, monitor!].entries())
      t.equal(await status(api, url, token), allowed[k], `${url} ${k}`)
  t.equal((await create({ name: 'x', role: 'reader' }, reader!.token)).code, 'ERR_FORBIDDEN')

  for (const body of [
    {},
    { name: 'x' },
    { name: '', role: 'reader' },
    { name: 'x', role: 'king' },
    { name: 'x', role: 'reader', days: 0 },
    { name: 'x', role: 'reader', days: 1.5 },
    { name: 'x', role: 'reader', more: 1 },
    { name: 'x'.repeat(65), role: 'reader' },
    []
  ])
    t.equal((await create(body)).code, 'ERR_SCHEMA', JSON.stringify(body))
  t.equal((await create('{')).code, 'ERR_ENCODING')
})
