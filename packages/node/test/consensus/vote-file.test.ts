import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as fc from 'fast-check'
import t from 'tap'
import { sha256, useCryptoBackend, utf8 } from '@vitalchain/core'
import {
  absentVoteFile,
  newestRecord,
  openVoteFile,
  SLOT_BYTES_MAX,
  SLOT_BYTES_MIN,
  type VoteFile
} from '../../src/consensus/vote-file.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'

useCryptoBackend(nodeCryptoBackend)

const key = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)

/** What a disk writes whole or not at all, bytes. */
const SECTOR_BYTES = 512
const PAGE_BYTES = 4096

/** A record that differs in every byte from those near it. */
function record(k: number, size = 1_500): Uint8Array {
  return new Uint8Array(size).map((_, at) => (k * 37 + at) & 0xff)
}

async function began(path: string, first = record(0)): Promise<VoteFile> {
  const file = absentVoteFile(path, key)
  await file.renew(first)
  return file
}

async function reopened(file: VoteFile, path: string): Promise<VoteFile> {
  await file.close()
  return openVoteFile(path, key)
}

/** A file's bytes, of which a slice is a copy. */
async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path))
}

/** The bytes of a file in which `written` records were, and the two before the last write and after it. */
async function lastWrite(
  path: string,
  written: number,
  size = 1_500
): Promise<{ readonly before: Uint8Array; readonly after: Uint8Array; readonly from: number }> {
  const file = await began(path, record(0, size))
  for (let k = 1; k < written; k++) await file.write(record(k, size))
  const before = await bytesOf(path)
  await file.write(record(written, size))
  const after = await bytesOf(path)
  await file.close()
  return { before, after, from: (written % 2) * SLOT_BYTES_MIN }
}

for (const flag of [undefined, 0])
  t.test(
    `the newest record is read back after every write, ${flag === 0 ? 'each followed by a sync' : 'as this system syncs'}`,
    async t => {
      const path = join(t.testdir(), 'votes')
      let file = await openVoteFile(path, key, flag)
      t.same([file.status, file.record], ['absent', undefined])
      await t.rejects(file.write(record(0)), { code: 'ERR_STORE' }, 'nothing was begun')
      await file.renew(record(0))
      for (let k = 1; k <= 5; k++) {
        await file.write(record(k, k === 4 ? 0 : 1_000 * k))
        t.same(file.record, record(k, k === 4 ? 0 : 1_000 * k))
        await file.close()
        file = await openVoteFile(path, key, flag)
        t.same(file.record, record(k, k === 4 ? 0 : 1_000 * k))
        t.equal(file.status, 'whole')
      }
      await file.close()
      await t.rejects(file.write(record(6)), { code: 'ERR_STORE' }, 'it is closed')
    }
  )

t.test('a write of one slot leaves every byte of the other and the size as they are', async t => {
  for (const written of [1, 2, 3]) {
    const { before, after, from } = await lastWrite(join(t.testdir(), `votes-${written}`), written)
    t.equal(after.length, 2 * SLOT_BYTES_MIN)
    const changed = [...after.keys()].filter(at => after[at] !== before[at])
    t.ok(changed.every(at => at >= from && at < from + PAGE_BYTES))
  }
})

t.test('a write torn at any byte leaves the record of before', async t => {
  for (const written of [1, 2]) {
    const { before, after, from } = await lastWrite(join(t.testdir(), `votes-${written}`), written)
    const torn = before.slice()
    // Up to the last byte that differs it is torn.
    const end = after.findLastIndex((byte, at) => byte !== before[at]) + 1 - from
    t.ok(end > 1_500)
    const wrong: number[] = []
    for (let cut = 0; cut <= PAGE_BYTES; cut++) {
      if (cut > 0) torn[from + cut - 1] = after[from + cut - 1]!
      if (newestRecord(torn, key)?.seq !== (cut < end ? written - 1 : written)) wrong.push(cut)
    }
    t.same(wrong, [])
  }
})

t.test(
  'sectors that reach the disk in any order leave the record of before or of after',
  async t => {
    const size = 7 * SECTOR_BYTES
    const { before, after, from } = await lastWrite(join(t.testdir(), 'votes'), 4, size)
    const sectors = PAGE_BYTES / SECTOR_BYTES
    for (let some = 0; some < 2 ** sectors; some++) {
      const torn = before.slice()
      for (let sector = 0; sector < sectors; sector++) {
        const at = from + sector * SECTOR_BYTES
        if ((some >> sector) & 1) torn.set(after.subarray(at, at + SECTOR_BYTES), at)
      }
      const whole = Buffer.compare(torn, after) === 0
      t.same(newestRecord(torn, key)?.record, record(whole ? 4 : 3, size))
    }
  }
)

