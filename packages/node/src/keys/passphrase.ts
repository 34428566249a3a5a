import { VitalchainError } from '@vitalchain/core'
import type { CliIo } from '../cli/io.ts'
import { readTextFile } from '../cli/json-file.ts'
import { createUnlock, type AskPassphrase, type Unlock } from './unlock.ts'

/** Characters of a new passphrase: as NIST SP 800-63B asks of one that is used together with something else, here the file. */
const PASSPHRASE_CHARACTERS_MIN = 8

/** Bytes of a file with a passphrase. */
const PASSPHRASE_BYTES_MAX = 4_096

/** Opens the keys with the passphrase of a file or, where there is a terminal, of the person who sits there. */
export function unlockWith(
  passphraseFile: string | undefined,
  io: Pick<CliIo, 'askSecret'>
): Unlock {
  return createUnlock(askFor('Passphrase of keys.json: ', passphraseFile, io))
}

/**
 * Gets the passphrase for new keys: from a file, or twice from a person.
 *
 * @throws VitalchainError `ERR_PASSPHRASE` when it is too short, or not the same twice, or nobody is there to be asked
 */
export async function newPassphrase(
  passphraseFile: string | undefined,
  io: Pick<CliIo, 'askSecret'>
): Promise<string> {
  const passphrase = await askFor('New passphrase for keys.json: ', passphraseFile, io)()
  if (passphrase.length < PASSPHRASE_CHARACTERS_MIN)
    throw new VitalchainError(
      'ERR_PASSPHRASE',
      `a passphrase has ${PASSPHRASE_CHARACTERS_MIN} characters or more`
    )
  if (passphraseFile === undefined) {
    const again = await askFor('The same again: ', undefined, io)()
    if (again !== passphrase)
      throw new VitalchainError('ERR_PASSPHRASE', 'the two passphrases are not the same')
  }
  return passphrase
}

function askFor(
  question: string,
  passphraseFile: string | undefined,
  { askSecret }: Pick<CliIo, 'askSecret'>
): AskPassphrase {
  return async () => {
    if (passphraseFile !== undefined) {
      // An editor ends the line; nobody means that as a part of it.
      const text = (await readTextFile(passphraseFile, PASSPHRASE_BYTES_MAX)).replace(/\r?\n$/, '')
      if (text === '')
        throw new VitalchainError('ERR_PASSPHRASE', `there is no passphrase in ${passphraseFile}`)
      return text
    }
    if (askSecret === undefined)
      throw new VitalchainError(
        'ERR_PASSPHRASE',
        'nobody is there to be asked for the passphrase of keys.json: give --passphrase-file or VITALCHAIN_PASSPHRASE_FILE'
      )
    return askSecret(question)
  }
}
