import { toHex } from '../../src/bytes.ts'
import { errorCode } from '../../src/errors.ts'
import type { Pin } from '../../src/ledger/anchor.ts'
import {
  createReceiptVerifier,
  receiptFormat,
  type Receipt,
  type ReceiptVerifier
} from '../../src/ledger/receipt.ts'
import { toJson, type Json } from './vector-json.ts'

/** A receipt, what the verifier of it trusts, and the verdict. */
export interface Case {
  /** What was done to it; `valid` when nothing was. */
  readonly kind: string
  readonly why: string
  readonly receipt: Uint8Array
  readonly network: Uint8Array
  readonly pin?: Pin | undefined
  /** The code that a verifier must refuse it with; undefined for the valid ones. */
  readonly code: string | undefined
}

/** What is refused: why, the receipt, and with which code. */
export type Damage = readonly [why: string, receipt: Receipt | Uint8Array, code: string]

/** Damages of one kind as cases. */
export function refused(
  kind: string,
  network: Uint8Array,
  damages: readonly Damage[],
  pin?: Pin
): Case[] {
  return damages.map(([why, receipt, code]) => ({
    kind,
    why,
    receipt: receipt instanceof Uint8Array ? receipt : receiptFormat.encode(receipt),
    network,
    pin,
    code
  }))
}

// A verifier that knows a certificate verifies no signature of it twice: there are hundreds of cases of few ledgers.
const verifiers = new Map<string, ReceiptVerifier>()

/** The verifier for what a case trusts. */
export function verifierOf({ network, pin }: Pick<Case, 'network' | 'pin'>): ReceiptVerifier {
  const name = JSON.stringify(toJson([network, pin]))
  const verifier = verifiers.get(name) ?? createReceiptVerifier({ genesis: network, pin })
  verifiers.set(name, verifier)
  return verifier
}

/** The code that a receipt is refused with; an error when it is not. */
export function refusalCode(network: Uint8Array, receipt: Uint8Array): string {
  const code = verdict({ network, receipt })
  if (code === undefined) throw new Error('a damaged receipt was accepted')
  return code
}

/** Fails when the verdict is another than that of the case. */
export function check(each: Case): void {
  const found = verdict(each)
  if (found !== each.code)
    throw new Error(
      `${each.kind}: ${each.why}: expected ${each.code ?? 'valid'}, found ${found ?? 'valid'}`
    )
}

function verdict(each: Pick<Case, 'network' | 'pin' | 'receipt'>): string | undefined {
  try {
    verifierOf(each)(each.receipt)
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

/** A case as the vector file has it. */
export function show({ kind, why, receipt, network, pin, code }: Case): Record<string, Json> {
  return {
    kind,
    why,
    network: toHex(network),
    ...(pin === undefined ? {} : { pin: toJson(pin) }),
    ...(code === undefined ? {} : { code }),
    receipt: toHex(receipt)
  }
}
