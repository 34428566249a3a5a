import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { fromHex } from '../../src/bytes.ts'
import { refusalOf } from './refusal.ts'
import { verifierOf } from './receipt-cases.ts'
import { makeVectors, vectorText } from './vectors.ts'

const folder = new URL('../../../../test/vectors/', import.meta.url)

t.test('the vector files are what tools/make-vectors.ts makes today', async t => {
  const vectors = await makeVectors()
  const names = Object.keys(vectors).map(name => `${name}.json`)
  t.same(
    readdirSync(folder).filter(name => name.endsWith('.json')),
    names.toSorted()
  )
  for (const [name, vector] of Object.entries(vectors)) {
    // Compared as a whole: a difference of megabytes helps nobody, "run tools/make-vectors.ts and read the diff" does.
    t.ok(
      readFileSync(new URL(`${name}.json`, folder), 'utf8') === vectorText(vector),
      `${name}.json is current`
    )
  }
})

interface ReceiptVector {
  readonly kind: string
  readonly why: string
  readonly network: string
  readonly pin?: { readonly size: number; readonly root: string; readonly validators?: string }
  readonly receipt: string
  readonly code?: string
}

function readReceipts(): Readonly<Record<'valid' | 'invalid', readonly ReceiptVector[]>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, compared above
  return JSON.parse(readFileSync(new URL('receipts.json', folder), 'utf8')) as ReturnType<
    typeof readReceipts
  >
}

t.test('the receipts in the files get the verdict that the files say', async t => {
  const { valid, invalid } = readReceipts()
  t.ok(
    valid.length >= 20 && invalid.length >= 600,
    `${valid.length} valid, ${invalid.length} invalid`
  )
  t.ok(new Set(invalid.map(each => each.kind)).size >= 20, 'of many kinds of damage')
  for (const { kind, why, network, pin, receipt, code } of [...valid, ...invalid]) {
    const verify = verifierOf({
      network: fromHex(network),
      pin: pin && {
        size: pin.size,
        root: fromHex(pin.root),
        validators: pin.validators === undefined ? undefined : fromHex(pin.validators)
      }
    })
    t.equal(refusalOf(() => verify(fromHex(receipt)))?.code, code, `${kind}: ${why}`)
  }
})
