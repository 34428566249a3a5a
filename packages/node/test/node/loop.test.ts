import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { createLoop } from '../../src/loop.ts'

t.test('who wakes a loop ends its wait', async t => {
  const turns = countedTurns(Infinity)
  const loop = createLoop(turns.turn)
  loop.start()
  await turns.reached(1)
  loop.wake()
  await turns.reached(2)
  await loop.stop()
  t.equal(turns.count, 2)
})

t.test('who wakes it during a turn gets another turn', async t => {
  const turns = countedTurns(Infinity)
  const loop = createLoop(async () => {
    if (turns.count === 0) loop.wake()
    return turns.turn()
  })
  loop.start()
  await turns.reached(2)
  await loop.stop()
  t.equal(turns.count, 2)
})

t.test(
  'a loop that asks for no wait goes on, and ends its last turn before it has stopped',
  async t => {
    const turns = countedTurns(0)
    let inside = false
    const loop = createLoop(async signal => {
      inside = true
      const wait = await turns.turn()
      await new Promise(resolve => setImmediate(resolve))
      inside = false
      t.type(signal.aborted, 'boolean')
      return wait
    })
    loop.start()
    await turns.reached(3)
    await loop.stop()
    t.notOk(inside)
    const stopped = turns.count
    await new Promise(resolve => setImmediate(resolve))
    t.equal(turns.count, stopped)
  }
)

t.test('a loop that was stopped starts again', async t => {
  const turns = countedTurns(Infinity)
  const loop = createLoop(turns.turn)
  loop.start()
  await turns.reached(1)
  await loop.stop()
  loop.start()
  await turns.reached(2)
  await loop.stop()
  t.equal(turns.count, 2)
})

/** A turn that counts, and who waits for a count. */
function countedTurns(wait: number): {
  readonly count: number
  turn(this: void): Promise<number>
  reached(count: number): Promise<unknown>
} {
  const turned = new EventEmitter()
  let count = 0
  return {
    get count() {
      return count
    },
    async turn() {
      count++
      turned.emit(String(count))
      return wait
    },
    reached: async wanted => (count >= wanted ? undefined : once(turned, String(wanted)))
  }
}
