import t from 'tap'
import { planReplay, withNote, type ReplayPlan } from '../../src/dev/replay-plan.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const MINUTE = 60_000
const minutes = 'minute,HR_bpm,SpO2_%\n0,70,97\n1,71,\n9,72,0\n'

t.test('a file that is replayed at once ends now, so that no reading is of the future', async t => {
  const plan = planReplay(minutes, { devices: 3, subject: undefined, now: NOW, inTime: false })
  t.equal(plan.startTime, NOW - 9 * MINUTE)
  t.equal(plan.readings, 5)
  t.same(
    plan.devices.map(({ columns, readings }) => [columns, readings.map(each => each.time)]),
    [
      [['HR_bpm'], [NOW - 9 * MINUTE, NOW - 8 * MINUTE, NOW]],
      [['SpO2_%'], [NOW - 9 * MINUTE, NOW]],
      [[], []]
    ]
  )
})

t.test('a file that is replayed in time begins now', async t => {
  const plan = planReplay(minutes, { devices: 1, subject: undefined, now: NOW, inTime: true })
  t.equal(plan.startTime, NOW)
})

t.test('a byte order mark does not hide the minutes', async t => {
  t.equal(planned(`\uFEFF${minutes}`).startTime, NOW)
})

function planned(text: string): ReplayPlan {
  return planReplay(text, { devices: 1, subject: undefined, now: NOW, inTime: true })
}

t.test('a file that would not come back as it is is refused, in words for a terminal', async t => {
  const twice = { code: 'ERR_CSV_VALUE', message: 'row 3', values: { row: 3 } }
  t.throws(() => planned('minute,HR_bpm\n0,70\n1,71\n0,72\n'), twice)
  for (const text of ['', '\uFEFF', '\n\r\n'])
    t.throws(() => planned(text), { message: /file is empty/ })
  t.throws(() => planned('minute,HR_bpm\n'), { code: 'ERR_CSV_FORMAT', message: /no readings/ })
  t.throws(() => planned(`minute,\u001b[31m${'x'.repeat(100)}\n`), {
    code: 'ERR_CSV_COLUMN',
    message: `no channel is known for the column ?[31m${'x'.repeat(59)}`,
    values: { column: `?[31m${'x'.repeat(59)}` }
  })
})

t.test('a file with times of its own keeps them', async t => {
  const text = 'id,time,gl\na,2020-01-01T00:00:00Z,100\nb,2020-01-01T00:05:00Z,90\n'
  const plan = planReplay(text, { devices: 1, subject: 'b', now: NOW, inTime: false })
  t.equal(plan.startTime, undefined)
  t.same(
    plan.devices[0]?.readings.map(({ time, value }) => [time, value]),
    [[Date.UTC(2020, 0, 1, 0, 5), 90]]
  )
})

t.test('a note stands before the first reading, at its time', async t => {
  const reading = { name: '8867-4', time: 5, value: 70 }
  t.same(withNote([reading], 'hello'), [{ name: 'note', time: 5, value: 'hello' }, reading])
  t.same(withNote([reading], undefined), [reading])
  t.same(withNote([], 'hello'), [], 'a device without readings says nothing')
})
