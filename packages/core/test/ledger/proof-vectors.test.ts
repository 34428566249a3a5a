import { readFileSync } from 'node:fs'
import t from 'tap'
import { fromHex } from '../../src/bytes.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { proofVerdict, type Case } from './proof-case.ts'
import { refusalOf } from './refusal.ts'

useNodeCrypto()

interface Vector extends Pick<Case, 'form' | 'why' | 'input'> {
  readonly network: string
  readonly pin?: { readonly size: number; readonly root: string; readonly validators?: string }
  readonly code?: string
  readonly proves?: unknown
}

function read(): Readonly<Record<'valid' | 'invalid', readonly Vector[]>> {
  const file = new URL('../../../../test/vectors/proofs.json', import.meta.url)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, which a test compares with its maker
  return JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof read>
}

t.test('the proofs in the file get the verdict that the file says', async t => {
  const { valid, invalid } = read()
  t.ok(valid.length >= 15 && invalid.length >= 100, `${valid.length} and ${invalid.length}`)
  for (const each of [...valid, ...invalid]) {
    const { pin } = each
    const trust = {
      genesis: fromHex(each.network),
      pin: pin && {
        size: pin.size,
        root: fromHex(pin.root),
        validators: pin.validators === undefined ? undefined : fromHex(pin.validators)
      }
    }
    if (each.code === undefined) t.same(proofVerdict(each, trust), each.proves, each.why)
    else t.equal(refusalOf(() => proofVerdict(each, trust))?.code, each.code, each.why)
  }
})
