import { checkSignatures } from '@vitalchain/contracts'
import {
  BoundedCache,
  createReceiptVerifier,
  decodeTransaction,
  equalBytes,
  parseCheckpointBody,
  rangesJoin,
  readTlogProof,
  receiptFromJson,
  verifyCheckpointNote,
  verifyCompleteness,
  verifyCoseReceipt,
  verifyStateProofDocument,
  verifyTlogProof,
  VitalchainError,
  type CheckpointTrust,
  type Pin,
  type ProvenCompleteness,
  type Transaction,
  type TreeHead
} from '@vitalchain/core'
import { proofKind, type ProofKind } from './proof-kind.ts'
import { describeForm, formToJson, type ProvenForm } from './proven-checkpoint-text.ts'
import {
  completenessToJson,
  describeCompleteness,
  describeState,
  stateToJson
} from './proven-state-text.ts'
import { describeProven, provenToJson, type Description } from './proven-text.ts'
import type { VerifyTrust } from './trust.ts'

/** Certificates remembered as good: those of the blocks that the proofs of a directory share. */
const CERTIFICATES_REMEMBERED = 1_024

/** What a valid proof says. */
export interface ProofVerdict {
  readonly kind: ProofKind
  readonly text: Description
  readonly json: Readonly<Record<string, unknown>>
}

/**
 * Verifies proofs of any kind, one after another.
 *
 * @throws VitalchainError with one code for whatever does not hold; `ERR_USAGE` when something else must be given
 */
export type ProofVerifier = (bytes: Uint8Array) => ProofVerdict

/**
 * Makes a {@link ProofVerifier}.
 *
 * @param transaction - the transaction that a COSE receipt, or a tlog-proof without one, is about
 */
export function createProofVerifier(trust: VerifyTrust, transaction?: Uint8Array): ProofVerifier {
  const verifyReceipt = createReceiptVerifier(trust)
  const good = new BoundedCache<true>(CERTIFICATES_REMEMBERED)
  const { pin, network } = trust
  let before: ProvenCompleteness | undefined

  const receipt = (kind: ProofKind, bytes: Uint8Array): ProofVerdict => {
    const proven = verifyReceipt(bytes)
    return { kind, text: describeProven(proven, pin), json: provenToJson(proven) }
  }
  const ofCheckpoint = (
    size: number,
    verify: (signers: CheckpointTrust) => ProvenForm
  ): ProofVerdict => {
    const signers = trust.signersAt(size)
    const form = verify({ network, validators: signers.validators })
    requirePin(form.proven, pin)
    return {
      kind: form.kind,
      text: describeForm(form, trust, signers),
      json: formToJson(form, trust)
    }
  }
  const opened = (leaf: Uint8Array): Transaction => {
    const found = decodeTransaction(leaf)
    checkSignatures(found, network)
    return found
  }

  return bytes => {
    const kind = proofKind(bytes)
    const text = (): string => textOf(bytes)
    switch (kind) {
      case 'receipt':
        return receipt(kind, bytes)
      case 'receipt-json':
        return receipt(kind, receiptFromJson(text()))
      case 'state-proof': {
        const proven = verifyStateProofDocument(bytes, trust, good)
        return { kind, text: describeState(proven, pin), json: stateToJson(proven) }
      }
      case 'completeness': {
        const proven = verifyCompleteness(bytes, trust, good)
        const joins = before !== undefined && rangesJoin(before, proven)
        before = proven
        return {
          kind,
          text: [
            ...describeCompleteness(proven, pin),
            ...(joins ? [['joins', 'it goes on where the one before ends'] as const] : [])
          ],
          json: { ...completenessToJson(proven), joins }
        }
      }
      case 'checkpoint':
        return ofCheckpoint(checkpointSize(text()), signers => ({
          kind,
          proven: verifyCheckpointNote(text(), signers)
        }))
      case 'tlog-proof': {
        const { checkpoint, extra } = readTlogProof(text())
        const leaf = transaction ?? extra ?? missingTransaction()
        // Nothing authenticates the extra data but this.
        if (extra !== undefined && !equalBytes(extra, leaf))
          throw new VitalchainError('ERR_INCLUSION', 'the file holds another transaction')
        return ofCheckpoint(checkpointSize(checkpoint), signers => ({
          kind,
          proven: verifyTlogProof(text(), leaf, signers),
          transaction: opened(leaf)
        }))
      }
      case 'cose-receipt': {
        const leaf = transaction ?? missingTransaction()
        // Which validators sign depends on the size, which stands under the signature.
        const { size } = verifyCoseReceipt(bytes, leaf, {
          network,
          validators: trust.everySigner()
        })
        return ofCheckpoint(size, signers => ({
          kind,
          proven: verifyCoseReceipt(bytes, leaf, signers),
          transaction: opened(leaf)
        }))
      }
    }
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new VitalchainError('ERR_SCHEMA', 'the text is not UTF-8')
  }
}

/** The size that a checkpoint note states; nothing of it is verified. */
function checkpointSize(note: string): number {
  return parseCheckpointBody(note.slice(0, note.indexOf('\n\n') + 1)).size
}

/** These forms hold no consistency proof: they fit a pin of their own size only. */
function requirePin({ size, root }: TreeHead, pin: Pin | undefined): void {
  if (pin === undefined) return
  const values = { size, pin: pin.size }
  if (size !== pin.size)
    throw new VitalchainError(
      'ERR_PIN_UNPROVEN',
      `nothing shows that the tree of ${size} agrees with the pinned one of ${pin.size}: get the CBOR receipt with this pin`,
      { values }
    )
  if (!equalBytes(root, pin.root))
    throw new VitalchainError('ERR_PIN', 'the checkpoint is of another history than the pin', {
      values
    })
}

function missingTransaction(): never {
  throw new VitalchainError(
    'ERR_USAGE',
    'this form does not hold the transaction: give it, or its receipt, with --transaction'
  )
}
