import { readFileSync } from 'node:fs'
import t from 'tap'
import { startFuzzedService } from './fuzzed-service.ts'

t.test('the reference lists every operation of both servers, and no other', async t => {
  const service = await startFuzzedService()
  t.teardown(() => service.stop())
  const page = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/^\| `((?:GET|POST|PUT|DELETE) [^`]*)`/gm)].map(
    ([, row = '']) => row
  )
  const operations = [...service.api.operations, ...service.admin.operations]
  const isOf = (row: string, { method, path }: (typeof operations)[number]): boolean => {
    // A row names parameters as it likes, and the query behind the path.
    const pattern = path.replace('{path}', '.+').replaceAll(/\{\w+\}/g, '\\{[^/]+')
    return new RegExp(`^${method} ${pattern}(\\?.*| or .*)?$`).test(row)
  }
  t.same(
    operations
      .filter(operation => !listed.some(row => isOf(row, operation)))
      .map(({ method, path }) => `${method} ${path}`),
    [],
    'operations that the page lacks'
  )
  // Pages, and what comes with settings of a node that this one does not have.
  const beyond = new Set(['GET /', 'GET /metrics', 'GET /admin/log-level', 'PUT /admin/log-level'])
  t.same(
    listed.filter(row => !beyond.has(row) && !operations.some(each => isOf(row, each))),
    [],
    'rows that are no operations'
  )
})
