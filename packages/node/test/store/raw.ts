import { ClassicLevel } from 'classic-level'

/** Changes records of a closed store behind its back, as a failing disk does. A value of undefined deletes. */
export async function changeRecords(
  location: string,
  change: (key: Uint8Array, record: Uint8Array) => Uint8Array | undefined
): Promise<void> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  await database.open()
  for await (const [key, record] of database.iterator()) {
    const changed = change(key, Uint8Array.from(record))
    if (changed === undefined) await database.del(key)
    else await database.put(key, changed)
  }
  await database.close()
}

/** Flips one bit in the last byte of every record of a table, given by its letter. */
export function flipRecords(location: string, letter: string): Promise<void> {
  return changeRecords(location, (key, record) => {
    if (key[0] === letter.charCodeAt(0)) record[record.length - 1]! ^= 0x10
    return record
  })
}
