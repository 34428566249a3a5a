import {
  coverEpochs,
  fromHex,
  streamKeys,
  unwrapStreamKeys,
  wrapStreamKeys,
  x25519PublicKey
} from '@vitalchain/core'
import { judgeFields, judgeRefusals, type Finding } from './finding.ts'

interface WrappedJson {
  readonly network: string
  readonly stream: string
  readonly generation: number
  readonly secret: string
  readonly from: number
  readonly to: number
  readonly recipientSecret: string
  readonly ephemeral: string
}

/** Judges the vectors of wrapped keys. spec P-7 */
export function judgeWrappedKeys(file: {
  readonly covers: readonly { readonly from: number; readonly to: number }[]
  readonly valid: readonly WrappedJson[]
  readonly invalid: readonly {
    readonly recipientSecret: string
    readonly bytes: string
    readonly code: string
  }[]
}): Finding[] {
  return [
    ...judgeFields('covers', file.covers, ({ from, to }) => ({ subtrees: coverEpochs(from, to) })),
    ...judgeFields('valid', file.valid, ({ network, stream, generation, secret, ...at }) => {
      const of = { network: fromHex(network), stream: fromHex(stream), generation }
      const recipient = x25519PublicKey(fromHex(at.recipientSecret))
      const keys = streamKeys(of, fromHex(secret), at)
      const bytes = wrapStreamKeys(keys, recipient, fromHex(at.ephemeral))
      const { subtrees } = unwrapStreamKeys(bytes, fromHex(at.recipientSecret))
      return { recipient, subtrees, bytes }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ recipientSecret, bytes }) =>
      unwrapStreamKeys(fromHex(bytes), fromHex(recipientSecret))
    )
  ]
}
