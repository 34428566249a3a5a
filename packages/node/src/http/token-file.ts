import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncDirectory, undefinedIfAbsent } from '../consensus/vote-file.ts'
import type { TokenFile } from './role-tokens.ts'

/** The file of tokens in a data directory. It holds hashes: who reads it can do nothing with them. */
const TOKENS_FILE = 'tokens.json'

/** Opens the file of tokens in a data directory; it need not be there. At every moment it is whole. */
export async function openTokenFile(dir: string): Promise<TokenFile> {
  const file = join(dir, TOKENS_FILE)
  return {
    text: await readFile(file, 'utf8').catch(undefinedIfAbsent),
    async write(text) {
      const made = `${file}.new`
      // What a process left that was killed here.
      await rm(made, { force: true })
      const handle = await open(made, 'wx', 0o600)
      try {
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(made, file)
      await syncDirectory(dirname(file))
    }
  }
}
