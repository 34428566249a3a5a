import * as fc from 'fast-check'
import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import {
  CLAIM_NETWORK_BYTES,
  CLAIM_SECRET_BYTES,
  claimId,
  claimSigner,
  claimText,
  isClaimOf,
  parseClaimText
} from '../../src/device/claim.ts'
import { refusalOf } from '../ledger/refusal.ts'
import { seed } from '../ledger/small-ledger.ts'

const network = seed('network')
const secret = seed('claim').subarray(0, CLAIM_SECRET_BYTES)
const text = claimText(network, secret)

t.test('the text of a claim is short, and comes back from what people type', async t => {
  t.match(text, /^VC1(-[0-9A-HJKMNP-TV-Z]{4}){9}$/)
  const claim = { network: network.slice(0, CLAIM_NETWORK_BYTES), secret }
  for (const typed of [
    text,
    text.toLowerCase(),
    text.replaceAll('-', ''),
    ` ${text.replaceAll('-', ' ')}\n`,
    text.replaceAll('0', 'o').replaceAll('1', 'L')
  ]) {
    t.strictSame(parseClaimText(typed), claim, typed)
  }
  t.ok(isClaimOf(claim, network))
  t.notOk(isClaimOf(claim, seed('other network')))
})

function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length })
}

t.test('any secret and network survive', async t => {
  fc.assert(
    fc.property(bytes(32), bytes(CLAIM_SECRET_BYTES), (of, hidden) => {
      const read = parseClaimText(claimText(of, hidden))
      return toHex(read.secret) === toHex(hidden) && isClaimOf(read, of)
    }),
    { seed: 1, numRuns: 200 }
  )
  t.pass('200 claims')
})

t.test(
  'each wrong character, and each two swapped ones, are noticed; no error shows the text',
  async t => {
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === '7' ? '8' : '7'
      const wrong = [text.slice(0, at) + other + text.slice(at + 1)]
      const [one = '', two = ''] = text.slice(at, at + 2)
      if (one !== two && one !== '-' && two !== '-' && two !== '')
        wrong.push(text.slice(0, at) + two + one + text.slice(at + 2))
      for (const typed of wrong) {
        const error = refusalOf(() => parseClaimText(typed))
        t.equal(error?.code, 'ERR_CLAIM_TEXT', typed)
        t.notOk(error?.message.includes(typed.slice(4, 12)))
      }
    }
    for (const typed of ['', 'VC1', text.slice(0, -1), `${text}0`, text.replace('VC1', 'VC2')])
      t.throws(() => parseClaimText(typed), { code: 'ERR_CLAIM_TEXT' })
  }
)

t.test('a claim has one key and one identifier, which do not tell its secret', async t => {
  const signer = claimSigner(secret)
  t.strictSame(claimSigner(secret.slice()).publicKey, signer.publicKey)
  t.equal(claimId(signer.publicKey).length, 32)
  t.not(
    toHex(claimSigner(seed('x').subarray(0, 16)).publicKey.bytes),
    toHex(signer.publicKey.bytes)
  )
})
