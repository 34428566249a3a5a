import { rm } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { ed25519PublicKey } from '@vitalchain/core'
import {
  createLedgerNode,
  createVoteState,
  type LedgerNode,
  type LedgerNodeOptions
} from '../../src/index.ts'
import { foundNetwork, operatorSigner } from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'

const founded = foundNetwork({ names: ['alone'], created: Date.now() })
const [secret] = founded.members

/** A directory for a key that never signed anything. */
async function newDirectory(t: Test): Promise<string> {
  const dir = t.testdir({})
  await createVoteState(dir, ed25519PublicKey(secret!.consensus))
  return dir
}

function make(dataDir: string, options: Partial<LedgerNodeOptions> = {}): LedgerNode {
  return createLedgerNode({
    genesis: founded.document,
    keys: {
      transport: secret!.transport,
      consensus: secret!.consensus,
      operator: operatorSigner(secret!)
    },
    dataDir,
    ...options
  })
}

t.test('a node that is told to stop while it starts is stopped', async t => {
  const dir = await newDirectory(t)
  const node = make(dir)
  const started = node.start()
  await Promise.all([node.stop(), started])
  t.throws(() => node.status(), { code: 'ERR_NOT_STARTED' })
  const next = make(dir)
  await next.start()
  await next.stop()
})

t.test(
  'a node that is told twice to start starts once, and every stop waits for its end',
  async t => {
    const dir = await newDirectory(t)
    const node = make(dir)
    await Promise.all([node.start(), node.start()])
    void node.stop()
    await node.stop()
    const next = make(dir)
    await next.start()
    await next.stop()
  }
)

t.test('a node that could not start leaves its directory to the next', async t => {
  const dir = await newDirectory(t)
  await t.rejects(make(dir, { contracts: [] }).start(), { code: 'ERR_CONTRACTS' })
  const node = make(dir)
  t.teardown(() => node.stop())
  await node.start()
  t.equal(node.status().votes, true)
})

t.test('a validator restored without its votes says that it does not vote', async t => {
  const dir = await newDirectory(t)
  const before = make(dir)
  await before.start()
  const { publicKey } = new TestDevice({ id: before.network }, 'device')
  await before.registerDevice({ publicKey, model: 'monitor', firmware: undefined })
  await before.stop()
  const kept = make(dir)
  await kept.start()
  t.equal(kept.status().votes, true)
  await kept.stop()
  await rm(`${dir}/votes`, { recursive: true })
  const restored = make(dir)
  t.teardown(() => restored.stop())
  await restored.start()
  t.match(restored.status(), { height: 1, votes: false })
})
