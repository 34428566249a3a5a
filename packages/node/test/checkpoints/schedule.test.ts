import t from 'tap'
import {
  CHECKPOINT_QUIET_MS,
  createCheckpointSchedule,
  type ScheduledHead
} from '../../src/checkpoints/schedule.ts'
import { rootOf } from './history.ts'

const START = 1_767_225_600_000

function head(size: number, after: number): ScheduledHead {
  return { history: { size, root: rootOf(size) }, time: START + after }
}

/** The sizes that a node signs which commits blocks at these times, ms after the start, and looks every 10 ms. */
function signed(
  blocks: readonly (readonly [time: number, committed: number])[],
  until: number
): number[] {
  const schedule = createCheckpointSchedule(head(0, -500), 0)
  const sizes: number[] = []
  const rest = blocks.map(([time, committed], k) => ({ time, committed, size: k + 1 }))
  for (let now = 0; now <= until; now += 10) {
    for (; rest[0] !== undefined && rest[0].committed <= now; rest.shift())
      schedule.committed(head(rest[0].size, rest[0].time), START + now, now)
    const taken = schedule.take(now)
    if (taken !== undefined) sizes.push(taken.size)
  }
  return sizes
}

t.test('under load the first block of each second is signed, by all alike', async t => {
  const times = Array.from({ length: 40 }, (_, k) => 30 + k * 97)
  const prompt = signed(
    times.map(time => [time, time + 20]),
    3_900
  )
  const slow = signed(
    times.map((time, k) => [time, time + 60 + (k % 7) * 30]),
    3_900
  )
  t.same(prompt, [1, 11, 22, 32])
  t.same(slow, prompt)
})

t.test('when load stops the newest head is signed', async t => {
  t.same(
    signed(
      [
        [100, 120],
        [200, 220],
        [300, 320]
      ],
      320 + CHECKPOINT_QUIET_MS - 10
    ),
    [1]
  )
  t.same(
    signed(
      [
        [100, 120],
        [200, 220],
        [300, 320]
      ],
      320 + CHECKPOINT_QUIET_MS
    ),
    [1, 3]
  )
})

t.test('a node that catches up signs where it arrives, not the past', async t => {
  const past = Array.from({ length: 50 }, (_, k) => [-100_000 + k * 1_000, 20 + k * 10] as const)
  t.same(signed(past, 2_000), [50])
})

t.test(
  'an empty history is not signed, and a wait ends when there is something to take',
  async t => {
    const schedule = createCheckpointSchedule(head(0, 0), 0)
    t.equal(schedule.wait(100), CHECKPOINT_QUIET_MS - 100)
    t.equal(schedule.take(CHECKPOINT_QUIET_MS), undefined)
    t.equal(schedule.wait(CHECKPOINT_QUIET_MS), Infinity)
    schedule.committed(head(1, 600), START + 600, 600)
    t.equal(schedule.wait(600), CHECKPOINT_QUIET_MS, 'of no new second')
    schedule.committed(head(2, 1_010), START + 1_010, 700)
    t.equal(schedule.wait(700), 0)
    t.equal(schedule.take(700)?.size, 2)
  }
)
