import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex } from '@vitalchain/core'
import { newestRecord } from '../consensus/vote-file.ts'
import type { FaultList } from './fault.ts'
import { checkLevelFiles } from './level-files.ts'

/** Records of a consensus key and of a checkpoint key: what they signed last. */
const RECORD_FILE = /^(?:vote-state|checkpoint)-([0-9a-f]{64})$/

/** The keys' own records in a node's data directory. */
const DIRECTORY = 'votes'

/** Checks what a stopped node keeps of what its keys signed: every checksum in its files. */
export async function checkVoteFiles(dataDir: string, found: FaultList): Promise<void> {
  const directory = join(dataDir, DIRECTORY)
  if ((await stat(directory).catch(() => undefined))?.isDirectory() !== true) return
  const names = await readdir(directory)
  if (names.includes('CURRENT')) await checkLevelFiles(directory, found)
  for (const name of names.toSorted()) {
    const key = RECORD_FILE.exec(name)?.[1]
    if (key === undefined) continue
    for (const slot of damagedSlots(await readFile(join(directory, name)), fromHex(key))) {
      found.add({
        kind: 'file',
        table: 'votes',
        key: `${name}@${slot}`,
        height: undefined,
        message: `the file ${name} is damaged behind byte ${slot}, or the power failed while it was written`
      })
    }
  }
}

/** Where the slots of a record begin that hold something and are not whole. */
function damagedSlots(file: Uint8Array, key: Uint8Array): readonly number[] {
  const middle = file.length >> 1
  if (newestRecord(file, key) === undefined) return [0]
  return [0, middle].filter(slot => {
    const alone = new Uint8Array(file.length)
    alone.set(file.subarray(slot, slot + middle), slot)
    return alone.some(byte => byte !== 0) && newestRecord(alone, key) === undefined
  })
}
