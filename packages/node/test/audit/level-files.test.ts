import t from 'tap'
import { utf8 } from '@vitalchain/core'
import { crc32c, maskedCrc32c } from '../../src/audit/crc32c.ts'
import { checkLog } from '../../src/audit/level-log.ts'
import { openSnappy } from '../../src/audit/snappy.ts'
import { createProgressBar } from '../../src/cli/progress-bar.ts'

t.test('CRC-32C has the values of RFC 3720 appendix B.4', async t => {
  t.equal(crc32c(utf8('123456789')), 0xe3069283)
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k)), 0x46dd794e)
})

t.test('Snappy blocks are opened: literals, and copies near, far and over themselves', async t => {
  const [a, b, c] = [0x61, 0x62, 0x63]
  t.equal(open(3, 2 << 2, a, b, c), 'abc')
  // Offset in 11 bits, 16 bits and 32 bits.
  t.equal(open(7, 2 << 2, a, b, c, 1, 3), 'abcabca')
  t.equal(open(9, 2 << 2, a, b, c, (5 << 2) | 2, 3, 0), 'abcabcabc')
  t.equal(open(5, 0, a, (3 << 2) | 3, 1, 0, 0, 0), 'aaaaa')
  const long = Array.from({ length: 70 }, () => a)
  t.equal(open(70, 60 << 2, 69, ...long), 'a'.repeat(70))
  for (const bad of [
    [3, 2 << 2, a],
    [4, 2 << 2, a, b, c],
    [4, 0, a, 1, 9],
    [0xff, 0xff]
  ])
    t.throws(() => open(...bad), { code: 'ERR_ENCODING' })
})

t.test('a log is whole, torn at its end, or has a hole that more follows', async t => {
  const block = 32 * 1024
  const full = record(1, block - 7)
  const log = Uint8Array.from([...full, ...record(2, block - 7), ...record(4, 50)])
  t.equal(checkLog(log), undefined)
  t.equal(checkLog(new Uint8Array(0)), undefined)
  t.same(checkLog(log.subarray(0, -1)), { offset: 2 * block, torn: true, more: false })
  t.same(checkLog(log.subarray(0, 2 * block)), { offset: block, torn: true, more: false })
  t.same(checkLog(log.subarray(0, 2 * block + 3)), { offset: block, torn: true, more: false })
  const flipped = Uint8Array.from(log)
  flipped[100]! ^= 1
  t.same(checkLog(flipped), { offset: 0, torn: false, more: true })
  flipped[100]! ^= 1
  flipped[block + 100]! ^= 1
  t.same(
    checkLog(flipped),
    { offset: block, torn: false, more: false },
    'its last part is no record'
  )
})

t.test('progress is a bar on a terminal, and a line now and then elsewhere', async t => {
  let time = 0
  const drawn: string[] = []
  const lines: string[] = []
  const io = {
    out: () => undefined,
    err: (line: string) => void lines.push(line),
    stop: new AbortController().signal,
    inputEnd: () => new Promise<void>(() => undefined)
  }
  const terminal = createProgressBar({ ...io, draw: line => void drawn.push(line) }, () => time)
  const file = createProgressBar(io, () => time)
  for (const done of [1, 2, 3]) {
    time += 2_500
    for (const bar of [terminal, file]) bar.onProgress({ stage: 'blocks', done, total: 4 })
  }
  time += 5_000
  file.onProgress({ stage: 'records', done: 7, total: undefined })
  terminal.end()
  file.end()
  t.same(drawn, [
    'carrying out blocks [########......................] 25%, 3 s',
    'carrying out blocks [###############...............] 50%, 5 s',
    'carrying out blocks [#######################.......] 75%, 8 s',
    ''
  ])
  t.same(lines, [
    'carrying out blocks [###############...............] 50%, 5 s',
    'comparing records: 7, 13 s'
  ])
})

function open(...bytes: readonly number[]): string {
  return new TextDecoder().decode(openSnappy(Uint8Array.from(bytes)))
}

/** A part of a record as LevelDB's log has it. */
function record(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(7 + length).fill(7)
  bytes[6] = type
  const view = new DataView(bytes.buffer)
  view.setUint16(4, length, true)
  view.setUint32(0, maskedCrc32c(bytes.subarray(6)), true)
  return bytes
}
