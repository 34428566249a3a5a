import {
  equalBytes,
  memberId,
  toHex,
  type Genesis,
  type ProvenCheckpoint,
  type ProvenCose,
  type ProvenTlog,
  type Transaction
} from '@vitalchain/core'
import {
  describeNetwork,
  describeTransaction,
  isoTime,
  transactionToJson,
  type Description
} from './proven-text.ts'
import type { CheckpointSigners, VerifyTrust } from './trust.ts'

/** What was verified of a form that a checkpoint stands behind. */
export type ProvenForm =
  | { readonly kind: 'checkpoint'; readonly proven: ProvenCheckpoint }
  | { readonly kind: 'tlog-proof'; readonly proven: ProvenTlog; readonly transaction: Transaction }
  | {
      readonly kind: 'cose-receipt'
      readonly proven: ProvenCose
      readonly transaction: Transaction
    }

/** What such a form proves, in words. */
export function describeForm(
  form: ProvenForm,
  { network, pin }: Pick<VerifyTrust, 'network' | 'pin'>,
  { genesis, validators, known }: CheckpointSigners
): Description {
  const { kind, proven } = form
  const place: Description =
    kind === 'checkpoint'
      ? [['checkpoint', `of ${proven.size} transactions, root ${toHex(proven.root)}`]]
      : [
          ...describeTransaction(form.transaction, genesis),
          [
            'place',
            `number ${form.proven.index} of the ${proven.size} transactions of the checkpoint`
          ]
        ]
  const by: Description[number] =
    kind === 'cose-receipt'
      ? [
          'signed by',
          `one hospital, ${nameOf(genesis, proven.member)}, at ${isoTime(1_000 * proven.time)} by its clock`
        ]
      : [
          'cosigned by',
          `${proven.signers.length} of ${validators.length} hospitals: ` +
            `${proven.signers.map(member => nameOf(genesis, member)).join(', ')}; ` +
            `the last at ${isoTime(1_000 * Math.max(...proven.times))} by its clock`
        ]
  const keys = `the checkpoint keys of ${known}`
  const trust = pin === undefined ? keys : `pinned@${pin.size}: the checkpoint is the pin`
  return [describeNetwork({ genesis, network }), ...place, by, ['trust', trust]]
}

/** The same for programs. */
export function formToJson(
  form: ProvenForm,
  { network, pin }: Pick<VerifyTrust, 'network' | 'pin'>
): Readonly<Record<string, unknown>> {
  const { kind, proven } = form
  const tree = {
    network: toHex(network),
    size: proven.size,
    root: toHex(proven.root),
    trust: pin === undefined ? 'checkpoint-keys' : `pinned@${pin.size}`
  }
  if (kind === 'checkpoint') return { ...tree, cosignedBy: proven.signers.map(toHex) }
  const leaf = { index: proven.index, transaction: transactionToJson(form.transaction) }
  if (kind === 'cose-receipt') return { ...tree, ...leaf, signedBy: toHex(proven.member) }
  return { ...tree, ...leaf, cosignedBy: proven.signers.map(toHex) }
}

function nameOf({ members }: Genesis, id: Uint8Array): string {
  const found = members.find(({ operatorKey }) => equalBytes(memberId(operatorKey), id))
  return found?.name ?? toHex(id)
}
