import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { VitalchainError } from '@vitalchain/core'

/** Holds a consensus key on this machine until it is released, or the process ends in whatever way. */
export interface KeyLock {
  release(): Promise<void>
}

/**
 * Takes a consensus key for this process. A second process on this machine that has the same key, from whatever directory,
 * is refused. The lock is an object of the operating system that ends with its process, so nothing is stale after a kill,
 * and no moment exists in which two take it over: on Linux an abstract socket name, on Windows a named pipe, elsewhere the
 * lock of a LevelDB directory under the system's directory for temporary files.
 *
 * It does not reach other machines, nor other network namespaces of this one: containers.
 *
 * @param key - the consensus public key, 32 bytes
 * @throws VitalchainError `ERR_KEY_IN_USE` when another process, or another part of this one, holds it
 */
export async function lockKey(key: Uint8Array): Promise<KeyLock> {
  const name = `vitalchain-key-${createHash('sha256').update('vitalchain-key-lock\0').update(key).digest('hex')}`
  if (process.platform === 'linux') return listenOn(`\0${name}`)
  if (process.platform === 'win32') return listenOn(`\\\\.\\pipe\\${name}`)
  return openDirectory(join(tmpdir(), name))
}

async function listenOn(name: string): Promise<KeyLock> {
  // Nobody has anything to say here.
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    // For good: a later one, of a connection that could not be taken, must not end the process.
    server.on('error', reject)
    server.listen(name, resolve)
  }).catch((error: unknown) => {
    const taken = error instanceof Error && 'code' in error
    throw taken && (error.code === 'EADDRINUSE' || error.code === 'EACCES') ? inUse(error) : error
  })
  server.unref()
  return { release: () => closeServer(server) }
}

async function openDirectory(location: string): Promise<KeyLock> {
  const lock = new ClassicLevel(location)
  try {
    await lock.open()
  } catch (error) {
    const { cause } = error instanceof Error ? error : {}
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
    throw taken ? inUse(error) : error
  }
  return { release: () => lock.close() }
}

/** Closes a server, and resolves when its name is free. */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
  })
}

function inUse(cause: unknown): VitalchainError {
  return new VitalchainError(
    'ERR_KEY_IN_USE',
    'another process of this machine runs with this consensus key',
    { cause }
  )
}
