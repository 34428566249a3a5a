// The script of the page that the browser test loads.
import { verdictOf } from './verdict.ts'

declare global {
  var vitalchainVerdict: typeof verdictOf
}

globalThis.vitalchainVerdict = verdictOf
