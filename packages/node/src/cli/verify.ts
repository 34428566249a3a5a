import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, isVitalchainError, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { errorLine, EXIT, printable, type CliIo } from './io.ts'
import { readBytes } from './json-file.ts'
import { transactionIn } from './transaction-file.ts'
import { createProofVerifier, type ProofVerdict, type ProofVerifier } from './verify-proof.ts'
import { readTrust, type TrustFlags } from './verify-trust.ts'

/** What `vitalchain verify` was asked for. */
export interface VerifyOptions extends TrustFlags {
  /** Proofs, and directories of files that end in `.receipt`. */
  readonly files: readonly string[]
  /** The file of the transaction that a COSE receipt is about, or of a proof that holds it. */
  readonly transaction?: string | undefined
  /** One line for each proof. */
  readonly quiet?: boolean
  /** One line of JSON for each proof. */
  readonly json?: boolean
}

/** What a verifier says about one file. */
type Verdict = ProofVerdict | { readonly error: unknown }

const RECEIPT_SUFFIX = '.receipt'

/**
 * Verifies receipts and other proofs offline, told apart by their content: VALID and what it proves, or INVALID and why.
 *
 * @returns 0 when all are valid, 1 when one is not, 2 when one cannot be read
 * @throws VitalchainError as `readTrust`
 */
export async function verifyCommand(options: VerifyOptions, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const trust = await readTrust(options)
  const { transaction: file } = options
  const transaction = file === undefined ? undefined : transactionIn(await readBytes(file), file)
  const verifier = createProofVerifier(trust, transaction)
  let exit: number = EXIT.ok
  for (const name of options.files) {
    for await (const { file, bytes } of proofFiles(name)) {
      if (!(bytes instanceof Uint8Array)) {
        io.err(errorLine(bytes))
        exit = EXIT.usage
        continue
      }
      const verdict = verify(bytes, verifier)
      if ('error' in verdict && exit === EXIT.ok) exit = EXIT.failed
      for (const line of verdictLines(file, verdict, options)) io.out(line)
    }
  }
  return exit
}

/** Each with its bytes, or with the error for what cannot be read. */
async function* proofFiles(name: string): AsyncGenerator<{ file: string; bytes: unknown }> {
  const directory = (await stat(name).catch(() => undefined))?.isDirectory() === true
  const files = directory
    ? (await readdir(name))
        .filter(each => each.endsWith(RECEIPT_SUFFIX))
        .toSorted()
        .map(each => join(name, each))
    : [name]
  if (files.length === 0) {
    const bytes = new VitalchainError('ERR_FILE', `${name} holds no file *${RECEIPT_SUFFIX}`)
    yield { file: name, bytes }
  }
  for (const file of files)
    yield { file, bytes: await readBytes(file).catch((error: unknown) => error) }
}

function verify(bytes: Uint8Array, verifier: ProofVerifier): Verdict {
  try {
    return verifier(bytes)
  } catch (error) {
    // Something else must be given: that says nothing about the proof.
    if (errorCode(error) === 'ERR_USAGE') throw error
    // There is no third answer: whatever stops the verifier, the proof is not shown to be valid.
    return { error }
  }
}

function verdictLines(
  file: string,
  verdict: Verdict,
  { quiet = false, json = false }: VerifyOptions
): readonly string[] {
  if ('error' in verdict) {
    const code = errorCode(verdict.error)
    const message = isVitalchainError(verdict.error) ? verdict.error.message : 'internal error'
    if (json) return [JSON.stringify({ file, valid: false, code, message })]
    return [`INVALID ${printable(file)}: ${message} (${code})`]
  }
  const { kind, text } = verdict
  if (json) return [JSON.stringify({ file, valid: true, kind, ...verdict.json })]
  const valid = `VALID ${printable(file)}`
  if (quiet) return [valid]
  const width = 14
  return [valid, ...text.map(([heading, line]) => `  ${heading.padEnd(width)}${line}`)]
}
