import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCli } from '../../src/cli/main.ts'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'
import { until } from '../node/wait.ts'

/** One hospital whose directory does not say that its key is new. */
async function hospitalWithoutVotes(t: Test): Promise<Hospital> {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const [hospital] = hospitals
  if (hospital === undefined) throw new Error('no hospital')
  await rm(join(hospital.dataDir, 'new-keys'), { recursive: true })
  return hospital
}

/** Runs the command until it is ready and something was looked at; what it wrote on the standard error. */
async function running(
  look: (err: readonly string[]) => Promise<void>,
  ...argv: readonly string[]
): Promise<{ readonly exit: number; readonly err: readonly string[] }> {
  const stop = new AbortController()
  const ready = Promise.withResolvers<undefined>()
  const err: string[] = []
  const ended = runCli(argv, {
    out: () => ready.resolve(undefined),
    err: line => void err.push(...line.split('\n')),
    stop: stop.signal,
    inputEnd: () => new Promise(() => undefined)
  })
  await Promise.race([ready.promise, ended])
  if (err.every(line => !line.startsWith('error:'))) await look(err)
  stop.abort()
  return { exit: await ended, err }
}

const nothing = async (): Promise<void> => undefined

t.test(
  'a node without the votes of its key says so, and votes when its operator accepts the risk',
  async t => {
    const { dataDir, api } = await hospitalWithoutVotes(t)
    const start = ['start', '--data-dir', dataDir]
    const before = await running(
      async () => {
        t.match(await api.status(), { votes: false })
      },
      ...start
    )
    t.match(before.err.join(), 'votes of this key are missing')
    const accepted = await running(
      async err => {
        t.match(await api.status(), { votes: true })
        await until('it is on the chain', () =>
          err.some(line => line.includes('the override is on the chain'))
        )
      },
      ...start,
      '--i-accept-double-sign-risk'
    )
    t.match(accepted.err[0], '--i-accept-double-sign-risk: if votes')
    t.equal(accepted.exit, 0)
    t.match(accepted.err.join(), 'the override waits for a block')
    const after = await running(
      async () => {
        t.match(await api.status(), { votes: true }, 'its votes are whole now')
      },
      ...start
    )
    t.notMatch(after.err.join(), 'the override', 'once is enough')
  }
)

t.test('who has no operator key accepts no risk, and who names a signer has no key', async t => {
  const { dataDir } = await hospitalWithoutVotes(t)
  const file = join(dataDir, 'keys.json')
  const keys = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>
  const { operator: _operator, ...others } = keys
  await writeFile(file, JSON.stringify(others), { mode: 0o600 })
  const start = ['start', '--data-dir', dataDir]
  const risky = await running(nothing, ...start, '--i-accept-double-sign-risk')
  t.equal(risky.exit, 1)
  t.match(risky.err.at(-1), 'ERR_NO_OPERATOR')
  const config = join(dataDir, 'node.json')
  const said = JSON.parse(await readFile(config, 'utf8')) as Record<string, unknown>
  await writeFile(config, JSON.stringify({ ...said, signer: '/nowhere.sock' }))
  const both = await running(nothing, ...start)
  t.equal(both.exit, 2)
  t.match(both.err.at(-1), 'ERR_FILE')
})
