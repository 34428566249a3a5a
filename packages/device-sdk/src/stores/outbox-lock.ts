import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { VitalchainError } from '@vitalchain/core'

/** Holds a directory for this process until it is released, or the process ends in whatever way. */
export interface OutboxLock {
  release(): Promise<void>
}

/** `open` flag of macOS and the BSDs: the file is locked as `flock` does, until its descriptor is closed. */
const O_EXLOCK = 0x20

/**
 * Takes an outbox's directory for this process. The lock is an object of the operating system that ends with its process,
 * so nothing is stale after a kill: on Linux an abstract socket name, on Windows a named pipe, elsewhere a locked file.
 * On Linux it does not reach another network namespace: two containers must not share an outbox.
 *
 * @param directory - an existing one
 * @throws VitalchainError `ERR_OUTBOX_IN_USE` when another process, or another part of this one, holds it
 */
export async function lockOutbox(directory: string): Promise<OutboxLock> {
  const path = await realpath(directory)
  const name = `vitalchain-outbox-${createHash('sha256').update(path).digest('hex')}`
  if (process.platform === 'linux') return listenOn(`\0${name}`)
  if (process.platform === 'win32') return listenOn(`\\\\.\\pipe\\${name}`)
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK
  const file = await open(join(path, 'lock'), flags).catch((error: unknown) => {
    throw hasCode(error, 'EAGAIN', 'EWOULDBLOCK') ? inUse(error) : error
  })
  return { release: () => file.close() }
}

async function listenOn(name: string): Promise<OutboxLock> {
  // Nobody has anything to say here.
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    // For good: a later error, of a connection that could not be taken, must not end the process.
    server.on('error', reject)
    server.listen(name, resolve)
  }).catch((error: unknown) => {
    throw hasCode(error, 'EADDRINUSE', 'EACCES') ? inUse(error) : error
  })
  server.unref()
  return { release: () => new Promise(resolve => server.close(() => resolve())) }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function inUse(cause: unknown): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_IN_USE', 'this outbox is open elsewhere', { cause })
}
