// Writes records until it is killed, or fills its disk.
import { execFileSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { absentVoteFile, openVoteFile, SLOT_BYTES_MIN } from '../../src/consensus/vote-file.ts'

// Node ignores the signal that comes with a write beyond the limit; a library of the test runner would pass it on to death.
process.on('SIGXFSZ', () => undefined)

/** Of util-linux. */
const PRLIMIT = 'prlimit'

const [task = '', path = '', argument = ''] = process.argv.slice(2)
const key = new Uint8Array(32).fill(1)

/** A record that begins with its number, of changing size: now and then it outgrows its slot. */
function numbered(k: number): Uint8Array {
  const size = k % 23 === 22 ? SLOT_BYTES_MIN * (1 + (k % 5)) : 100 + ((k * 977) % 20_000)
  return Buffer.from(`${k}`.padStart(8).padEnd(size, 'x'), 'latin1')
}

if (task === 'write') {
  const file = await openVoteFile(path, key)
  for (let k = Number(argument); ; k++) {
    await (file.status === 'absent' ? file.renew(numbered(k)) : file.write(numbered(k)))
    writeSync(1, `${k}\n`)
  }
}

// The signal of that limit ends a process whose parent did not have it ignored.
process.on('SIGXFSZ', () => undefined)
const codes: string[] = []
const attempt = async (work: Promise<void>): Promise<void> => {
  try {
    await work
    codes.push('ok')
  } catch (error) {
    codes.push(String((error as { code?: unknown }).code))
  }
}
// In the middle of the second slot; in the middle of a larger file.
const limit = argument === 'slot' ? SLOT_BYTES_MIN + 1_000 : 3 * SLOT_BYTES_MIN
const text = (what: string, size: number): Uint8Array => Buffer.from(what.padEnd(size), 'latin1')
const file = absentVoteFile(path, key)
await attempt(file.renew(text('before', 2_000)))
execFileSync(PRLIMIT, [`--pid=${process.pid}`, `--fsize=${limit}:`])
await attempt(file.write(text('failed', argument === 'slot' ? 3_000 : 2 * SLOT_BYTES_MIN)))
execFileSync(PRLIMIT, [`--pid=${process.pid}`, '--fsize=unlimited:'])
await attempt(file.write(text('after', 100)))
process.stdout.write(JSON.stringify(codes))
// As a crash would end it: nothing is closed.
process.kill(process.pid, 'SIGKILL')
