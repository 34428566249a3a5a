import t from 'tap'
import { diagnose } from '../../src/diagnosis/diagnose.ts'
import type {
  MemberObservation,
  NodeObservation,
  Observations
} from '../../src/diagnosis/observations.ts'
import type { Probe, ProbeOutcome } from '../../src/diagnosis/probe.ts'
import type { MemberReport } from '../../src/diagnosis/types.ts'
import { codesOf, NAMES } from './hospitals.ts'

const NETWORK = '5eed'.repeat(16)
const GIB = 1024 ** 3

function member(
  k: number,
  {
    report = {},
    ...others
  }: Partial<Omit<MemberObservation, 'report'>> & { readonly report?: Partial<MemberReport> } = {}
): MemberObservation {
  return {
    report: {
      member: String(k).repeat(64),
      name: NAMES[k]!,
      self: k === 0,
      validator: true,
      linked: true,
      height: 10,
      view: 0,
      version: 1,
      clockSkewMs: 0,
      roundTripMs: 1,
      heardMs: 100,
      banned: false,
      ...report
    },
    peer: `peer ${k}`,
    wasLinked: true,
    downMs: undefined,
    denied: false,
    failure: undefined,
    offences: {},
    evidence: undefined,
    conduct: { invalidBlocks: 0, invalidCode: undefined, lostViews: 0 },
    probes: [],
    ...others
  }
}

function away(k: number, outcome: ProbeOutcome, downMs = 60_000): MemberObservation {
  return member(k, { report: { linked: false }, downMs, probes: [probe(outcome)] })
}

function probe(outcome: ProbeOutcome): Probe {
  return { address: '/ip4/10.0.0.7/tcp/4001/p2p/peer', at: 0, outcome }
}

function observe(
  node: Partial<NodeObservation> = {},
  others: Partial<Observations> = {}
): Observations {
  return {
    at: 1_000_000_000_000,
    network: NETWORK,
    name: 'Ahus',
    disk: { path: '/data', freeBytes: 100 * GIB, totalBytes: 200 * GIB },
    files: { open: 50, limit: 1_000 },
    faults: [],
    addresses: [],
    node: {
      upMs: 3_600_000,
      membership: 'member',
      height: 10,
      view: 0,
      votes: true,
      votesWait: undefined,
      signerMissing: false,
      validators: 4,
      needed: 3,
      waiting: 0,
      stalledMs: undefined,
      version: 1,
      nextProtocol: undefined,
      clockPrecisionMs: 500,
      payloadsMissing: 0,
      checkpointFault: undefined,
      changes: [],
      peers: 3,
      dialledBack: undefined,
      flooders: [],
      restored: undefined,
      members: [0, 1, 2, 3].map(k => member(k)),
      ...node
    },
    ...others
  }
}

function clocksOf(members: readonly MemberObservation[]): readonly string[] {
  return codesOf(diagnose(observe({ members, validators: members.length, needed: 2 })))
}

function withMember(k: number, seen: MemberObservation): readonly MemberObservation[] {
  return [0, 1, 2, 3].map(each => (each === k ? seen : member(each)))
}

t.test('nothing to find is no finding', async t => {
  const diagnosis = diagnose(observe())
  t.same(diagnosis.findings, [])
  t.ok(diagnosis.healthy)
  t.match(diagnosis.summary, 'All is well: 4 of 4')
})

