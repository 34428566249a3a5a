// The script of the page that judges the vector files.
import { judge } from './judge.ts'

declare global {
  var vitalchainJudge: typeof judge
}

globalThis.vitalchainJudge = judge