t.test('a flipped bit is found: the other slot counts, and with both hit nothing does', async t => {
  const path = join(t.testdir(), 'votes')
  const { after, from } = await lastWrite(path, 2)
  const otherSlot = SLOT_BYTES_MIN - from
  const flip = (places: readonly number[]): void => {
    for (const bit of places) after[bit >> 3]! ^= 1 << (bit & 7)
  }
  const seqWith = (...places: readonly number[]): number | undefined => {
    flip(places)
    const seq = newestRecord(after, key)?.seq
    flip(places)
    return seq
  }
  const wrong: number[] = []
  for (let bit = 0; bit < 8 * (56 + 1_500); bit += 5) {
    const inNewest = seqWith(8 * from + bit)
    const inOlder = seqWith(8 * otherSlot + bit)
    const inBoth = seqWith(8 * from + bit, 8 * otherSlot + bit)
    if (inNewest !== 1 || inOlder !== 2 || inBoth !== undefined) wrong.push(bit)
  }
  t.same(wrong, [])
  flip([8 * from + 700, 8 * otherSlot + 700])
  await writeFile(path, after)
  const file = await openVoteFile(path, key)
  t.same([file.status, file.record], ['damaged', undefined])
  await t.rejects(file.write(record(9)), { code: 'ERR_STORE' })
  await file.renew(record(10))
  const again = await reopened(file, path)
  t.same([again.status, again.record], ['whole', record(10)], 'only a new beginning mends it')
  await again.close()
})

t.test('what no crash leaves is damage: another size, swapped slots, another key', async t => {
  const path = join(t.testdir(), 'votes')
  const { after } = await lastWrite(path, 3)
  const half = after.length / 2
  const swapped = Buffer.concat([after.subarray(half), after.subarray(0, half)])
  t.equal(newestRecord(swapped, key), undefined, 'swapped')
  t.equal(newestRecord(after, other), undefined, 'another key')
  t.equal(newestRecord(Buffer.concat([after, after]), key), undefined, 'twice')
  for (const size of [0, 1, 56, half - 1, half, half + 1, after.length - 2, after.length - 1])
    t.equal(newestRecord(after.subarray(0, size), key), undefined, `${size} bytes`)
  for (const size of [0, half, 2 * SLOT_BYTES_MAX + 2]) {
    await truncate(path, size)
    const file = await openVoteFile(path, key)
    t.equal(file.status, 'damaged', `${size} bytes`)
    await file.close()
    t.equal((await stat(path)).size, size, 'it is left as it is')
  }
})

t.test('a record that outgrows its slot moves to a larger file, and the others follow', async t => {
  const path = join(t.testdir(), 'votes')
  let file = await began(path)
  const large = SLOT_BYTES_MIN - 56
  await file.write(record(1, large))
  t.equal((await stat(path)).size, 2 * SLOT_BYTES_MIN, 'it just fits')
  await file.write(record(2, large + 1))
  t.equal((await stat(path)).size, 4 * SLOT_BYTES_MIN)
  await file.write(record(3))
  await file.write(record(4, 5 * SLOT_BYTES_MIN))
  await file.write(record(5, SLOT_BYTES_MAX - 56))
  t.equal((await stat(path)).size, 2 * SLOT_BYTES_MAX)
  file = await reopened(file, path)
  t.same(file.record, record(5, SLOT_BYTES_MAX - 56))
  await file.write(record(6))
  file = await reopened(file, path)
  t.same(file.record, record(6))
  t.equal((await stat(path)).size, 2 * SLOT_BYTES_MIN, 'an opening makes it small again')
  await t.rejects(file.write(record(7, SLOT_BYTES_MAX)), { code: 'ERR_STORE' })
  await file.close()
})

t.test('a crash before the larger file has its name leaves the record of before', async t => {
  const path = join(t.testdir(), 'votes')
  const grown = join(t.testdir({ grown: {} }), 'grown', 'votes')
  const large = await began(grown, record(5, 2 * SLOT_BYTES_MIN))
  await large.close()
  const bytes = await readFile(grown)
  await (await began(path)).close()
  for (const length of [0, 100, bytes.length / 2, bytes.length]) {
    await writeFile(`${path}.new`, bytes.subarray(0, length))
    const file = await openVoteFile(path, key)
    t.same(file.record, record(0))
    await file.close()
  }
})

