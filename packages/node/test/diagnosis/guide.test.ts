import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const source = new URL('../../src/diagnosis/', import.meta.url)
const guide = new URL('../../../../docs/guides/troubleshooting.md', import.meta.url)

t.test('the troubleshooting guide explains every finding of the doctor, and no other', async t => {
  const found = new Set(['DISK_FULL'])
  for (const name of readdirSync(fileURLToPath(source))) {
    const text = readFileSync(new URL(name, source), 'utf8')
    if (!name.startsWith('check-')) continue
    for (const [, code = ''] of text.matchAll(/code: '([A-Z_]+)'/g)) found.add(code)
    for (const [, code = ''] of text.matchAll(/^ {2}(?:ERR_)?([A-Z_]+):/gm)) found.add(code)
  }
  t.ok(found.size > 45, `${found.size} codes`)
  const rows = readFileSync(guide, 'utf8').matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) *\|/gm)
  const explained = [...rows].flatMap(([, cell = '']) => cell.match(/[A-Z_]+/g) ?? [])
  t.same(
    [...found].filter(code => !explained.includes(code)),
    [],
    'codes that the guide lacks'
  )
  t.same(
    explained.filter(code => !found.has(code)),
    [],
    'codes that the doctor does not know'
  )
})
