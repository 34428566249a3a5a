// Runs four hospitals, one of them on the small disk that its parent gave it, and fills that disk.
import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLedgerNode } from '../../src/node.ts'
import { foundNetwork, operatorSigner } from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'
import { NAMES } from './hospitals.ts'

const [disk = ''] = process.argv.slice(2)

/** What is left of the disk, bytes: some blocks still fit. */
const ROOM_BYTES = 32 * 1024

const founded = foundNetwork({ names: NAMES, created: Date.now() })
const nodes: ReturnType<typeof createLedgerNode>[] = []
for (const [k, secrets] of founded.members.entries()) {
  const node = createLedgerNode({
    genesis: founded.document,
    keys: {
      transport: secrets.transport,
      consensus: secrets.consensus,
      operator: operatorSigner(secrets)
    },
    ...(k === 3 ? { dataDir: join(disk, 'node') } : {}),
    bootstrap: nodes.flatMap(each => each.addresses())
  })
  nodes.push(node)
  await node.start()
}
const device = new TestDevice({ id: nodes[0]!.network }, 'device')
await nodes[0]!.registerDevice({ publicKey: device.publicKey, model: 'm', firmware: undefined })
await until('block 1', () => nodes.every(node => node.status().height === 1))

const { bavail, bsize } = statfsSync(disk)
writeFileSync(join(disk, 'filler'), new Uint8Array(Math.max(0, bavail * bsize - ROOM_BYTES)))
const before = await nodes[3]!.diagnose()
const failed = new AbortController()
const failure = nodes[3]!.failed.then(() => failed.abort())
while (!failed.signal.aborted) {
  const { candidate, payload } = await device.read()
  await nodes[0]!.submit({ transaction: candidate.bytes, payload })
  const { height } = nodes[0]!.status()
  await until('the next block', () => failed.signal.aborted || nodes[0]!.status().height > height)
}
await failure
await nodes[3]!.stop()
const after = await nodes[3]!.diagnose()
const { height } = nodes[0]!.status()
const { candidate, payload } = await device.read()
await nodes[0]!.submit({ transaction: candidate.bytes, payload })
await until('the others go on', () => nodes[0]!.status().height > height)
process.stdout.write(JSON.stringify({ before, after, others: await nodes[0]!.diagnose() }))
process.exit(0)
