import { readdir, readFile, statfs } from 'node:fs/promises'
import type { DiskObservation, FilesObservation } from './observations.ts'

/** The file system of a directory; undefined where it cannot be asked. */
export async function observeDisk(path: string): Promise<DiskObservation | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    // Not there yet, or a system that does not tell: nothing can be said of it.
    return undefined
  }
}

const LIMIT_LINE = /^Max open files\s+(\d+)/m

/** Files and sockets that this process has open, and how many it may; undefined where the system does not tell. */
export async function observeFiles(): Promise<FilesObservation | undefined> {
  try {
    const [open, limits] = await Promise.all([
      readdir('/proc/self/fd'),
      readFile('/proc/self/limits', 'utf8')
    ])
    const limit = Number(LIMIT_LINE.exec(limits)?.[1])
    // Without a number it is "unlimited".
    return Number.isSafeInteger(limit) ? { open: open.length, limit } : undefined
  } catch {
    return undefined
  }
}
