import { VitalchainError } from '@vitalchain/core'
import t from 'tap'
import { createKeeper, type Keeper } from '../../src/dev/keep-running.ts'

const killed = new VitalchainError('ERR_NODE_ENDED', 'the node of Hospital 2 ended with SIGKILL')
const broken = new VitalchainError('ERR_NODE_ENDED', 'the node of Hospital 2 ended with code 1')

/** A keeper of one hospital whose starts go as listed, and what it says. */
function keeping(...starts: readonly ('ready' | 'fails')[]) {
  const said: string[] = []
  const fault = Promise.withResolvers<unknown>()
  let count = 0
  const ready = Promise.withResolvers<void>()
  const keeper: Keeper = createKeeper({
    say(line) {
      said.push(line)
      if (line.includes('runs again')) ready.resolve()
    },
    onFault: fault.resolve,
    restartMs: 0
  })
  const hospital = {
    name: 'Hospital 2',
    process: {
      pid: 7,
      async start() {
        if (starts[count++] !== 'ready') throw broken
      }
    }
  }
  return { said, fault: fault.promise, ready: ready.promise, keeper, hospital, starts: () => count }
}

t.test('a node that ended is started again, also when the first try fails', async t => {
  const { said, ready, keeper, hospital } = keeping('fails', 'ready')
  keeper.ended(hospital, killed)
  await ready
  t.match(said, [
    /^the node of Hospital 2 ended with SIGKILL; it is started again in 0 s$/,
    /^Hospital 2 did not start again \(ERR_NODE_ENDED\), 1 of 3$/,
    /^Hospital 2 runs again: process 7$/
  ])
})

t.test('the run ends with the reason when three starts in a row fail', async t => {
  const { fault, keeper, hospital, starts } = keeping()
  keeper.ended(hospital, killed)
  t.equal(await fault, broken)
  t.equal(starts(), 3)
})

t.test('a node that ends at once after each start did not come back', async t => {
  const { said, fault, keeper, hospital, starts } = keeping('ready', 'ready', 'ready', 'ready')
  const process = {
    pid: 7,
    async start() {
      await hospital.process.start()
      setImmediate(() => keeper.ended({ name: 'Hospital 2', process }, killed))
    }
  }
  keeper.ended({ name: 'Hospital 2', process }, killed)
  t.equal(await fault, killed)
  t.equal(starts(), 3)
  t.match(said.at(-1), 'runs again', 'no promise that is not kept')
})

t.test('nothing is started after the stop', async t => {
  const { keeper, hospital, starts, said } = keeping('ready')
  keeper.ended(hospital, killed)
  keeper.stop()
  keeper.ended(hospital, killed)
  await new Promise(setImmediate)
  t.equal(starts(), 0)
  t.equal(said.length, 1)
})
