import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { fromHex } from '../../src/bytes.ts'
import { refusalOf } from './refusal.ts'
import { verifyReceipt } from '../../src/ledger/receipt.ts'
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

interface ReceiptVectors {
  readonly valid: readonly {
    readonly why: string
    readonly network: string
    readonly receipt: string
  }[]
  readonly invalid: readonly {
    readonly why: string
    readonly network: string
    readonly receipt: string
    readonly code: string
  }[]
}

function readReceipts(): ReceiptVectors {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, compared above
  return JSON.parse(readFileSync(new URL('receipts.json', folder), 'utf8')) as ReceiptVectors
}

t.test('the receipts in the files get the verdict that the files say', async t => {
  const { valid, invalid } = readReceipts()
  t.ok(
    valid.length >= 8 && invalid.length >= 60,
    `${valid.length} valid, ${invalid.length} invalid`
  )
  for (const { why, network, receipt } of valid)
    t.equal(
      refusalOf(() => verifyReceipt(fromHex(receipt), { genesis: fromHex(network) })),
      undefined,
      why
    )
  for (const { why, network, receipt, code } of invalid)
    t.equal(
      refusalOf(() => verifyReceipt(fromHex(receipt), { genesis: fromHex(network) }))?.code,
      code,
      why
    )
})
