// The script of the page that follows a ledger.
import { followLedger } from './light-follow.ts'

declare global {
  var vitalchainFollow: typeof followLedger
}

globalThis.vitalchainFollow = followLedger
