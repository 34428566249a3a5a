import { checkpointVectors } from '../checkpoint/checkpoint-vectors.ts'
import { timeVectors } from '../device/time-vectors.ts'
import { statementVectors, payloadVectors, messageVectors } from './device-vectors.ts'
import { enrolmentVectors } from './enrolment-vectors.ts'
import { evidenceVectors } from './evidence-vectors.ts'
import {
  cborVectors,
  signBytesVectors,
  identifierVectors,
  genesisVectors,
  headerVectors,
  certificateVectors
} from './format-vectors.ts'
import { wrappedKeyVectors } from '../payload/wrapped-key-vectors.ts'
import { sampleVectors } from '../payload/sample-vectors.ts'
import { proofVectors } from './proof-vectors.ts'
import { receiptVectors } from './receipt-vectors.ts'
import { plainLedger } from './small-ledger.ts'
import { historyVectors, stateVectors } from './tree-vectors.ts'
import type { Json } from './vector-json.ts'

/** The test vectors by file name, without their JSON ending. The same every time. */
export async function makeVectors(): Promise<Readonly<Record<string, Json>>> {
  const ledger = await plainLedger()
  return {
    'canonical-cbor': cborVectors(),
    'sign-bytes': signBytesVectors(),
    identifiers: identifierVectors(ledger),
    genesis: genesisVectors(ledger),
    statements: await statementVectors(),
    headers: headerVectors(ledger),
    certificates: certificateVectors(),
    evidence: evidenceVectors(),
    'history-proofs': historyVectors(ledger),
    'state-proofs': stateVectors(ledger),
    payloads: payloadVectors(),
    samples: sampleVectors(),
    'wrapped-keys': wrappedKeyVectors(),
    'device-messages': await messageVectors(),
    enrolment: await enrolmentVectors(),
    time: await timeVectors(),
    checkpoints: await checkpointVectors(),
    proofs: await proofVectors(),
    receipts: await receiptVectors()
  }
}

const LINE_CHARACTERS_MAX = 100

/** The text of a vector file, as the formatter wants it: short lists of numbers and of one item stand on one line. */
export function vectorText(vectors: Json): string {
  const text = JSON.stringify(vectors, null, 2)
    .replaceAll(
      /\[\s+(-?\d+(?:,\s+-?\d+)*)\s+\]/g,
      (_, numbers: string) => `[${numbers.replaceAll(/\s+/g, ' ')}]`
    )
    .replaceAll(/^(.*\[)\n\s+("[^"\n]*")\n\s+(\],?)$/gm, (all: string, ...parts: string[]) => {
      const line = parts.slice(0, 3).join('')
      return line.length > LINE_CHARACTERS_MAX ? all : line
    })
  return `${text}\n`
}
