import { decodeSamples, encodeSamples, fromHex } from '@vitalchain/core'
import { judgeFields, judgeRefusals, type Finding } from './finding.ts'

/** Judges the vectors of sampled signals. spec P-6 */
export function judgeSamples(file: {
  readonly valid: readonly { readonly bytes: string }[]
  readonly invalid: readonly { readonly bytes: string; readonly code: string }[]
}): Finding[] {
  return [
    ...judgeFields('valid', file.valid, ({ bytes }) => {
      const signals = decodeSamples(fromHex(bytes))
      return {
        signals: {
          ...signals,
          signals: signals.signals.map(each => ({ ...each, samples: [...each.samples] }))
        },
        bytes: encodeSamples(signals)
      }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ bytes }) => decodeSamples(fromHex(bytes)))
  ]
}
