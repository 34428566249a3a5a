import t from 'tap'
import type { Effect, Input } from '@vitalchain/consensus'
import { createHeightTiming } from '../../src/consensus/height-timing.ts'

type Event = Parameters<ReturnType<typeof createHeightTiming>['input']>[0]

/** Only what the timing looks at. */
const effect = (value: object): Effect => value as Effect
const input = (value: object): Event => value as Event & Input

function setup(): {
  at: (ms: number, thing: () => void) => void
  timing: ReturnType<typeof createHeightTiming>
  lines: object[]
} {
  let now = 0
  const lines: object[] = []
  const timing = createHeightTiming(
    () => now,
    (event, values) => lines.push({ event, ...values })
  )
  const at = (ms: number, thing: () => void): void => {
    now = ms
    thing()
  }
  return { at, timing, lines }
}

const block = { transactions: ['a', 'b'] }

const votes = (type: string): object[] => [{ message: { type, height: 5, view: 0, block } }]

const proposal = (view: number): Event =>
  input({ type: 'message', message: { type: 'proposal', height: 5, view, block } })

t.test('a leader is timed from the proposal it signs to its block on the disk', async t => {
  const { at, timing, lines } = setup()
  at(100, () => timing.effect(effect({ type: 'build' })))
  at(102, () => timing.effect(effect({ type: 'sign', votes: votes('proposal') })))
  at(105, () => timing.input(input({ type: 'signed', votes: [{ type: 'prepare' }] })))
  at(109, () => timing.effect(effect({ type: 'sign', votes: votes('commit') })))
  at(110, () => timing.input(input({ type: 'signed', votes: [{ type: 'commit' }] })))
  at(113, () => timing.effect(effect({ type: 'commit' })))
  t.same(lines, [])
  at(115, () => timing.input(input({ type: 'committed', context: { height: 6 } })))
  t.same(lines, [
    {
      event: 'height timing',
      height: 5,
      view: 0,
      leads: true,
      transactions: 2,
      syncs: 3,
      total: 13,
      build: 2,
      prepare: 3,
      prepares: 4,
      commit: 1,
      commits: 3,
      block: 2
    }
  ])
})

t.test(
  'another validator is timed from the proposal it hears, the newest if there are several',
  async t => {
    const { at, timing, lines } = setup()
    at(10, () => timing.input(proposal(0)))
    at(1_010, () => timing.input(proposal(1)))
    at(1_011, () => timing.input(proposal(1)))
    at(1_012, () => timing.input(input({ type: 'validated' })))
    at(1_020, () => timing.input(input({ type: 'committed', context: { height: 6 } })))
    t.match(lines, [{ view: 1, leads: false, total: 10, validate: 2, block: 8, syncs: 1 }])
  }
)

t.test('a block that catch-up brought says nothing', async t => {
  const { at, timing, lines } = setup()
  at(10, () => timing.input(input({ type: 'committed', context: { height: 6 } })))
  t.same(lines, [])
})
