import { mkdir, open, readdir, readFile, unlink } from 'node:fs/promises'
import { lockOutbox, type OutboxLock } from './outbox-lock.ts'

/** An open file. Positions are in bytes. */
export interface DiskFile {
  read(bytes: number, at: number): Promise<Uint8Array>
  write(bytes: Uint8Array, at: number): Promise<void>
  truncate(size: number): Promise<void>
  /** What was written survives a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** What an outbox in files needs of a file system. Tests have one that loses its power. */
export interface Disk {
  /** Makes a directory if it is missing; where it made the first one, or undefined. */
  makeDirectory(path: string): Promise<string | undefined>
  list(path: string): Promise<readonly string[]>
  read(path: string): Promise<Uint8Array>
  /** Opens a file, for reading too; `new` = it must not exist yet. */
  open(path: string, how: 'read' | 'write' | 'new'): Promise<DiskFile>
  remove(path: string): Promise<void>
  /** The names in a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>
  /** @throws VitalchainError `ERR_OUTBOX_IN_USE` */
  lock(path: string): Promise<OutboxLock>
}

const FLAGS = { read: 'r', write: 'r+', new: 'wx+' } as const

/** Node's file system. */
export const nodeDisk: Disk = {
  makeDirectory: path => mkdir(path, { recursive: true }),
  list: path => readdir(path),
  read: path => readFile(path),
  async open(path, how) {
    const handle = await open(path, FLAGS[how])
    return {
      async read(bytes, at) {
        const { buffer, bytesRead } = await handle.read(new Uint8Array(bytes), 0, bytes, at)
        return buffer.subarray(0, bytesRead)
      },
      async write(bytes, at) {
        for (let done = 0; done < bytes.length;)
          done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
      },
      truncate: size => handle.truncate(size),
      sync: () => handle.datasync(),
      close: () => handle.close()
    }
  },
  remove: path => unlink(path),
  async syncDirectory(path) {
    // Windows keeps names by itself and refuses to be asked.
    if (process.platform === 'win32') return
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
  lock: lockOutbox
}
