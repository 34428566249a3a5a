import t from 'tap'
import { noBrowser } from './chromium.ts'
import { judgeVectors } from './vectors.ts'

const verdicts = await judgeVectors()

t.test('Node judges every vector as its file does', async t => {
  for (const { name, vectors, nodeWrong } of verdicts) {
    t.ok(vectors > 0, `${name}: ${vectors} vectors`)
    t.strictSame(nodeWrong, [], name)
  }
})

t.test(
  'a browser judges every vector as its file and Node do',
  { skip: noBrowser ?? false },
  async t => {
    for (const { name, browserWrong } of verdicts) t.strictSame(browserWrong, [], name)
  }
)
