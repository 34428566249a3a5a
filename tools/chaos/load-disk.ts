// Writes and syncs without pause: what others write to the same disk waits in line behind it.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of one write: large enough that its sync takes longer than that of a vote. */
const WRITE_BYTES = 4 * 1024 * 1024

/** Bytes after which the file begins again. */
const FILE_BYTES = 64 * 1024 * 1024

const [directory = '.', ms = '0'] = process.argv.slice(2)
const file = join(directory, `load-${process.pid}`)
const bytes = Buffer.alloc(WRITE_BYTES, 1)
const descriptor = openSync(file, 'w')
const until = performance.now() + Number(ms)
for (let at = 0; performance.now() < until; at = (at + WRITE_BYTES) % FILE_BYTES) {
  writeSync(descriptor, bytes, 0, WRITE_BYTES, at)
  fdatasyncSync(descriptor)
}
closeSync(descriptor)
rmSync(file)
