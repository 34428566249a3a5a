import * as fc from 'fast-check'
import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import {
  agreeOnTime,
  signTime,
  timeAnswerFormat,
  timeSignBytes,
  type TimeAnswer,
  type TimeInterval
} from '../../src/device/time.ts'
import type { ValidatorSet } from '../../src/ledger/validators.ts'
import { seed, testSigner } from '../ledger/small-ledger.ts'

const network = seed('network')
const nonce = seed('nonce')
const NOW = 1_800_000_000_000

function members(count: number): ValidatorSet {
  return Array.from({ length: count }, (_, k) => ({
    member: seed(`member ${k}`),
    consensusKey: testSigner('ed25519', `consensus ${k}`).publicKey.bytes,
    checkpointKey: testSigner('ed25519', `checkpoint ${k}`).publicKey.bytes
  }))
}

function answer(k: number, clock: number, question = { network, nonce }): Promise<TimeAnswer> {
  const signer = testSigner('ed25519', `checkpoint ${k}`)
  return signTime(question, { member: seed(`member ${k}`), clock, signer })
}

/** What a device of `n` members makes of their clocks; undefined = no answer. */
async function agree(
  n: number,
  clocks: readonly (number | undefined)[],
  { roundTripMs = 100, precisionMs = 50 } = {}
): Promise<TimeInterval | undefined> {
  const answers = await Promise.all(
    clocks.flatMap((clock, k) => (clock === undefined ? [] : [answer(k, clock)]))
  )
  return agreeOnTime(answers, { network, nonce, validators: members(n), roundTripMs, precisionMs })
}

t.test('what is signed is fixed bytes of one network and one question', async t => {
  t.equal(
    toHex(timeSignBytes(network, nonce, NOW)),
    `${toHex(new TextEncoder().encode('vitalchain/time\0'))}${toHex(network)}${toHex(nonce)}000001a3185c5000`
  )
  const signed = await answer(0, NOW)
  t.strictSame(timeAnswerFormat.decode(timeAnswerFormat.encode(signed)), signed)
  t.throws(() => timeAnswerFormat.decode(timeAnswerFormat.encode({ ...signed, clock: -1 })), {
    code: 'ERR_SCHEMA'
  })
  await t.rejects(
    signTime({ network, nonce }, { member: nonce, clock: 0, signer: testSigner('es256', 'x') }),
    { code: 'ERR_KEY_INVALID' }
  )
})

t.test('members that agree give the time when their answers came', async t => {
  t.strictSame(await agree(4, [NOW, NOW, NOW, NOW]), { from: NOW - 50, to: NOW + 150 })
  t.strictSame(await agree(1, [NOW]), { from: NOW - 50, to: NOW + 150 })
})

t.test('what two of three allow counts, from the first such moment to the last', async t => {
  t.strictSame(await agree(4, [NOW, NOW + 80, NOW + 160]), { from: NOW + 30, to: NOW + 230 })
})

t.test('one member of four that lies changes nothing', async t => {
  for (const lie of [0, NOW - 86_400_000, NOW + 86_400_000, Number.MAX_SAFE_INTEGER])
    t.strictSame(await agree(4, [NOW, NOW, NOW, lie]), { from: NOW - 50, to: NOW + 150 })
})

t.test('a liar who stays near the truth cannot widen what honest members allow', async t => {
  for (let lie = -400; lie <= 400; lie += 50) {
    const agreed = (await agree(4, [NOW, NOW, NOW + lie]))!
    t.ok(agreed.from >= NOW - 50 && agreed.to <= NOW + 150, `a lie of ${lie} ms`)
    t.ok(agreed.from <= NOW && NOW + 100 <= agreed.to, `a lie of ${lie} ms`)
  }
})

t.test('fewer than 2f + 1 answers are no time, whatever they say', async t => {
  t.equal(await agree(4, [NOW, NOW]), undefined)
  t.equal(await agree(7, [NOW, NOW, NOW, NOW]), undefined)
  t.ok(await agree(7, [NOW, NOW, NOW, NOW, NOW]))
})

t.test('answers of which no f + 1 agree are no time', async t => {
  t.equal(await agree(4, [NOW, NOW + 1_000, NOW + 2_000, NOW + 3_000]), undefined)
  t.equal(await agree(7, [NOW, NOW, NOW + 9_999, NOW + 9_999, 0]), undefined)
})

t.test('what is not a validator’s own answer to this question does not count', async t => {
  const good = [await answer(0, NOW), await answer(1, NOW)]
  const question = {
    network,
    nonce,
    validators: members(4),
    roundTripMs: 100,
    precisionMs: 50
  }
  const third = await answer(2, NOW)
  t.ok(agreeOnTime([...good, third], question))
  for (const [name, bad] of Object.entries({
    'a stranger': await answer(4, NOW),
    'another nonce': await answer(2, NOW, { network, nonce: seed('other') }),
    'another network': await answer(2, NOW, { network: nonce, nonce }),
    'another clock than signed': { ...third, clock: NOW + 1 },
    'the name of another': { ...third, member: seed('member 3') },
    'the same member twice': good[1]!
  }))
    t.equal(agreeOnTime([...good, bad], question), undefined, name)
})

t.test(
  'however f members lie, the time is within, and the bound is what one honest answer allows',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(4, 7, 10),
        fc.nat(2_000),
        fc.nat(200),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.infiniteStream(fc.integer({ min: -3_000, max: 3_000 })),
        async (n, roundTripMs, precisionMs, dice, lies) => {
          const f = (n - 1) / 3
          const roll = (): number => dice.next().value as number
          const clocks = Array.from({ length: 2 * f + 1 }, (_, k) => {
            if (k < f) return NOW + (lies.next().value as number)
            // Signed at some moment of the round trip by a clock that is off by at most the precision.
            return Math.round(NOW + roll() * roundTripMs + (2 * roll() - 1) * precisionMs)
          })
          const agreed = await agree(n, clocks, { roundTripMs, precisionMs: precisionMs + 1 })
          const truth = NOW + roundTripMs
          if (agreed === undefined) return false
          const width = agreed.to - agreed.from
          return (
            agreed.from <= truth &&
            truth <= agreed.to &&
            width <= 2 * roundTripMs + 4 * (precisionMs + 1)
          )
        }
      ),
      { numRuns: 60, seed: 5 }
    )
  }
)
