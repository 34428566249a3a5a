import { chmod, readFile, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { genesisFormat } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import type { Diagnosis } from '../../src/diagnosis/types.ts'
import { run } from './run.ts'

async function doctor(dataDir: string): Promise<{ exit: number; diagnosis: Diagnosis }> {
  const { exit, out } = await run('doctor', '--data-dir', dataDir, '--json')
  return { exit, diagnosis: JSON.parse(out.join('')) as Diagnosis }
}

async function codes(t: Test, dataDir: string): Promise<readonly string[]> {
  const { exit, diagnosis } = await doctor(dataDir)
  t.equal(exit, 1)
  for (const { act } of diagnosis.findings) t.ok(act.length > 10, act)
  return diagnosis.findings.map(({ code, subject }) => `${code} ${subject?.split('/').at(-1)}`)
}

t.test(
  'the doctor asks a node that runs, and looks at the directory of one that does not',
  async t => {
    const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
    const { process: node, dataDir, url } = hospitals[0]!
    t.teardown(() => node.kill())
    t.same(await codes(t, dataDir), [`NOT_RUNNING hospital-1`], 'never started, and ready to')

    await node.start()
    const running = await doctor(dataDir)
    t.equal(running.exit, 0)
    t.match(running.diagnosis, { healthy: true, quorum: { needed: 1, reachable: 1 } })
    const token = join(dataDir, 'api-token')
    const { exit, out } = await run('doctor', '--url', url, '--token-file', token)
    t.equal(exit, 0)
    t.match(out[0], 'All is well: 1 of 1 validators')
    t.match(out.join('\n'), /Hospital 1 \(this node\) +0 +0/)
    t.match(out.at(-1), 'quorum: 1 of 1 validators are needed, 1 are reached')

    await node.kill()
    t.same(await codes(t, dataDir), [`NOT_RUNNING hospital-1`])
    const text = await run('doctor', '--data-dir', dataDir)
    t.match(text.out.join('\n'), /warning: NOT_RUNNING.*\n  The node is not running/)
    t.match(text.out.join('\n'), 'What to do: Start it: `vitalchain start')
    const unreachable = await run('doctor', '--url', url, '--token-file', token)
    t.equal(unreachable.exit, 1)
    t.match(unreachable.err.join(), /no node answers at .*ERR_UNREACHABLE/)
  }
)

t.test('a node that could not start: the doctor names each reason at once', async t => {
  const { hospitals, founded } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir, process: node } = hospitals[0]!
  const genesis = join(dataDir, 'genesis.cbor')
  const config = join(dataDir, 'node.json')

  await chmod(join(dataDir, 'keys.json'), 0o644)
  const right = await readFile(config, 'utf8')
  const settings = JSON.parse(right) as { readonly http: object }
  await writeFile(config, JSON.stringify({ ...settings, listen: ['nowhere'] }))
  await writeFile(genesis, 'no genesis')
  t.same(await codes(t, dataDir), [
    'CONFIG hospital-1',
    'FILE genesis.cbor',
    'KEYS_READABLE keys.json',
    'NOT_RUNNING hospital-1'
  ])
  await chmod(join(dataDir, 'keys.json'), 0o600)
  await writeFile(genesis, founded.document)

  const taken = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await writeFile(
    config,
    JSON.stringify({
      ...settings,
      http: { host: '127.0.0.1', port },
      bootstrap: ['/ip4/127.0.0.1/tcp/1']
    })
  )
  t.same(await codes(t, dataDir), [
    `ADDRESS_IN_USE 127.0.0.1:${port}`,
    'NOT_RUNNING hospital-1',
    'ADDRESS_WRONG 1'
  ])

  await writeFile(config, right)
  await node.start()
  await node.kill()
  await writeFile(genesis, genesisFormat.encode({ ...founded.genesis, name: 'another' }))
  t.same(await codes(t, dataDir), ['STORE_NETWORK ledger', 'NOT_RUNNING hospital-1'])
})

t.test('a doctor that is called wrongly says so', async t => {
  t.match(await run('doctor'), { exit: 2, err: [/--data-dir, or --url and --token-file/] })
  t.match(await run('doctor', '--data-dir', join(t.testdir(), 'nowhere')), {
    exit: 2,
    err: [/there is no directory/]
  })
})
