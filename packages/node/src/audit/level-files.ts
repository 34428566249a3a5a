import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { VitalchainError } from '@vitalchain/core'
import type { Fault, FaultList, OnProgress } from './fault.ts'
import { checkLog, type LogDamage } from './level-log.ts'
import { checkTable } from './level-table.ts'

/** What LevelDB calls its files (leveldb, doc/impl.md). */
const LOG_FILE = /^\d+\.log$/
const MANIFEST_FILE = /^MANIFEST-\d+$/
const TABLE_FILE = /^\d+\.(ldb|sst)$/

/**
 * Checks every checksum in the files of a closed LevelDB database, which LevelDB itself does not: what it cannot read of its
 * log it drops in silence.
 *
 * @returns whether opening the database would lose something: then it must not be opened before it is repaired
 */
export async function checkLevelFiles(
  directory: string,
  found: FaultList,
  onProgress: OnProgress = () => undefined
): Promise<{ readonly safeToOpen: boolean }> {
  const names = (await readdir(directory)).toSorted()
  const sizes = await Promise.all(names.map(async name => (await stat(join(directory, name))).size))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let done = 0
  let safeToOpen = true
  const report = (fault: Fault, unsafe: boolean): void => {
    if (unsafe) safeToOpen = false
    found.add(fault)
  }
  if (!(await currentIsSound(directory, names))) {
    report(fileFault('CURRENT', 0, 'it does not name a manifest that is here'), true)
  }
  for (const [at, name] of names.entries()) {
    const file = join(directory, name)
    if (LOG_FILE.test(name) || MANIFEST_FILE.test(name)) {
      const damage = checkLog(await readFile(file))
      if (damage !== undefined) report(fileFault(name, damage.offset, logMessage(damage)), true)
    } else if (TABLE_FILE.test(name)) {
      const handle = await open(file)
      try {
        for await (const { offset, message } of checkTable(handle, sizes[at] ?? 0))
          report(fileFault(name, offset, message), false)
      } finally {
        await handle.close()
      }
    }
    done += sizes[at] ?? 0
    onProgress({ stage: 'files', done, total })
  }
  return { safeToOpen }
}

/**
 * Makes sure that LevelDB will not leave out records in the middle of its log and take later ones: its tables would
 * contradict each other, and nothing would tell. A log that only ends early is as after a power cut, and whole up to there.
 *
 * @param directory - of a closed database; it need not exist
 * @throws VitalchainError `ERR_DAMAGED`
 */
export async function requireWholeLog(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const file of names.filter(each => LOG_FILE.test(each))) {
    const damage = checkLog(await readFile(join(directory, file)))
    if (damage?.more !== true) continue
    const { offset } = damage
    throw new VitalchainError(
      'ERR_DAMAGED',
      `the store's file ${file} is damaged at byte ${offset}: run vitalchain repair`,
      { values: { file, offset } }
    )
  }
}

async function currentIsSound(directory: string, names: readonly string[]): Promise<boolean> {
  if (!names.includes('CURRENT')) return false
  const text = await readFile(join(directory, 'CURRENT'), 'latin1')
  return text.endsWith('\n') && MANIFEST_FILE.test(text.trimEnd()) && names.includes(text.trimEnd())
}

function logMessage({ torn }: LogDamage): string {
  return torn
    ? 'it ends in the middle of a record: the power failed while it was written, or it is damaged'
    : 'a record is not what was written'
}

function fileFault(name: string, offset: number, message: string): Fault {
  return {
    kind: 'file',
    table: 'files',
    key: `${name}@${offset}`,
    height: undefined,
    message: `the file ${name} is damaged at byte ${offset}: ${message}`
  }
}
