import t from 'tap'
import { diagnosisLines } from '../../src/cli/doctor-text.ts'
import type { MemberReport } from '../../src/diagnosis/types.ts'

const BERN: MemberReport = {
  member: '02'.repeat(32),
  name: 'Bern',
  validator: true,
  self: false,
  linked: true,
  height: 7,
  view: 0,
  version: 1,
  clockSkewMs: 0,
  roundTripMs: 1,
  heardMs: 5,
  banned: false
}

function lastLine(members: readonly MemberReport[]): string | undefined {
  return diagnosisLines({
    at: 0,
    healthy: true,
    summary: 'All is well.',
    findings: [],
    members,
    quorum: { validators: 4, needed: 3, reachable: 1 }
  }).at(-1)
}

t.test('only a validator is told that it needs a quorum of its own links', async t => {
  t.equal(
    lastLine([{ ...BERN, self: true }]),
    'quorum: 3 of 4 validators are needed, 1 are reached'
  )
  t.equal(
    lastLine([BERN]),
    'quorum: 3 of 4 validators decide; this node is none of them, and is linked with 1'
  )
})
