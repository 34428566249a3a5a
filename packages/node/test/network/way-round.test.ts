import t, { type Test } from 'tap'
import { nobodyIsBlamed, startHospitals, type Hospitals } from './hospitals.ts'
import { until } from './nodes.ts'

t.test(
  'three of four hospitals, two of which cannot reach each other, go on: each needs the other two',
  async t => {
    const all = await startHospitals(t, { isCut: (a, b) => a === 0 && b === 1 })
    await until(() => all.nodes.every(node => node.status().votes))
    await all.stop(3)
    const before = all.nodes[0]!.status().height
    for (let k = 0; k < 6; k++) await all.commit(k % 3)
    linksAre(t, all, [1, 1, 2])
    const late = certificates(all).filter(({ height }) => height > before)
    t.ok(late.length >= 18)
    t.same(new Set(late.flatMap(({ signers }) => signers)), new Set([0, 1, 2]))
    nobodyIsBlamed(t, all)
  }
)

t.test('with one link missing of six, every hospital leads and votes as before', async t => {
  const all = await startHospitals(t, { isCut: (a, b) => a === 0 && b === 1 })
  await goAround(t, all)
  linksAre(t, all, [2, 2, 3, 3])
})

t.test('with two links missing of six, every hospital leads and votes as before', async t => {
  const all = await startHospitals(t, { isCut: (a, b) => b === a + 1 && a % 2 === 0 })
  await goAround(t, all)
  linksAre(t, all, [2, 2, 2, 2])
})

/** Two turns of leaders: all in the first view, and every hospital's signature in some certificate. */
async function goAround(t: Test, all: Hospitals): Promise<void> {
  // A link is given a moment to come up before anything goes the way round.
  await until(() => all.nodes.every(node => node.status().votes))
  for (let k = 0; k < 4; k++) await all.commit(k)
  const before = all.nodes[0]!.status().height
  for (let k = 0; k < 8; k++) await all.commit(k % 4)
  const late = certificates(all).filter(({ height }) => height > before)
  t.ok(late.length >= 8)
  t.same([...new Set(late.map(({ view }) => view))], [0], 'nobody missed a leader')
  t.same(new Set(late.flatMap(({ signers }) => signers)), new Set([0, 1, 2, 3]))
  nobodyIsBlamed(t, all)
}

/** All certificates that the nodes hold: each keeps the quorum that it heard first. */
function certificates({ nodes }: Hospitals) {
  return nodes.flatMap(({ ledger }) =>
    Array.from({ length: ledger.head.height }, (_, k) => ledger.certificate(k + 1)!)
  )
}

function linksAre(t: Test, { nodes }: Hospitals, expected: readonly number[]): void {
  t.same(
    nodes.map(node => node.status().links.length),
    expected,
    'the cut links stayed cut'
  )
}
