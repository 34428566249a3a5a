import { errorCode, fromHex, toHex, verifyReceipt } from '@vitalchain/core'

/** What a verifier says of a receipt: a code, or the facts that it proves. */
export type Verdict =
  | { readonly code: string }
  | {
      readonly index: number
      readonly height: number
      readonly blockHash: string
      readonly transactionId: string
    }

/** Verifies a receipt in hexadecimal against a network id; the same source runs in Node and in the page. */
export function verdictOf(receipt: string, network: string): Verdict {
  try {
    const proven = verifyReceipt(fromHex(receipt), { genesis: fromHex(network) })
    return {
      index: proven.index,
      height: proven.header.height,
      blockHash: toHex(proven.blockHash),
      transactionId: toHex(proven.transaction.id)
    }
  } catch (error) {
    return { code: errorCode(error) }
  }
}
