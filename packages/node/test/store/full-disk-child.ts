// Fills its disk and goes on when there is room again. Its parent set no limit: it sets its own, as only Linux lets it.
import { execFileSync } from 'node:child_process'
import { utf8 } from '@vitalchain/core'
import { openStore } from '../../src/store/store.ts'

const [location = ''] = process.argv.slice(2)

// Node ignores the signal that comes with a write beyond the limit; a library of the test runner would pass it on to death.
process.on('SIGXFSZ', () => undefined)

/** Of util-linux. */
const PRLIMIT = 'prlimit'

/** What a file may grow to, bytes: the next large write is cut short in its middle. */
const ROOM_BYTES = 100_000

const limitFiles = (bytes: string): void => {
  execFileSync(PRLIMIT, [`--pid=${process.pid}`, `--fsize=${bytes}:`])
}

let failures = 0
const store = await openStore(location, () => failures++)
const codes: string[] = []
const write = async (key: string, size: number): Promise<void> => {
  try {
    await store.write([{ table: 'state', key: utf8(key), value: new Uint8Array(size) }])
    codes.push('ok')
  } catch (error) {
    codes.push(String((error as { code?: unknown }).code))
  }
}
await write('before', 1_000)
limitFiles(`${ROOM_BYTES}`)
await write('too large', 3 * ROOM_BYTES)
limitFiles('unlimited')
await write('after', 1_000)
process.stdout.write(JSON.stringify({ codes, failures }))
// As a crash would end it: nothing is closed.
process.kill(process.pid, 'SIGKILL')
