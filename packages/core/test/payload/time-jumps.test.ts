import t from 'tap'
import { createJumpFinder, TIME_JUMP_MS } from '../../src/payload/time-jumps.ts'

const DAY = 86_400_000

function jumps(times: readonly number[], name: string = '99504-3'): readonly unknown[] {
  const find = createJumpFinder()
  return times.map(time => find({ name, time })).filter(each => each !== undefined)
}

t.test(
  'readings that follow each other make no jump, a sensor that is changed included',
  async t => {
    t.same(jumps([0, 0, 300_000, 3 * DAY, 3 * DAY + TIME_JUMP_MS]), [])
  }
)

t.test('dates that jump by fourteen months are found, and so is the way back', async t => {
  const spring = Date.UTC(2014, 1, 3)
  const later = Date.UTC(2015, 3, 3)
  t.same(jumps([spring, spring + 1, later, later + 1, spring + 2]), [
    { name: '99504-3', from: spring + 1, to: later },
    { name: '99504-3', from: later + 1, to: spring + 2 }
  ])
})

t.test('a clock set back by a millisecond is found', async t => {
  t.same(jumps([5, 4]), [{ name: '99504-3', from: 5, to: 4 }])
})

t.test('each name has its own time', async t => {
  const find = createJumpFinder()
  t.equal(find({ name: 'a', time: 0 }), undefined)
  t.equal(find({ name: 'b', time: 100 * DAY }), undefined)
  t.equal(find({ name: 'a', time: 1 }), undefined)
  t.same(find({ name: 'b', time: 2 }), { name: 'b', from: 100 * DAY, to: 2 })
})

t.test('times at the ends of what numbers hold are compared too', async t => {
  t.equal(jumps([Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]).length, 1)
})
