import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { createSupervisor } from '../../src/observe/supervisor.ts'

/** A socket as systemd has it, which Node.js cannot make: it writes each datagram as a line. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listens', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' | '), flush=True)
`

const needed = ['systemd-notify', 'python3'].filter(
  name => spawnSync(name, ['--version']).error !== undefined
)
const skip = needed.length > 0 && `not installed here: ${needed.join(', ')}`

async function listen(t: Test): Promise<{ path: string; next: () => Promise<string> }> {
  // Short: the path of a socket has at most 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'vc-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'notify')
  const child = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value)
  t.equal(await next(), 'listens')
  return { path, next }
}

t.test('a supervisor is told that the node is ready, lives and stops', { skip }, async t => {
  const { path, next } = await listen(t)
  const failed: unknown[] = []
  const supervisor = createSupervisor(
    {
      ...process.env,
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '200000',
      WATCHDOG_PID: `${process.pid}`
    },
    (...line) => failed.push(line)
  )
  t.teardown(() => supervisor.close())
  const ready = supervisor.ready()
  t.match(await next(), /READY=1 \| STATUS=takes part/)
  await ready
  const alive = async (): Promise<string> => {
    // Each message is followed by one with which systemd-notify waits until it was read.
    for (;;) {
      const line = await next()
      if (!line.startsWith('BARRIER=1')) return line
    }
  }
  t.match(await alive(), /WATCHDOG=1/)
  t.match(await alive(), /WATCHDOG=1/)
  supervisor.close()
  const stopping = supervisor.stopping()
  let line = await alive()
  while (line.startsWith('WATCHDOG=1')) line = await alive()
  t.match(line, /STOPPING=1 \| STATUS=drains/)
  await stopping
  t.same(failed, [])
})

t.test('a node tells its supervisor when it takes part and when it stops', { skip }, async t => {
  const { path, next } = await listen(t)
  const { hospitals } = await foundHospitals(t.testdir(), 1, error => t.fail(error.message))
  const [hospital] = hospitals
  t.teardown(() => hospital!.process.kill())
  process.env['NOTIFY_SOCKET'] = path
  t.teardown(() => delete process.env['NOTIFY_SOCKET'])
  await hospital!.process.start()
  t.match(await next(), /READY=1/)
  t.equal((await hospital!.api.status()).height, 0, 'its API answers by then')
  const stopped = hospital!.process.stop()
  let line = await next()
  while (!line.includes('STOPPING=1')) line = await next()
  t.equal(await stopped, true)
})

t.test('without a supervisor nothing is done, and one that is gone stops nobody', async t => {
  const failed: string[] = []
  const none = createSupervisor({}, event => failed.push(event))
  await none.ready()
  await none.stopping()
  t.same(failed, [])
  const gone = createSupervisor(
    { ...process.env, NOTIFY_SOCKET: join(t.testdir(), 'gone'), WATCHDOG_USEC: '1' },
    event => failed.push(event)
  )
  await gone.stopping()
  t.same(failed, ['supervisor not told'])
})
