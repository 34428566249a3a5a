import { writeFile } from 'node:fs/promises'
import { VitalchainError } from '@vitalchain/core'
import type { CliIo } from './io.ts'

/** How a proof is written. */
export interface ProofOut {
  readonly out: string | undefined
  readonly isText: boolean
  /** Whether one line of JSON tells what was written. */
  readonly json: boolean
  /** What else that line says. */
  readonly more?: object
}

/**
 * Writes a proof into a file, or a text to the standard output.
 *
 * @throws VitalchainError `ERR_USAGE` for bytes without a file
 */
export async function writeProof(
  bytes: Uint8Array,
  { out, isText, json, more = {} }: ProofOut,
  io: CliIo
): Promise<void> {
  if (out !== undefined) {
    await writeFile(out, bytes)
    if (json) io.out(JSON.stringify({ file: out, bytes: bytes.length, ...more }))
    else io.err(`${out}: ${bytes.length} bytes`)
    return
  }
  if (!isText) throw new VitalchainError('ERR_USAGE', 'say --out: this form is no text')
  // Whatever writes a line ends it.
  io.out(new TextDecoder().decode(bytes).replace(/\n$/, ''))
}