t.test('each way in which a member can be missing has its name', async t => {
  const ours = { kind: 'node', peer: 'peer 3', networks: [NETWORK.slice(0, 16)] } as const
  const cases: readonly (readonly [MemberObservation, string])[] = [
    [away(3, { kind: 'refused' }), 'MEMBER_DOWN'],
    [away(3, { kind: 'no-answer' }), 'MEMBER_UNREACHABLE'],
    [away(3, { kind: 'silent' }), 'MEMBER_SILENT'],
    [away(3, { kind: 'no-name' }), 'ADDRESS_WRONG'],
    [away(3, { kind: 'no-node' }), 'ADDRESS_WRONG'],
    [away(3, { ...ours, peer: 'peer 2' }), 'ADDRESS_WRONG'],
    [away(3, { ...ours, networks: ['0123456789abcdef'] }), 'GENESIS_OTHER'],
    [away(3, ours), 'MEMBER_CONNECTING'],
    [member(3, { report: { linked: false } }), 'ADDRESS_UNKNOWN'],
    [member(3, { report: { linked: false }, denied: true }), 'MEMBER_DENIED'],
    [member(3, { report: { linked: false }, failure: 'ERR_NOT_A_MEMBER' }), 'MEMBER_REFUSES'],
    [
      member(3, { report: { linked: false, banned: true }, offences: { proof: 4 } }),
      'MEMBER_BANNED'
    ],
    [member(3, { report: { heardMs: 60_000 } }), 'MEMBER_SILENT']
  ]
  for (const [seen, code] of cases) {
    const diagnosis = diagnose(observe({ members: withMember(3, seen) }))
    t.same(codesOf(diagnosis), [code])
    t.equal(diagnosis.quorum.reachable, 3)
    t.match(diagnosis.findings[0]?.text, /Dax/)
  }
})

t.test('of several addresses the one that answers decides', async t => {
  const seen = member(3, {
    report: { linked: false },
    probes: [probe({ kind: 'no-name' }), probe({ kind: 'refused' }), probe({ kind: 'no-answer' })]
  })
  t.same(codesOf(diagnose(observe({ members: withMember(3, seen) }))), ['MEMBER_DOWN'])
})

t.test('what was not met yet is not missed in the first seconds, and what was is', async t => {
  const never = member(3, { report: { linked: false }, wasLinked: false })
  t.same(diagnose(observe({ upMs: 1_000, members: withMember(3, never) })).findings, [])
  const gone = away(3, { kind: 'refused' }, 500)
  const early = diagnose(observe({ upMs: 1_000, members: withMember(3, gone) }))
  t.same(codesOf(early), ['MEMBER_DOWN'])
})

t.test('two that fell silent at once are a cut line; one after the other they are not', async t => {
  const found = [65_000, 600_000].map(second =>
    codesOf(
      diagnose(
        observe({
          members: [
            member(0),
            member(1),
            away(2, { kind: 'no-answer' }),
            away(3, { kind: 'no-answer' }, second)
          ]
        })
      )
    )
  )
  t.match(found[0], ['QUORUM_SHORT', 'NETWORK_CUT'])
  t.notOk(found[1]?.includes('NETWORK_CUT'))
})

t.test('a node that does not vote says why', async t => {
  const cases: readonly (readonly [Partial<NodeObservation>, string, RegExp])[] = [
    [{ signerMissing: true }, 'SIGNER_MISSING', /process that holds its consensus key/],
    [{ votesWait: { why: 'height', height: 42 } }, 'VOTES_NOT', /at height 42/],
    [
      { votesWait: { why: 'answers', needed: 3, answered: ['Bern'], silent: ['Caen', 'Dax'] } },
      'VOTES_NOT',
      /3 others must tell.*1 did; Caen and Dax did not/
    ],
    [{}, 'VOTES_NOT', /follows and does not vote/]
  ]
  for (const [seen, code, text] of cases) {
    const { findings, quorum } = diagnose(observe({ votes: false, ...seen }))
    t.match(findings, [{ code, text }])
    t.equal(quorum.reachable, 3)
  }
  for (const [membership, code] of [
    ['waiting', 'NOT_APPROVED'],
    ['approved', 'NOT_READY'],
    ['replaced', 'KEYS_REPLACED'],
    ['removed', 'REMOVED'],
    ['refused', 'REFUSED']
  ] as const) {
    const { findings } = diagnose(observe({ votes: false, membership }))
    t.match(findings, [{ code }])
  }
  const follower = { votes: false, membership: 'follower' } as const
  const refused = { report: { linked: false }, failure: 'ERR_NOT_A_MEMBER' }
  const one = [1, 2, 3].map(k => member(k, k === 1 ? {} : refused))
  t.same(diagnose(observe({ ...follower, members: one })).findings, [], 'one member is enough')
  const nobody = [1, 2, 3].map(k => member(k, refused))
  t.same(codesOf(diagnose(observe({ ...follower, members: nobody }))), ['FOLLOWS_NOBODY'])
})

