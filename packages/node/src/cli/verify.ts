import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  errorCode,
  genesisFormat,
  isVitalchainError,
  useCryptoBackend,
  VitalchainError,
  createReceiptVerifier,
  type ReceiptVerifier,
  type Proven
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { errorLine, EXIT, type CliIo } from './io.ts'
import { readBytes } from './json-file.ts'
import { describeProven, provenToJson } from './proven-text.ts'

/** What `vitalchain verify` was asked for. */
export interface VerifyOptions {
  /** Receipts, and directories of files that end in `.receipt`. */
  readonly files: readonly string[]
  /** What is trusted: the genesis document's file, or the network id. */
  readonly trust: { readonly genesis: string } | { readonly network: Uint8Array }
  /** One line for each receipt. */
  readonly quiet?: boolean
  /** One line of JSON for each receipt. */
  readonly json?: boolean
}

/** What a verifier says about one receipt. */
type Verdict = { readonly proven: Proven } | { readonly error: unknown }

const RECEIPT_SUFFIX = '.receipt'

/**
 * Verifies receipts offline: VALID and what it proves, or INVALID and why.
 *
 * @returns 0 when all are valid, 1 when one is not, 2 when one cannot be read
 * @throws VitalchainError `ERR_FILE` for a genesis that is none
 */
export async function verifyCommand(options: VerifyOptions, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const genesis =
    'network' in options.trust ? options.trust.network : await readGenesis(options.trust.genesis)
  const verifier = createReceiptVerifier({ genesis })
  let exit: number = EXIT.ok
  for (const name of options.files) {
    for await (const { file, bytes } of receiptFiles(name)) {
      if (bytes === undefined) {
        io.err(errorLine(new VitalchainError('ERR_FILE', `${file} cannot be read`)))
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

/** A genesis document's bytes, checked to be one: the trust in a receipt begins here. */
async function readGenesis(file: string): Promise<Uint8Array> {
  const bytes = await readBytes(file)
  try {
    genesisFormat.decode(bytes)
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${file} is no genesis document`, { cause })
  }
  return bytes
}

async function* receiptFiles(
  name: string
): AsyncGenerator<{ file: string; bytes: Uint8Array | undefined }> {
  const directory = (await stat(name).catch(() => undefined))?.isDirectory() === true
  const files = directory
    ? (await readdir(name))
        .filter(each => each.endsWith(RECEIPT_SUFFIX))
        .toSorted()
        .map(each => join(name, each))
    : [name]
  if (files.length === 0) yield { file: join(name, `*${RECEIPT_SUFFIX}`), bytes: undefined }
  for (const file of files) yield { file, bytes: await readBytes(file).catch(() => undefined) }
}

function verify(bytes: Uint8Array, verifier: ReceiptVerifier): Verdict {
  try {
    return { proven: verifier(bytes) }
  } catch (error) {
    // There is no third answer: whatever stops the verifier, the receipt is not shown to be valid.
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
    return [`INVALID ${file}: ${message} (${code})`]
  }
  const { proven } = verdict
  if (json) return [JSON.stringify({ file, valid: true, ...provenToJson(proven) })]
  if (quiet) return [`VALID ${file}`]
  const width = 14
  return [
    `VALID ${file}`,
    ...describeProven(proven).map(([heading, line]) => `  ${heading.padEnd(width)}${line}`)
  ]
}
