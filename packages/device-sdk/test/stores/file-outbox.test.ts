import { execFile } from 'node:child_process'
import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  createSigner,
  decodeTransaction,
  sha256,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  u32be,
  utf8,
  type Statement
} from '@vitalchain/core'
import t from 'tap'
import { outboxEntry, outboxRecord, type OutboxEntry } from '../../src/outbox.ts'
import { nodeDisk, type Disk } from '../../src/stores/disk.ts'
import { fileOutbox, OUTBOX_FILE_BYTES } from '../../src/stores/node.ts'

const signer = createSigner('ed25519', sha256(utf8('file outbox')))

async function entryOf(statement: Statement, payload?: Uint8Array): Promise<OutboxEntry> {
  const encoded = statementFormat.encode(statement)
  return outboxEntry(statement, {
    id: statementId(encoded),
    transaction: statementTransaction(await signCose(signer, encoded)),
    payload
  })
}

async function entries(lane: 0 | 1, count: number, payloadSize = 100, first = 0) {
  const made: OutboxEntry[] = []
  for (let seq = first; seq < first + count; seq++) {
    const payload = new Uint8Array(payloadSize).fill(seq)
    made.push(
      await entryOf(
        {
          type: 'readings',
          network: sha256(utf8('network')),
          device: sha256(utf8('device')),
          lane,
          boot: 1,
          seq,
          previous: sha256(u32be(seq)),
          from: seq,
          to: seq,
          clock: undefined,
          count: 1,
          stream: new Uint8Array(16),
          generation: 0,
          epoch: 0,
          flags: 0,
          retention: 0,
          contentFormat: 112,
          payloadSize,
          payloadDigest: sha256(payload),
          commitment: sha256(payload)
        },
        payload
      )
    )
  }
  return made
}

async function gapOver(dropped: readonly OutboxEntry[]): Promise<OutboxEntry> {
  const [first, last] = [dropped[0]!, dropped.at(-1)!]
  const decoded = decodeTransaction(last.transaction)
  if (decoded.type !== 'statement') throw new Error('an entry holds a statement')
  return entryOf({
    type: 'gap',
    network: sha256(utf8('network')),
    device: sha256(utf8('device')),
    lane: first.lane,
    boot: first.boot,
    seq: first.seq,
    previous: sha256(u32be(first.seq)),
    last: { boot: last.boot, seq: last.seq },
    lastDropped: decoded.signed.payload,
    count: dropped.length,
    reason: 1,
    time: 0
  })
}

async function bytesIn(directory: string): Promise<number> {
  let sum = 0
  for (const name of await readdir(directory)) sum += (await stat(join(directory, name))).size
  return sum
}

t.test('a last write that was cut off anywhere takes nothing else with it', async t => {
  const directory = t.testdir()
  const path = join(directory, '0000000001.log')
  const chain = await entries(0, 3)
  const store = fileOutbox(directory)
  await store.load()
  for (const entry of chain.slice(0, 2)) await store.append(entry)
  const { size: synced } = await stat(path)
  await store.append(chain[2]!)
  await store.close()
  const whole = await readFile(path)
  for (let size = synced; size < whole.length; size += 7) {
    await writeFile(path, whole.subarray(0, size))
    const again = fileOutbox(directory)
    const { lanes } = await again.load()
    t.same(lanes[0].entries, chain.slice(0, 2).map(outboxRecord))
    await again.append(chain[2]!)
    await again.close()
    const last = fileOutbox(directory)
    t.same((await last.load()).lanes[0].entries, chain.map(outboxRecord))
    await last.close()
  }
})

t.test('what was never written reads as zeros or as something else, and is cut off', async t => {
  for (const tail of [new Uint8Array(500), new Uint8Array(500).fill(0xa5)]) {
    const directory = t.testdir()
    const [entry] = await entries(0, 1)
    const store = fileOutbox(directory)
    await store.load()
    await store.append(entry!)
    await store.close()
    await appendFile(join(directory, '0000000001.log'), tail)
    const again = fileOutbox(directory)
    t.same((await again.load()).lanes[0].entries, [outboxRecord(entry!)])
    await again.close()
  }
})

