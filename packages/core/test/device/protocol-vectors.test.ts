import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { vectorText } from '../ledger/vectors.ts'
import { makeDeviceVectors } from './protocol-vectors.ts'

const folder = new URL('../../../../test/vectors/device/', import.meta.url)

t.test('the vectors for device makers are what tools/make-vectors.ts makes today', async t => {
  const vectors = await makeDeviceVectors()
  t.same(
    readdirSync(folder).toSorted(),
    Object.keys(vectors)
      .map(name => `${name}.json`)
      .toSorted()
  )
  for (const [name, vector] of Object.entries(vectors))
    t.ok(
      readFileSync(new URL(`${name}.json`, folder), 'utf8') === vectorText(vector),
      `${name}.json is current`
    )
})

t.test('the guide shows the bytes of the first statement', async t => {
  const guide = readFileSync(
    new URL('../../../../docs/device-protocol.md', import.meta.url),
    'utf8'
  )
  const table = /^94 .*array of 20\n(?:.+\n)+?(?=```)/m.exec(guide)?.[0] ?? ''
  const shown = table
    .split('\n')
    .map(line => (/^[0-9a-f ]+(?= {2}|$)/.exec(line)?.[0] ?? '').replaceAll(' ', ''))
    .join('')
  const { statements } = await makeDeviceVectors()
  t.match(statements, { statements: [{ bytes: shown }] })
  t.ok(shown.length > 400)
})
