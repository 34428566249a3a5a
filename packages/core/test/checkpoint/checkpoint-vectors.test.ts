import { readFileSync } from 'node:fs'
import t from 'tap'
import { fromHex } from '../../src/bytes.ts'
import { refusalOf } from '../ledger/refusal.ts'
import type { Json } from '../ledger/vector-json.ts'
import { checkpointVerdict } from './checkpoint-verdict.ts'

type Case = Parameters<typeof checkpointVerdict>[0] & { readonly why: string }

interface CheckpointVectors {
  readonly network: string
  readonly validators: readonly { readonly member: string; readonly checkpointKey: string }[]
  readonly valid: readonly (Case & { readonly proves: Json })[]
  readonly invalid: readonly (Case & { readonly code: string })[]
}

const file = new URL('../../../../test/vectors/checkpoints.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as CheckpointVectors

/** What the file says is trusted. A validator's consensus key signs no checkpoint. */
const trust = {
  network: fromHex(vectors.network),
  validators: vectors.validators.map(({ member, checkpointKey }) => ({
    member: fromHex(member),
    checkpointKey: fromHex(checkpointKey),
    consensusKey: new Uint8Array(32)
  }))
}

t.test('the checkpoints in the file get the verdict that the file says', async t => {
  t.ok(vectors.valid.length >= 12 && vectors.invalid.length >= 150, `${vectors.invalid.length}`)
  for (const each of vectors.valid)
    t.same(checkpointVerdict(each, trust), each.proves, `${each.form}: ${each.why}`)
  for (const each of vectors.invalid)
    t.equal(
      refusalOf(() => checkpointVerdict(each, trust))?.code,
      each.code,
      `${each.form}: ${each.why}`
    )
})
