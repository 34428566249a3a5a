import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ed25519PublicKey, equalBytes, errorCode, toHex, u64be } from '@vitalchain/core'
import { createLedgerNode, createVoteState, type LedgerNode } from '../../src/index.ts'
import { TABLES, type TableName } from '../../src/store/tables.ts'
import {
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { run } from '../cli/run.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'
import { flipRecords } from '../store/raw.ts'
import { rawRecords, writeRaw } from './audited-node.ts'

interface Hospital {
  readonly dataDir: string
  node: LedgerNode
  /** What its log said, by event. */
  readonly events: string[]
}

/** Four hospitals with directories, and a device whose readings are on the ledger. */
async function hospitals(t: Test, readings: number): Promise<readonly Hospital[]> {
  const founded = foundNetwork({ names: ['A', 'B', 'C', 'D'], created: Date.now() })
  const root = t.testdir({})
  const all: Hospital[] = []
  t.teardown(() => Promise.all(all.map(({ node }) => node.stop())))
  for (const [k, secret] of founded.members.entries()) {
    const dataDir = join(root, `hospital-${k}`)
    await createVoteState(dataDir, ed25519PublicKey(secret.consensus))
    await writeFile(join(dataDir, 'genesis.cbor'), founded.document)
    const events: string[] = []
    all.push({ dataDir, events, node: makeNode(founded, k, dataDir, all, events) })
    await all[k]!.node.start()
  }
  const first = all[0]!.node
  const device = new TestDevice({ id: first.network }, 'device')
  await first.registerDevice({
    publicKey: device.publicKey,
    model: 'monitor',
    firmware: undefined
  })
  for (let k = 0; k < readings; k++) {
    const { candidate, payload } = await device.read()
    await first.submit({ transaction: candidate.bytes, payload })
  }
  await until('all hold everything', () =>
    all.every(
      ({ node }) =>
        node.status().transactions === readings + 1 && node.ledger.wantedPayloads(1).length === 0
    )
  )
  restarts.set(all, k => {
    const hospital = all[k]!
    hospital.node = makeNode(founded, k, hospital.dataDir, all, hospital.events)
    return hospital.node.start()
  })
  return all
}

const restarts = new WeakMap<readonly Hospital[], (k: number) => Promise<void>>()

function makeNode(
  founded: FoundedNetwork,
  k: number,
  dataDir: string,
  others: readonly Hospital[],
  events: string[]
): LedgerNode {
  const secret = founded.members[k]!
  return createLedgerNode({
    genesis: founded.document,
    keys: {
      transport: secret.transport,
      consensus: secret.consensus,
      operator: operatorSigner(secret)
    },
    dataDir,
    bootstrap: others.flatMap(({ node }) => node.addresses()),
    log: event => void events.push(event)
  })
}

/** Everything that a node serves of what was committed, each as a text, or the code of its refusal. */
function served({ ledger }: LedgerNode, size: number): Map<string, string> {
  const all = new Map<string, string>()
  const ask = (what: string, read: () => unknown): void => {
    try {
      all.set(
        what,
        JSON.stringify(read(), (_, value: unknown) =>
          value instanceof Uint8Array ? toHex(value) : value
        ) ?? 'none'
      )
    } catch (error) {
      all.set(what, errorCode(error))
    }
  }
  for (let leaf = 0; leaf < size; leaf++) {
    ask(`transaction ${leaf}`, () => ledger.transaction(leaf))
    ask(`place of ${leaf}`, () => {
      const found = ledger.decodedTransaction(leaf)
      if (found?.type !== 'statement') return undefined
      const { device, lane } = found.statement
      return [ledger.findTransaction(found.id), ledger.findPlace(device, lane, found.statement)]
    })
    ask(`inclusion of ${leaf}`, () => ledger.inclusionProof(leaf, size))
    ask(`payload of ${leaf}`, () => {
      const found = ledger.decodedTransaction(leaf)
      return found?.type === 'statement' && found.statement.type === 'readings'
        ? ledger.getPayload(found.statement.payloadDigest)
        : undefined
    })
  }
  for (let height = 1; height <= ledger.head.height; height++) {
    ask(`header ${height}`, () => ledger.header(height))
    ask(`block ${height}`, () => ledger.block(height))
  }
  return all
}

for (const [tables, what] of [
  [['headers', 'transactions', 'ids', 'places', 'named'], 'blocks and index'],
  [['payloads', 'payloadMeta'], 'payloads']
] as const) {
  t.test(`a node with damaged ${what} serves nothing of it, and heals from the others`, async t => {
    const all = await hospitals(t, 12)
    const [honest, broken] = [all[0]!, all[3]!]
    const size = honest.node.status().transactions
    const expected = served(honest.node, size)
    await broken.node.stop()
    const location = join(broken.dataDir, 'ledger')
    const newest = Math.max(...(await heightsIn(location)))
    await flip(location, tables, newest)
    t.equal((await run('verify', '--data-dir', broken.dataDir)).exit, 1, 'damaged')

    await restarts.get(all)!(3)
    let healed = false
    const lies: string[] = []
    await until('it is healed', () => {
      const now = served(broken.node, size)
      for (const [asked, answer] of now) {
        // A missing payload is no answer either.
        const refused =
          answer === 'ERR_DAMAGED' || (asked.startsWith('payload') && answer === 'none')
        if (answer !== expected.get(asked) && !refused) lies.push(`${asked}: ${answer}`)
      }
      healed = [...now].every(([asked, answer]) => answer === expected.get(asked))
      return healed && lies.length === 0
    })
    t.same(lies, [])
    await until('it healed all it found', () => broken.node.ledger.wantedPayloads(1).length === 0)
    await broken.node.stop()
    const { exit, out } = await run('verify', '--data-dir', broken.dataDir)
    t.equal(exit, 0, out.join('\n'))
  })
}

async function heightsIn(location: string): Promise<number[]> {
  return (await rawRecords(location))
    .filter(([key]) => key[0] === TABLES.headers.charCodeAt(0))
    .map(([key]) => Number(new DataView(key.buffer, key.byteOffset + 1).getBigUint64(0)))
}

/** Flips a bit in all records of some tables, but in the newest header, without which a node does not start. */
async function flip(location: string, tables: readonly TableName[], newest: number): Promise<void> {
  const kept = (await rawRecords(location)).filter(([key]) =>
    equalBytes(key, Uint8Array.of(TABLES.headers.charCodeAt(0), ...u64be(newest)))
  )
  for (const table of tables) await flipRecords(location, TABLES[table])
  await writeRaw(location, kept)
}
