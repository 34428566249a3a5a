import {
  errorCode,
  genesisFormat,
  networkId,
  receiptFormat,
  receiptFromJson,
  toHex,
  VitalchainError,
  type Pin
} from '@vitalchain/core'
import { proofKind, type ProofKind } from '../../src/cli/proof-kind.ts'
import { createVerifyTrust } from '../../src/cli/trust.ts'
import { createProofVerifier } from '../../src/cli/verify-proof.ts'

/** Where the reader has the network from: only what they brought themselves is independent of the node. */
export type TrustSource = 'file' | 'id' | 'node'

/** What the reader trusts. */
export interface GivenTrust {
  readonly source: TrustSource
  readonly network: Uint8Array
  /** The genesis document, when it is there: checkpoints need it. */
  readonly genesis: Uint8Array | undefined
  /** The name of the network in it. */
  readonly name: string | undefined
  readonly pin: Pin | undefined
}

/** A file that is judged. */
export interface ProofFile {
  readonly name: string
  readonly bytes: Uint8Array
  /** The transaction that was asked for, when the node was asked for its proof: a proof of another one proves nothing here. */
  readonly wanted?: string
}

/** What came of a file. There is no third answer. */
export type Verdict =
  | {
      readonly valid: true
      readonly name: string
      readonly kind: ProofKind
      readonly text: readonly (readonly [heading: string, line: string])[]
    }
  | {
      readonly valid: false
      readonly name: string
      readonly kind: ProofKind | undefined
      readonly code: string
      readonly reason: string
    }

/** A genesis document as a trust. @throws VitalchainError as the format's `decode` */
export function trustGenesis(
  genesis: Uint8Array,
  source: TrustSource
): Pick<GivenTrust, 'source' | 'network' | 'genesis' | 'name'> {
  const { name } = genesisFormat.decode(genesis)
  return { source, network: networkId(genesis), genesis, name }
}

/** Whether bytes are a genesis document, so that one that is dropped among proofs is taken for what it is. */
export function isGenesis(bytes: Uint8Array): boolean {
  try {
    genesisFormat.decode(bytes)
    return true
  } catch {
    return false
  }
}

/**
 * Judges proofs with the verifier that `vitalchain verify` has, in this page, without asking anybody anything. A form that
 * does not hold its transaction takes it from a receipt among the files.
 */
export function judge(files: readonly ProofFile[], trust: GivenTrust): readonly Verdict[] {
  const transactions = files.flatMap(({ bytes }) => transactionOf(bytes))
  const verifyTrust = createVerifyTrust(trust)
  const verify = createProofVerifier(verifyTrust)
  return files.map(({ name, bytes, wanted }): Verdict => {
    let kind: ProofKind | undefined
    try {
      kind = proofKind(bytes)
      const { text, json } =
        kind === 'cose-receipt' ? verifyDetached(bytes, verifyTrust, transactions) : verify(bytes)
      if (wanted !== undefined && identityIn(json) !== wanted)
        throw new VitalchainError(
          'ERR_INCLUSION',
          'this is the proof of another transaction than the one that was asked for'
        )
      return { valid: true, name, kind, text }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { valid: false, name, kind, code: errorCode(error), reason }
    }
  })
}

/** A COSE receipt is of whichever of the transactions it fits. */
function verifyDetached(
  bytes: Uint8Array,
  trust: ReturnType<typeof createVerifyTrust>,
  transactions: readonly Uint8Array[]
): ReturnType<ReturnType<typeof createProofVerifier>> {
  const fits = (transaction: Uint8Array): boolean => {
    try {
      createProofVerifier(trust, transaction)(bytes)
      return true
    } catch {
      return false
    }
  }
  // Of none that fits, the first one says why.
  const transaction = transactions.find(fits) ?? transactions[0]
  if (transaction !== undefined) return createProofVerifier(trust, transaction)(bytes)
  throw new VitalchainError(
    'ERR_USAGE',
    'a COSE receipt does not hold its transaction: give the CBOR receipt of the same transaction beside it'
  )
}

function transactionOf(bytes: Uint8Array): readonly Uint8Array[] {
  try {
    const kind = proofKind(bytes)
    if (kind === 'receipt') return [receiptFormat.decode(bytes).transaction]
    if (kind !== 'receipt-json') return []
    return [receiptFormat.decode(receiptFromJson(new TextDecoder().decode(bytes))).transaction]
  } catch {
    return []
  }
}

function identityIn(json: Readonly<Record<string, unknown>>): string | undefined {
  const { transaction } = json
  if (typeof transaction !== 'object' || transaction === null || !('id' in transaction))
    return undefined
  return typeof transaction.id === 'string' ? transaction.id : undefined
}

/** A pin in words. */
export function pinText({ size, root, validators }: Pin): string {
  const set = validators === undefined ? '' : `, validators ${toHex(validators).slice(0, 16)}…`
  return `${size} transactions, root ${toHex(root).slice(0, 16)}…${set}`
}