t.test('damage in front of the last file is told, not skipped', async t => {
  const directory = t.testdir()
  const store = fileOutbox(directory)
  await store.load()
  for (const entry of await entries(0, 40, 60_000)) await store.append(entry)
  await store.close()
  t.ok((await readdir(directory)).length > 2)
  await truncate(join(directory, '0000000002.log'), 1_000)
  const again = fileOutbox(directory)
  await t.rejects(again.load(), { code: 'ERR_OUTBOX_CORRUPT' })
  await again.close()
})

t.test('a write that fails stops the outbox: what the file then holds is not known', async t => {
  let full = false
  const disk: Disk = {
    ...nodeDisk,
    async open(path, how) {
      const file = await nodeDisk.open(path, how)
      return {
        ...file,
        write: async (bytes, at) =>
          full ? Promise.reject(new Error('ENOSPC')) : file.write(bytes, at)
      }
    }
  }
  const directory = t.testdir()
  const [first, second] = await entries(0, 2)
  const store = fileOutbox(directory, disk)
  await store.load()
  await store.append(first!)
  full = true
  await t.rejects(store.append(second!), {
    code: 'ERR_OUTBOX_FAILED',
    cause: { message: 'ENOSPC' }
  })
  full = false
  await t.rejects(store.append(second!), { code: 'ERR_OUTBOX_FAILED' })
  t.same(await store.read(outboxRecord(first!)), first)
  await store.close()
  const again = fileOutbox(directory)
  t.same((await again.load()).lanes[0].entries, [outboxRecord(first!)])
  await again.close()
})

t.test('what is proved leaves the disk, although an alarm waits in each file', async t => {
  const directory = t.testdir()
  const store = fileOutbox(directory)
  await store.load()
  const alarms = await entries(1, 6)
  for (const [k, alarm] of alarms.entries()) {
    await store.append(alarm)
    const batch = await entries(0, 20, 60_000, k * 20)
    for (const entry of batch) await store.append(entry)
    for (const entry of batch) await store.remove(outboxRecord(entry))
  }
  t.ok((await bytesIn(directory)) <= 3 * OUTBOX_FILE_BYTES)
  for (const alarm of alarms) t.same(await store.read(outboxRecord(alarm)), alarm)
  await store.close()
  const again = fileOutbox(directory)
  const { lanes } = await again.load()
  t.same(lanes[1].entries, alarms.map(outboxRecord))
  t.same(lanes[0].entries, [])
  await again.close()
})

t.test('what is dropped leaves the disk and stays gone', async t => {
  const directory = t.testdir()
  const store = fileOutbox(directory)
  await store.load()
  const chain = await entries(0, 60, 60_000)
  const kept = chain.slice(0, 2)
  let dropped: OutboxEntry[] = []
  for (const entry of chain) {
    await store.append(entry)
    if (entry.seq < 2) continue
    dropped = [...dropped, entry]
    if (dropped.length % 10 === 0) await store.append(await gapOver(dropped))
  }
  t.ok((await bytesIn(directory)) <= 4 * OUTBOX_FILE_BYTES)
  await store.close()
  const again = fileOutbox(directory)
  const { lanes } = await again.load()
  const expected = [...kept, await gapOver(chain.slice(2, 52)), ...chain.slice(52)]
  t.same(lanes[0].entries, expected.map(outboxRecord))
  t.equal(lanes[0].tip?.seq, 59)
  await again.close()
})

t.test('a second process is refused, and let in when the first was killed', async t => {
  const directory = t.testdir()
  const store = fileOutbox(directory)
  await store.load()
  const source = new URL('../../src/stores/node.ts', import.meta.url).href
  const program = `
    const { fileOutbox } = await import(${JSON.stringify(source)})
    await fileOutbox(${JSON.stringify(directory)}).load().then(
      () => process.kill(process.pid, 'SIGKILL'),
      error => process.stdout.write(error.code)
    )`
  const run = () =>
    promisify(execFile)(process.execPath, [
      '--conditions=@vitalchain/source',
      '--input-type=module',
      '--eval',
      program
    ])
  t.equal((await run()).stdout, 'ERR_OUTBOX_IN_USE')
  await store.close()
  await t.rejects(run(), /Command failed/)
  const again = fileOutbox(directory)
  t.equal((await again.load()).boot, 3, 'the killed one had counted its boot')
  await again.close()
})
