import { join } from 'node:path'
import t from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { until } from '../node/wait.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { run, type Ran } from './run.ts'

startPlainProcesses()

function vote(dir: string | undefined, version: string, at: string, seconds = '20'): Promise<Ran> {
  return run(
    'member',
    'activate',
    version,
    '--at',
    at,
    '--data-dir',
    dir ?? '',
    '--timeout',
    seconds
  )
}

t.test(
  'members activate a protocol version, and nodes that do not know it end with its name',
  async t => {
    const ends: string[] = []
    const { hospitals } = await foundHospitals(join(t.testdir({}), 'network'), 4, ({ message }) =>
      ends.push(message)
    )
    t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
    await Promise.all(hospitals.map(({ process }) => process.start()))
    const [first, second, third, fourth] = hospitals.map(({ dataDir }) => dataDir)

    const voted = await vote(first, '2', '5')
    t.match(voted, {
      exit: 0,
      out: ['Protocol version 1.', '  Hospital 1 votes for version 2 from block 5 on']
    })
    await vote(second, '2', '5')
    const decided = await vote(third, '2', '5')
    t.same(decided.out, ['Protocol version 1; version 2 from block 5 on.'], decided.err.join())
    const doctor = await run('doctor', '--data-dir', first!)
    t.equal(doctor.exit, 1)
    t.match(doctor.out.join('\n'), /critical: VERSION_ENDS/)

    // Block 4: the last of version 1.
    await vote(fourth, '3', '100', '2')
    await until('all nodes ended', () => ends.length === 4)
    for (const message of ends)
      t.match(
        message,
        /activated protocol version 2 from block 5 on, and this software knows versions up to 1 \(ERR_PROTOCOL_VERSION\)/
      )
    const stopped = await run('doctor', '--data-dir', first!)
    t.match(
      stopped.out.join('\n'),
      /critical: PROTOCOL_VERSION .*\n.*activated\n? *protocol version 2/
    )
    const again = await run('start', '--data-dir', first!)
    t.equal(again.exit, 1)
    t.match(again.err.join('\n'), /ERR_PROTOCOL_VERSION/)
  }
)
