import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Codes that stand as string literals in the source of the packages, with a file that has each. */
function codesOfSource(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const name of readdirSync(join(root, 'packages'))) {
    const source = join(root, 'packages', name, 'src')
    for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      const text = readFileSync(join(source, file), 'utf8')
      for (const [, code = ''] of text.matchAll(/['"](ERR_[A-Z0-9_]+)['"]/g))
        found.set(code, `packages/${name}/src/${file}`)
    }
  }
  return found
}

/** Codes in the first column of the tables of `docs/errors.md`. */
function codesOfPage(): readonly string[] {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  return [...page.matchAll(/^\| `(ERR_[A-Z0-9_]+)`/gm)].map(([, code = '']) => code)
}

t.test('every error code of the source is explained in docs/errors.md', async t => {
  const listed = new Set(codesOfPage())
  const missing = [...codesOfSource()]
    .filter(([code]) => !listed.has(code))
    .map(([code, file]) => `${code} (${file})`)
  t.same(missing, [], 'codes that the page lacks')
})

t.test('every error code in docs/errors.md is in the source, and stands there once', async t => {
  const used = codesOfSource()
  const page = codesOfPage()
  t.ok(page.length > 50, `${page.length} codes`)
  t.same(
    page.filter(code => !used.has(code)),
    [],
    'codes that no source has'
  )
  t.same(
    page.filter((code, at) => page.indexOf(code) !== at),
    [],
    'codes that stand twice'
  )
})
