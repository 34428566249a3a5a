import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Gives a file that takes the place of another to the owner of that one, where root changes the files of a node that runs as
 * another user: it could not read them any more.
 */
export async function keepOwner(
  made: Pick<FileHandle, 'chown'>,
  { uid, gid }: Pick<Stats, 'uid' | 'gid'>
): Promise<void> {
  if (process.getuid?.() === 0) await made.chown(uid, gid)
}
