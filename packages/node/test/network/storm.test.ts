import t from 'tap'
import { nobodyIsBlamed, startHospitals } from './hospitals.ts'
import { until } from './nodes.ts'

t.test('nobody is blamed when leaders are missing, come late, catch up and stop', async t => {
  const all = await startHospitals(t, { running: [0, 1, 2] })
  // Each fourth height waits for a leader that is not there.
  for (let k = 0; k < 8; k++) await all.commit(k % 3)
  await all.start(3)
  const { height } = all.nodes[1]!.status()
  await until(() => all.nodes.every(node => node.status().height >= height))
  for (let k = 0; k < 8; k++) await all.commit(k % 4)
  await all.stop(2)
  for (let k = 0; k < 8; k++) await all.commit(k % 3)
  nobodyIsBlamed(t, all)
})
