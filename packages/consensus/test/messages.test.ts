import { isVitalchainError } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import {
  createReplica,
  decodeMessage,
  decodeVoteState,
  encodeMessage,
  step,
  type Message
} from '@vitalchain/consensus'
import { Bench } from './support.ts'

const bench = new Bench(4, 0)
const HASH = new Uint8Array(32).fill(5)
const prepared = bench.certificate('prepare', HASH)
const MESSAGES: readonly Message[] = [
  bench.proposal(),
  bench.proposal({
    view: 1,
    justification: bench.justification(1, [1, 2, 3], new Map([[2, prepared]]))
  }),
  bench.vote('prepare', 1, HASH),
  bench.vote('commit', 1, HASH, 7),
  bench.viewChange(2, 1),
  bench.viewChange(2, 1, prepared),
  { type: 'decided', certificate: bench.certificate('commit', HASH) },
  { type: 'status', height: 3, headHash: HASH, view: 0, clock: 1_700_000_000_000, version: 1 }
]

/** Decodes what may be anything: a message, or one of our errors. Any other error escapes and fails the test. */
function tryDecode(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes)
  } catch (error) {
    if (isVitalchainError(error)) return undefined
    throw error
  }
}

t.test('every message comes back from its bytes as it was', async t => {
  for (const message of MESSAGES)
    t.same(decodeMessage(encodeMessage(message)), message, message.type)
})

t.test('sizes on the wire', async t => {
  t.same(
    MESSAGES.map(message => [message.type, encodeMessage(message).length]),
    [
      ['proposal', 379],
      ['proposal', 946],
      ['prepare', 105],
      ['commit', 105],
      ['view-change', 107],
      ['view-change', 363],
      ['decided', 259],
      ['status', 48]
    ]
  )
})

t.test('whatever bytes arrive, decoding gives a message or one of our errors', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => (tryDecode(bytes), true)),
    { numRuns: 500 }
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...MESSAGES.map(encodeMessage)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (bytes, changes) => {
        const changed = bytes.slice()
        for (const [at, value] of changes) changed[at % changed.length] = value
        const message = tryDecode(changed)
        // One value has one encoding.
        return message === undefined || Buffer.compare(encodeMessage(message), changed) === 0
      }
    ),
    { numRuns: 1_500 }
  )
})

t.test('a message cut anywhere, or with bytes behind it, is refused', async t => {
  for (const bytes of MESSAGES.map(encodeMessage)) {
    for (let length = 0; length < bytes.length; length += 1) {
      if (tryDecode(bytes.subarray(0, length)) !== undefined) t.fail(`${length} bytes`)
    }
    t.throws(() => decodeMessage(Uint8Array.of(...bytes, 0)), { name: 'VitalchainError' })
  }
})

t.test('a vote state of any bytes is read or refused', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        decodeVoteState(bytes)
        return true
      } catch (error) {
        return isVitalchainError(error)
      }
    })
  )
})

t.test(
  'a replica survives any message that decodes, from anybody, before and after its start',
  async () => {
    const { config, context } = bench
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            message: fc.constantFrom(...MESSAGES),
            from: fc.option(fc.nat(9), { nil: undefined }),
            height: fc.integer({ min: 1, max: 4 }),
            view: fc.constantFrom(1, 2, 5, 6, 2 ** 31, 2 ** 32 - 1),
            sender: fc.nat(9)
          }),
          { maxLength: 30 }
        ),
        inputs => {
          let state = createReplica(config)
          inputs.forEach(({ message, from, ...changes }, k) => {
            const changed = 'sender' in message ? { ...message, ...changes } : message
            if (k === 3) [state] = step(state, { type: 'start', now: 1, context })
            ;[state] = step(state, { type: 'message', now: k, from, message: changed })
          })
          return true
        }
      ),
      { numRuns: 300 }
    )
  }
)
