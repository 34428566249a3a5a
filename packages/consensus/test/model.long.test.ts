import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  CALM,
  TAMPERINGS,
  TraceRecorder,
  encodeModelEvent,
  modelTest,
  randomScenario,
  runScenario,
  tamper,
  type ModelTrace
} from '@vitalchain/consensus/simulator'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

function record(fixed: Parameters<typeof randomScenario>[1]): ModelTrace[] {
  const scenario = randomScenario(5, { validators: 4, ...fixed })
  const watcher = new TraceRecorder(scenario.faulty.keys())
  const { violation } = runScenario({ ...scenario, watcher })
  if (violation !== undefined) throw new Error(violation)
  return watcher.traces()
}

t.test('a height without faults is propose, prepare, commit, decide', async t => {
  const [trace] = record({ ...CALM, heights: 1 })
  t.ok(trace)
  const { events, leaders, validators, faulty } = trace!
  t.same({ validators, faulty }, { validators: 4, faulty: [] })
  const of = (replica: number): string[] =>
    events.filter(event => event.replica === replica).map(event => event.action)
  const leader = leaders[0]!
  const vote = ['write', 'say']
  t.same(of(leader), ['restart', 'askProposalAndPrepare', ...vote, 'askCommit', ...vote, 'decide'])
  for (const follower of [0, 1, 2, 3].filter(index => index !== leader)) {
    const begins = ['restart', 'accept', 'askPrepare', ...vote, 'askCommit', ...vote]
    t.same(of(follower).slice(0, begins.length), begins)
  }
  t.ok(events.every(event => event.view === 0 && event.value <= 0))
})

t.test('a recorded run is the same run', async t => {
  const scenario = randomScenario(9, { validators: 5, changes: [], record: true })
  const watcher = new TraceRecorder(scenario.faulty.keys())
  t.same(runScenario({ ...scenario, watcher }).transcript, runScenario(scenario).transcript)
})

t.test(
  'who kept its votes and lost only blocks is not recorded as one that lost its votes',
  async t => {
    let lost = 0
    for (let seed = 1; seed <= 40; seed += 1) {
      const scenario = randomScenario(seed, {
        validators: 4,
        faulty: new Map(),
        lost: new Map([[1, 'chain-rolled-back']]),
        changes: [],
        startViews: undefined,
        heights: 6
      })
      const watcher = new TraceRecorder(scenario.faulty.keys())
      const { violation } = runScenario({ ...scenario, watcher })
      if (violation !== undefined) t.fail(`seed ${seed}: ${violation}`)
      for (const { height, events } of watcher.traces()) {
        const at = events.findIndex(event => event.action === 'lose' && event.replica === 1)
        if (at < 0) continue
        lost += 1
        const after = events.slice(at).filter(event => event.replica === 1)
        const votes = after.filter(event => event.action.startsWith('ask'))
        t.same(votes, [], `seed ${seed} height ${height}: its votes are of a later height`)
      }
    }
    t.ok(lost > 0, `${lost} heights whose votes made room for later ones`)
  }
)

t.test('an event is eighteen digits', async t => {
  const event = {
    action: 'accept',
    replica: 2,
    view: 3,
    value: 1,
    signers: [0, 1, 3],
    claims: [
      { sender: 0, view: 1, value: 1 },
      { sender: 3, view: -1, value: -1 }
    ]
  } as const
  t.equal(encodeModelEvent(event), '32320b000010000032')
})

t.test('a number that has no digit is refused, not cut off', async t => {
  const [trace] = record({ ...CALM, heights: 1 })
  const [first] = trace!.events
  const wide = { ...trace!, events: [{ ...first!, view: 16 }] }
  t.throws(() => modelTest('wide', wide), RangeError)
})

t.test(
  'every falsification changes the events, and leaves the trace it was given alone',
  async t => {
    const [trace] = record({ ...CALM, heights: 1 })
    const before = JSON.stringify(trace)
    const applied = TAMPERINGS.filter(tampering => {
      const falsified = tamper(trace!, tampering)
      if (falsified !== undefined) t.notSame(falsified.events, trace!.events, tampering.name)
      return falsified !== undefined
    })
    t.ok(applied.length >= 6, 'those about view changes find no place here')
    t.equal(JSON.stringify(trace), before)
  }
)

t.test(
  'the formal model holds, loses agreement without a rule, and tells true traces from false',
  async t => {
    const args = ['--conditions=@vitalchain/source', 'tools/model.ts', '--quick']
    // Without what tap loads into processes to count the code that they reach: Quint's is not ours.
    const { NODE_OPTIONS: _, ...env } = process.env
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env })
    t.match(stdout, /protocol n = 4.*: no violation in 40 runs/)
    t.match(stdout, /traces n = 4: 10 of 10 accepted/)
    t.match(stdout, /falsified traces n = 4: 12 of 12 refused, 12 kinds/)
    t.equal(stdout.match(/mutant .*: loses agreement/g)?.length, 1)
    t.match(stdout, /checks 4, surprises 0/)
  }
)