t.test('writes that overlap are carried out one after the other', async t => {
  const path = join(t.testdir(), 'votes')
  const file = await began(path)
  const all = [1, 2, 3, 4, 5].map(k => file.write(record(k, k === 3 ? SLOT_BYTES_MIN : 100)))
  const closed = file.close()
  await Promise.all([...all, closed])
  t.same(newestRecord(await readFile(path), key)?.record, record(5, 100))
  t.equal(newestRecord(await readFile(path), key)?.seq, 5)
})

t.test(
  'whatever was written and wherever it crashed, the record is of before or of after',
  async t => {
    const dir = t.testdir()
    let runs = 0
    const kept = { before: 0, after: 0 }
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 9_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: SLOT_BYTES_MIN - 60, max: 3 * SLOT_BYTES_MIN }) }
    )
    const action = fc.record({
      size,
      crash: fc.boolean(),
      /** Which sectors of a write reached the disk: the bits are used again and again. */
      sectors: fc.bigInt({ min: 0n, max: 2n ** 61n })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async actions => {
        const path = join(dir, `votes-${runs++}`)
        let file = await began(path)
        let newest = record(0)
        for (const [k, { size, crash, sectors }] of actions.entries()) {
          const next = sha256(utf8(`${k} ${size}`))
          const wanted = new Uint8Array(size).map((_, at) => next[at % 32]! ^ (at >> 5))
          const before = await readFile(path)
          await file.write(wanted)
          if (crash) {
            const after = await readFile(path)
            // A larger file has its name, or not; a slot has some of its sectors.
            const grew = after.length !== before.length
            const disk = grew ? (sectors % 2n === 0n ? before : after) : before
            for (let at = 0; at < disk.length; at += SECTOR_BYTES)
              if (!grew && (sectors >> BigInt((at / SECTOR_BYTES) % 61)) % 2n === 1n)
                after.copy(disk, at, at, at + SECTOR_BYTES)
            await file.close()
            await writeFile(path, disk)
            file = await openVoteFile(path, key)
            const found = [wanted, newest].find(
              each => Buffer.compare(file.record ?? utf8('none'), each) === 0
            )
            if (found === undefined) throw new Error(`after write ${k} of ${size} bytes`)
            if (found === wanted) kept.after++
            else kept.before++
            newest = found
          } else newest = wanted
        }
        await file.close()
      }),
      { seed: 20_261_122, numRuns: 25 }
    )
    t.ok(kept.before > 10 && kept.after > 5, JSON.stringify(kept))
  }
)

const child = join(import.meta.dirname, 'vote-file-child.ts')
const childArgs = (...args: readonly string[]): string[] => [
  '--conditions=@vitalchain/source',
  child,
  ...args
]

t.test(
  'a process that is killed while it writes loses nothing that it was told is durable',
  async t => {
    const path = join(t.testdir(), 'votes')
    let start = 0
    for (const acknowledgements of [1, 40, 97]) {
      const writer = spawn(process.execPath, childArgs('write', path, `${start}`), {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      let told = -1
      let lines = 0
      const gone = once(writer, 'exit')
      for await (const line of createInterface(writer.stdout)) {
        told = Number(line)
        if (++lines === acknowledgements) writer.kill('SIGKILL')
      }
      t.same((await gone)[1], 'SIGKILL')
      const file = await openVoteFile(path, key)
      const kept = Number(
        Buffer.from(file.record ?? [])
          .toString('latin1')
          .slice(0, 8)
      )
      t.ok(kept === told || kept === told + 1, `${kept} is kept, ${told} was told`)
      await file.close()
      start = kept + 1
    }
  }
)

/** Of util-linux. */
const PRLIMIT = 'prlimit'
const cannot = process.platform !== 'linux' || spawnSync(PRLIMIT, ['--version']).status !== 0

t.test(
  'a write that the disk cuts short fails, so does every later one, and the record of before stays',
  { skip: cannot && 'prlimit(1) of Linux sets the limit' },
  async t => {
    for (const kind of ['slot', 'growth']) {
      const path = join(t.testdir({ [kind]: {} }), kind, 'votes')
      const { stdout } = spawnSync(process.execPath, childArgs('full', path, kind), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit']
      })
      t.same(JSON.parse(stdout), ['ok', 'ERR_STORE', 'ERR_STORE'], kind)
      const file = await openVoteFile(path, key)
      t.match(Buffer.from(file.record ?? []).toString('latin1'), /^before/, kind)
      await file.write(record(1))
      await file.close()
    }
  }
)
