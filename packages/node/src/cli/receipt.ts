import {
  decodeTransaction,
  fromHex,
  receiptToJson,
  useCryptoBackend,
  utf8,
  VitalchainError
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { EXIT, type CliIo } from './io.ts'
import { readBytes } from './json-file.ts'
import { writeProof } from './proof-out.ts'
import { openProofSource, readPinSize, type ReceiptForm, type SourceFlags } from './proof-source.ts'
import { transactionIn } from './transaction-file.ts'

/** What `vitalchain receipt` was asked for. */
export interface ReceiptFlags extends SourceFlags {
  readonly form: ReceiptForm
  readonly pin?: string
  readonly renew: boolean
  readonly member?: Uint8Array
  readonly out?: string
  readonly json: boolean
}

/**
 * Gets the receipt of a transaction.
 *
 * @param named - the transaction's identity, or the file of an old receipt
 * @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_NO_CHECKPOINT`, `ERR_TREE_RANGE`, and as `openProofSource`
 */
export async function receiptCommand(
  named: string,
  flags: ReceiptFlags,
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { renew, member, out, json } = flags
  const form = json && out === undefined ? 'json' : flags.form
  const id = await identityOf(named)
  const pin = await readPinSize(flags.pin)
  const source = await openProofSource(flags)
  try {
    const asked = form === 'json' ? 'cbor' : form
    const receipt = await source.receipt(id, asked, { pin, renew, member })
    const bytes =
      form === 'json'
        ? utf8(`${JSON.stringify(receiptToJson(receipt), null, json ? 0 : 2)}\n`)
        : receipt
    const isText = form === 'json' || form === 'tlog-proof'
    await writeProof(bytes, { out, isText, json }, io)
    return EXIT.ok
  } finally {
    await source.close()
  }
}

async function identityOf(named: string): Promise<Uint8Array> {
  if (/^[0-9a-fA-F]{64}$/.test(named)) return fromHex(named)
  const bytes = await readBytes(named).catch((cause: unknown) => {
    throw new VitalchainError(
      'ERR_FILE',
      `${named} is neither an identity, which has 64 hexadecimal digits, nor a file that can be read`,
      { cause }
    )
  })
  return decodeTransaction(transactionIn(bytes, named)).id
}
