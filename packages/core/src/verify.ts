// The verifier alone, for pages and programs that only check receipts: at most 30 kB minified and gzipped, with its
// cryptography and without what signs. `test/browser` measures it. The same functions are in the package's main entry.
export { fromHex, toHex } from './bytes.ts'
export { errorCode, isVitalchainError, VitalchainError } from './errors.ts'
export type { Pin, Trust, TrustLevel } from './ledger/anchor.ts'
export {
  createReceiptVerifier,
  verifyReceipt,
  type Proven,
  type ReceiptVerifier
} from './ledger/receipt.ts'
