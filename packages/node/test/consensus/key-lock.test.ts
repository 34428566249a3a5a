import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { lockKey } from '../../src/consensus/key-lock.ts'

const child = fileURLToPath(new URL('key-lock-child.ts', import.meta.url))

/** A process that takes the key, or says why it cannot. */
async function holder(
  t: Test,
  key: Uint8Array
): Promise<{ readonly said: string; readonly process: ChildProcess }> {
  const started = spawn(
    process.execPath,
    ['--conditions=@vitalchain/source', child, Buffer.from(key).toString('hex')],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  t.teardown(() => started.kill('SIGKILL'))
  const lines = createInterface(started.stdout)
  const [said] = (await once(lines, 'line')) as [string]
  return { said, process: started }
}

async function end(process: ChildProcess): Promise<void> {
  const gone = once(process, 'exit')
  process.kill('SIGKILL')
  await gone
}

t.test('a key is held by one process, and free at once when that is killed', async t => {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const first = await holder(t, key)
  t.equal(first.said, 'held')
  const second = await holder(t, key)
  t.equal(second.said, 'ERR_KEY_IN_USE')
  await t.rejects(lockKey(key), { code: 'ERR_KEY_IN_USE' })
  await end(first.process)
  const third = await holder(t, key)
  t.equal(third.said, 'held')
  await end(third.process)
})

t.test('of many that want the key of a killed process exactly one gets it', async t => {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const first = await holder(t, key)
  await end(first.process)
  const others = await Promise.all([1, 2, 3].map(() => holder(t, key)))
  t.same(others.map(({ said }) => said).toSorted(), ['ERR_KEY_IN_USE', 'ERR_KEY_IN_USE', 'held'])
  await Promise.all(others.map(each => end(each.process)))
})

t.test('in one process too a key is held once; another key does not care', async t => {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const lock = await lockKey(key)
  await t.rejects(lockKey(key), { code: 'ERR_KEY_IN_USE' })
  const other = await lockKey(crypto.getRandomValues(new Uint8Array(32)))
  await other.release()
  await lock.release()
  const again = await lockKey(key)
  await again.release()
})
