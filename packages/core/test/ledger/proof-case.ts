import { fromHex, toHex } from '../../src/bytes.ts'
import { errorCode } from '../../src/errors.ts'
import type { Pin, ProvenAnchor, Trust } from '../../src/ledger/anchor.ts'
import { verifyCompleteness } from '../../src/ledger/completeness.ts'
import { receiptFromJson } from '../../src/ledger/receipt-json.ts'
import { verifyStateProofDocument } from '../../src/ledger/state-proof-document.ts'
import { toJson, type Json } from './vector-json.ts'

/** A proof beside the receipt: a state proof or a completeness proof in hexadecimal, or a receipt's JSON text. */
export interface Case {
  readonly form: 'state-proof' | 'completeness' | 'receipt-json'
  /** What was done to it; `valid` when nothing was. */
  readonly kind: string
  readonly why: string
  readonly network: Uint8Array
  readonly pin?: Pin | undefined
  readonly input: string
  /** The code that a verifier must refuse it with; undefined for the valid ones. */
  readonly code?: string | undefined
}

/** What a verifier finds in a case, as JSON. @throws VitalchainError with the code of the refusal */
export function proofVerdict({ form, input }: Pick<Case, 'form' | 'input'>, trust: Trust): Json {
  switch (form) {
    case 'state-proof': {
      const proven = verifyStateProofDocument(fromHex(input), trust)
      return toJson({ key: proven.key, value: proven.value, ...anchored(proven) })
    }
    case 'completeness': {
      const proven = verifyCompleteness(fromHex(input), trust)
      const { device, lane, from, to, previous, next, historyLost, fromStart, toHead } = proven
      const facts = { device, lane, from, to, previous, next, historyLost, fromStart, toHead }
      return toJson({
        ...facts,
        statements: proven.statements.map(({ index, id }) => ({ index, id })),
        gaps: proven.gaps.map(({ boot, seq, last, count, reason }) => ({
          boot,
          seq,
          last,
          count,
          reason
        })),
        quarantinedHeight: proven.quarantinedHeight,
        ...anchored(proven)
      })
    }
    case 'receipt-json':
      return toJson({ receipt: receiptFromJson(input) })
  }
}

function anchored({ header, blockHash, handOvers, trust }: ProvenAnchor): object {
  return { height: header.height, blockHash, handOvers, trust }
}

/** A case as the vector file has it, once the verdict is what the case says. */
export function show(each: Case): Json {
  const { form, kind, why, network, pin, input, code } = each
  const shown = {
    form,
    kind,
    why,
    network: toHex(network),
    ...(pin === undefined ? {} : { pin: toJson(pin) }),
    input
  }
  let proves: Json
  try {
    proves = proofVerdict(each, { genesis: network, pin })
  } catch (error) {
    if (errorCode(error) !== code)
      throw new Error(`${kind}: ${why}: expected ${code ?? 'valid'}`, { cause: error })
    return { ...shown, code }
  }
  if (code !== undefined) throw new Error(`${kind}: ${why}: expected ${code}, found valid`)
  return { ...shown, proves }
}
