import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signCheckpoint, toHex, utf8 } from '@vitalchain/core'
import { ClassicLevel } from 'classic-level'
import { sharesFormat } from '../../src/checkpoints/shares.ts'
import { openVoteStore, voteStoreOf } from '../../src/consensus/vote-store.ts'
import { openStore } from '../../src/store/store.ts'
import {
  commitNext,
  ledgerWithDevice,
  testLedger,
  testSigner,
  type TestNetwork
} from '../ledger/fixture.ts'

/** A stopped node that has records in every table. */
export interface AuditedNode {
  readonly dataDir: string
  readonly network: TestNetwork
}

/** A raw record of a store, as LevelDB has it. */
export type RawRecord = readonly [key: Uint8Array, value: Uint8Array]

const RAW = { keyEncoding: 'view', valueEncoding: 'view' } as const

/** Makes the directory of a node with blocks, payloads and notes: part of them in LevelDB's tables, part in its log. */
export async function auditedNode(
  dataDir: string,
  { statements = 2, blocks = 4 }: { readonly statements?: number; readonly blocks?: number } = {}
): Promise<AuditedNode> {
  await mkdir(dataDir, { recursive: true })
  const location = join(dataDir, 'ledger')
  let { network, ledger, device } = await ledgerWithDevice(location)
  await writeFile(join(dataDir, 'genesis.cbor'), network.genesis)
  for (let block = 0; block < blocks; block++) {
    const readings = []
    for (let k = 0; k < statements; k++) readings.push(await device.read())
    // The last payload of a block is missing: wanted.
    for (const { digest, payload } of readings.slice(0, -1))
      await ledger.putPayload(digest, payload, { retention: 0 })
    await commitNext(
      network,
      ledger,
      readings.map(({ candidate }) => candidate)
    )
    if (block !== Math.floor(blocks / 2)) continue
    // What stood in the log goes into a table when the store is opened again.
    await ledger.close()
    ledger = await testLedger(network, location)
  }
  await ledger.keepHeard({ height: 2, proposals: [], commits: [], viewChanges: [] })
  const { size, root } = ledger.head.history
  await ledger.close()

  const share = await signCheckpoint(
    { network: network.id, size, root },
    { member: network.members[0]!.id, time: 1, signer: testSigner('test network checkpoint 0') }
  )
  const store = await openStore(location)
  const value = sharesFormat.encode([share])
  await store.write([{ table: 'checkpoints', key: utf8('newest'), value }])
  await store.close()
  const votes = await openVoteStore(voteStoreOf(dataDir))
  await votes.of(network.members[0]!.consensus.publicKey.bytes).begin(1)
  await votes.close()
  return { dataDir, network }
}

/** Every record of a closed store, as its bytes are. */
export async function rawRecords(location: string): Promise<RawRecord[]> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(location, RAW)
  const records: RawRecord[] = []
  for await (const [key, value] of database.iterator())
    records.push([Uint8Array.from(key), Uint8Array.from(value)])
  await database.close()
  return records
}

/** Writes raw records into a closed store. */
export async function writeRaw(location: string, records: readonly RawRecord[]): Promise<void> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(location, RAW)
  await database.batch(records.map(([key, value]) => ({ type: 'put', key, value })))
  await database.close()
}

/** A text that differs when any record does. */
export function contentOf(records: readonly RawRecord[]): string {
  return records.map(([key, value]) => `${toHex(key)}=${toHex(value)}`).join('\n')
}
