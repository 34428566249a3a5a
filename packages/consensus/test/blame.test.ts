import t from 'tap'
import { blockHash, verifyEvidence } from '@vitalchain/core'
import { blame, type HeightRecord } from '@vitalchain/consensus'
import { culpritsOwed, randomFork, runFork } from '@vitalchain/consensus/simulator'
import { Bench, SCOPE, ZERO } from './support.ts'

const [X, Y] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

/** A fork of four: validators 1 and 2 commit to X in view 0 and, with 3, to Y in view 1. */
function fork(): {
  bench: Bench
  height: Parameters<typeof blame>[3]
  certificates: ReturnType<Bench['certificate']>[]
  record: HeightRecord
} {
  const bench = new Bench(4, 0)
  const justification = bench.justification(1, [1, 2, 3])
  const proposal = bench.proposal({ view: 1, justification })
  return {
    bench,
    height: { ...SCOPE, validators: bench.keys.validators, verify: bench.keys.verify },
    certificates: [
      bench.certificate('commit', X, 0, [0, 1, 2]),
      bench.certificate('commit', Y, 1, [1, 2, 3])
    ],
    record: {
      height: 1,
      proposals: [
        { view: 1, sender: 2, blockHash: Y, justification, signature: proposal.signature }
      ],
      commits: [],
      viewChanges: []
    }
  }
}

t.test(
  'fifty attacks fork a network, and blame names f + 1 traitors of each, and nobody else',
  async t => {
    const kinds = new Set<string>()
    let forks = 0
    for (let seed = 1; forks < 50 && seed < 200; seed += 1) {
      const outcome = runFork(randomFork(seed))
      const { scenario, certificates, culprits, wronged } = outcome
      if (wronged.length > 0) t.fail(`seed ${seed} accuses ${wronged.join()}`)
      if (certificates === undefined) continue
      forks += 1
      if (culprits.length < culpritsOwed(scenario)) t.fail(`seed ${seed} names ${culprits.join()}`)
      for (const kind of outcome.kinds) kinds.add(kind)
    }
    t.equal(forks, 50)
    t.same([...kinds].toSorted(), ['amnesia', 'duplicate'])
  }
)

t.test('one attack is the same each time', async t => {
  t.same(runFork(randomFork(11)), runFork(randomFork(11)))
})

t.test('two certificates of one view convict all who signed both', async t => {
  const { bench, height, certificates } = fork()
  const other = bench.certificate('commit', Y, 0, [1, 2, 3])
  const convictions = blame(certificates[0]!, other, [], height)
  t.match(convictions, [
    { validator: 1, culprit: { height: 1, kind: 'duplicate' } },
    { validator: 2, culprit: { height: 1, kind: 'duplicate' } }
  ])
  t.equal(convictions.length, 2)
  for (const { evidence } of convictions) t.doesNotThrow(() => verifyEvidence(evidence, height))
})

t.test(
  'across views the justification that dropped the earlier block convicts its signers',
  async t => {
    const { height, certificates, record } = fork()
    const [a, b] = certificates
    for (const pair of [[a!, b!] as const, [b!, a!] as const]) {
      t.match(blame(...pair, [record], height), [
        { validator: 1, culprit: { kind: 'amnesia' } },
        { validator: 2, culprit: { kind: 'amnesia' } }
      ])
    }
    t.same(blame(a!, b!, [], height), [], 'without it, nobody')
    t.same(blame(a!, b!, [{ ...record, height: 2 }], height), [], 'nor with that of another height')
  }
)

t.test('a record that was made up convicts nobody', async t => {
  const { bench, height, certificates, record } = fork()
  const [a, b] = certificates
  const claims = [...bench.justification(1, [0, 1, 3]).claims]
  const forged = claims.map(claim => ({ ...claim, signature: new Uint8Array(64) }))
  const [proposal] = record.proposals
  const made: HeightRecord = {
    height: 1,
    // The leader's signature does not cover these claims, and they carry none of their signers.
    proposals: [{ ...proposal!, justification: { claims: forged, prepared: undefined } }],
    commits: [{ view: 0, sender: 3, blockHash: X, signature: new Uint8Array(64) }],
    viewChanges: [
      { view: 1, sender: 0, preparedView: -1, preparedHash: X, signature: new Uint8Array(64) },
      { view: 9, sender: 49, preparedView: -1, preparedHash: X, signature: new Uint8Array(64) }
    ]
  }
  t.same(blame(a!, b!, [made], height), [])
  t.equal(blame(a!, b!, [made, record], height).length, 2, 'and does not cover up either')
})

t.test(
  'a record that puts other words to the signatures of culprits does not acquit them',
  async t => {
    const { bench, height, certificates, record } = fork()
    const [a, b] = certificates
    const other = bench.certificate('commit', Y, 0, [1, 2, 3])
    const commits = [a!, b!, other].flatMap(({ view, signers, signatures }) =>
      signers.map((sender, k) => ({ view, sender, blockHash: ZERO, signature: signatures[k]! }))
    )
    // The view 2^32 - 1 has the bytes of -1.
    const viewChanges = [0, 0xffff_ffff].flatMap(preparedView =>
      record.proposals[0]!.justification.claims.map(claim => ({ ...claim, view: 1, preparedView }))
    )
    const twisted = { ...record, proposals: [], commits, viewChanges }
    t.equal(blame(a!, other, [twisted], height).length, 2)
    for (const records of [
      [record, twisted],
      [twisted, record]
    ])
      t.equal(blame(a!, b!, records, height).length, 2)
  }
)

t.test('a record full of forged statements costs one check each', async t => {
  const { height, certificates, record } = fork()
  const [a, b] = certificates
  const forged = Array.from({ length: 400 }, (_, k) => new Uint8Array(64).fill(k & 0xff, k >> 8))
  const commits = forged.map(signature => ({
    view: 0,
    sender: 3,
    blockHash: signature.slice(32),
    signature
  }))
  let checks = 0
  const verify: typeof height.verify = (...args) => {
    checks += 1
    return height.verify?.(...args) ?? false
  }
  t.equal(blame(a!, b!, [record, { ...record, commits }], { ...height, verify }).length, 2)
  t.ok(checks < 500, `${checks}`)
})

t.test('a leader whose recorded new view is not justified is convicted too', async t => {
  const { bench, height, certificates, record } = fork()
  const [a, b] = certificates
  const block = bench.block(3, 1)
  const justification = bench.justification(1, [1, 2])
  const { signature } = bench.proposal({ view: 1, justification, sender: 3, block })
  const proposal = { view: 1, sender: 3, blockHash: blockHash(block.header), justification }
  const proposals = [{ ...proposal, signature }]
  t.match(
    blame(a!, b!, [{ ...record, proposals }], height).filter(each => each.validator === 3),
    [{ culprit: { kind: 'invalid-new-view' } }]
  )
})

t.test('what is no fork is refused', async t => {
  const { bench, height, certificates } = fork()
  const [a, b] = certificates
  const refused = { code: 'ERR_NO_FORK' }
  t.throws(() => blame(a!, a!, [], height), refused)
  t.throws(() => blame(a!, { ...b!, height: 2 }, [], height), refused)
  t.throws(() => blame(a!, { ...b!, phase: 'prepare' }, [], height), refused)
  const short = bench.certificate('commit', Y, 1, [1, 2])
  t.throws(() => blame(a!, short, [], height), { code: 'ERR_CERTIFICATE' })
})
