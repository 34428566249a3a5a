import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import {
  blockHash,
  EMPTY_FRONTIER,
  appendLeaves,
  equalBytes,
  frontierHead,
  leafHash,
  updateStateTree,
  verifyReceipt,
  type StateChange
} from '@vitalchain/core'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'
import { testLedger, testNetwork } from './fixture.ts'

const CHILD = join(import.meta.dirname, 'crash-child.ts')

/** Lets a child commit until it has said `blocks` heights, kills it at once, and gives the last height that it said. */
async function commitAndKill(location: string, blocks: number): Promise<number> {
  const child = spawn(execPath, ['--conditions=@vitalchain/source', CHILD, location], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exit = once(child, 'exit')
  let said = 0
  let last = 0
  for await (const line of createInterface({ input: child.stdout })) {
    said += 1
    last = Number(line)
    if (said >= blocks) child.kill('SIGKILL')
  }
  await exit
  if (child.signalCode !== 'SIGKILL') throw new Error('the child ended by itself')
  return last
}

/** Computes the roots again from the records alone. */
async function checkRoots(t: Test, location: string, ledger: Ledger): Promise<void> {
  const { head } = ledger
  const leaves = Array.from({ length: head.history.size }, (_, leaf) =>
    leafHash(ledger.transaction(leaf)!)
  )
  t.same(frontierHead(appendLeaves(EMPTY_FRONTIER, leaves)), head.history, 'the history root')
  let previous = ledger.network
  for (let height = 1; height <= head.height; height += 1) {
    const header = ledger.header(height)!
    if (!equalBytes(header.previous, previous)) t.fail(`header ${height} does not follow`)
    previous = blockHash(header)
  }
  t.same(previous, head.hash, 'the chain of headers')
  await ledger.close()

  const store = await openStore(location)
  const state: StateChange[] = []
  for await (const { key, value } of store.entries('state')) state.push([key, value])
  let [transactions, ids, places] = [0, 0, 0]
  for await (const _ of store.entries('transactions')) transactions += 1
  for await (const _ of store.entries('ids')) ids += 1
  for await (const _ of store.entries('places')) places += 1
  await store.close()
  const { root } = updateStateTree({ get: () => undefined }, state)
  t.same(root, head.stateRoot, 'the state root')
  t.same([transactions, ids, places], [leaves.length, leaves.length, leaves.length - 1])
}

t.test('a node that is killed while it commits has lost nothing that it said', async t => {
  const location = t.testdir()
  const network = testNetwork()
  for (const blocks of [1, 7, 19]) {
    const said = await commitAndKill(location, blocks)
    const ledger = await testLedger(network, location)
    const { height, history } = ledger.head
    t.ok(height >= said, `it said ${said} and stands at ${height}`)
    t.doesNotThrow(() => verifyReceipt(ledger.receipt(history.size - 1), { genesis: network.id }))
    t.same(ledger.wantedPayloads(1), [], 'no payload of a committed statement is missing')
    await checkRoots(t, location, ledger)
  }
})