t.test('whoever breaks the rules is named, and for a week a proof asks for an act', async t => {
  const evidence = {
    count: 2,
    kind: 'duplicate',
    height: 7,
    recordedAt: 1_000_000_000_000 - 60_000
  }
  const fresh = diagnose(observe({ members: withMember(3, member(3, { evidence })) }))
  t.match(fresh.findings, [{ code: 'EVIDENCE', severity: 'warning', subject: 'Dax' }])
  const recordedAt = evidence.recordedAt - 8 * 86_400_000
  const old = diagnose(
    observe({ members: withMember(3, member(3, { evidence: { ...evidence, recordedAt } })) })
  )
  t.match(old.findings, [{ code: 'EVIDENCE', severity: 'note' }])
  for (const [seen, code] of [
    [{ offences: { signature: 1 } }, 'MEMBER_MISBEHAVES'],
    [{ offences: { malformed: 1 } }, 'MEMBER_MALFORMED'],
    [{ conduct: { invalidBlocks: 0, invalidCode: undefined, lostViews: 3 } }, 'LEADER_SLOW'],
    [{ conduct: { invalidBlocks: 1, invalidCode: 'ERR_BLOCK_TIME', lostViews: 0 } }, 'BLOCK_TIME']
  ] as const) {
    const { findings } = diagnose(observe({ members: withMember(3, member(3, seen)) }))
    t.match(findings, [{ code, subject: 'Dax' }])
  }
})

t.test('one witness is not enough to call the own clock wrong', async t => {
  const skew = (k: number, clockSkewMs: number): MemberObservation =>
    member(k, { report: { clockSkewMs } })
  t.same(clocksOf([member(0), skew(1, 300_000)]), ['CLOCK_OTHER'])
  t.same(clocksOf([member(0), skew(1, 300_000), skew(2, 300_100)]), ['CLOCK_OWN'])
  t.same(clocksOf([member(0), skew(1, 300_000), skew(2, 100)]), ['CLOCK_OTHER'])
})

t.test(
  'a node with a quorum that commits nothing is critical, and an idle one is well',
  async t => {
    t.match(diagnose(observe({ waiting: 3, stalledMs: 40_000 })).findings, [
      { code: 'STALLED', severity: 'critical', text: /3 transactions wait/ }
    ])
    t.ok(diagnose(observe({ waiting: 3, stalledMs: 4_000 })).healthy)
    t.ok(diagnose(observe({ waiting: 0, stalledMs: undefined })).healthy)
  }
)

t.test('disk and files are looked at before they are used up', async t => {
  const disk = (freeBytes: number): readonly string[] =>
    codesOf(diagnose(observe({}, { disk: { path: '/data', freeBytes, totalBytes: GIB } })))
  t.same(disk(2 * GIB), [])
  t.same(disk(GIB / 2), ['DISK_LOW'])
  t.same(disk(1_000), ['DISK_FULL'])
  const files = (open: number): unknown =>
    diagnose(observe({}, { files: { open, limit: 1_000 } })).findings
  t.match(files(850), [{ code: 'FILES_LOW', severity: 'warning' }])
  t.match(files(960), [{ code: 'FILES_LOW', severity: 'critical' }])
  const failed = { code: 'ERR_STORE', message: 'the store failed' }
  const stopped = diagnose({ ...observe(), node: undefined, faults: [failed] })
  t.same(codesOf(stopped), ['DISK_FAILED'])
})

t.test('the worst comes first', async t => {
  const { findings, summary } = diagnose(
    observe({
      payloadsMissing: 3,
      members: [member(0), member(1), away(2, { kind: 'refused' }), away(3, { kind: 'refused' })],
      flooders: [{ name: 'Bern', refused: 900 }],
      restored: { severity: 'warning', text: 'restored', act: 'look' }
    })
  )
  t.same(
    findings.map(({ severity, code }) => `${severity} ${code}`),
    [
      'critical QUORUM_SHORT',
      'critical MEMBER_DOWN',
      'critical MEMBER_DOWN',
      'warning DEVICE_FLOOD',
      'warning RESTORED',
      'note PAYLOADS_MISSING'
    ]
  )
  t.equal(summary, findings[0]?.text)
})
