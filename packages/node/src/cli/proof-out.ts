import { writeFile } from 'node:fs/promises'
import { VitalchainError } from '@vitalchain/core'
import type { CliIo } from './io.ts'

/**
 * Writes a proof into a file, or a text to the standard output.
 *
 * @throws VitalchainError `ERR_USAGE` for bytes without a file
 */
export async function writeProof(
  bytes: Uint8Array,
  { out, isText }: { readonly out: string | undefined; readonly isText: boolean },
  io: CliIo
): Promise<void> {
  if (out !== undefined) {
    await writeFile(out, bytes)
    io.err(`${out}: ${bytes.length} bytes`)
    return
  }
  if (!isText) throw new VitalchainError('ERR_USAGE', 'say --out: this form is no text')
  // Whatever writes a line ends it.
  io.out(new TextDecoder().decode(bytes).replace(/\n$/, ''))
}
