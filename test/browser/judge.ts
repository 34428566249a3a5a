import { judgeEnrolment } from './judge-enrolment.ts'
import {
  judgeCbor,
  judgeCertificates,
  judgeEvidence,
  judgeGenesis,
  judgeHeaders,
  judgeIdentifiers,
  judgeMessages,
  judgePayloads,
  judgeSignBytes,
  judgeStatements,
  judgeTime
} from './judge-formats.ts'
import {
  judgeCheckpoints,
  judgeHistory,
  judgeProofs,
  judgeReceipts,
  judgeState
} from './judge-proofs.ts'
import { judgeSamples } from './judge-samples.ts'
import { judgeWrappedKeys } from './judge-wrapped-keys.ts'
import type { Finding } from './finding.ts'

/** What judges each file of `test/vectors`, by its name without ending. */
const JUDGES: Readonly<Record<string, (file: never) => readonly Finding[]>> = {
  'canonical-cbor': judgeCbor,
  'sign-bytes': judgeSignBytes,
  identifiers: judgeIdentifiers,
  genesis: judgeGenesis,
  statements: judgeStatements,
  headers: judgeHeaders,
  certificates: judgeCertificates,
  evidence: judgeEvidence,
  'history-proofs': judgeHistory,
  'state-proofs': judgeState,
  payloads: judgePayloads,
  samples: judgeSamples,
  'wrapped-keys': judgeWrappedKeys,
  'device-messages': judgeMessages,
  enrolment: judgeEnrolment,
  time: judgeTime,
  checkpoints: judgeCheckpoints,
  proofs: judgeProofs,
  receipts: judgeReceipts
}

/**
 * Everything that this implementation says of a vector file. The same source runs in Node and in a page.
 *
 * @param name - the file's name without its ending
 * @param text - its JSON
 */
export function judge(name: string, text: string): readonly Finding[] {
  const judgeFile = JUDGES[name]
  if (judgeFile === undefined) throw new Error(`nothing judges the vectors of ${name}`)
  return judgeFile(JSON.parse(text) as never)
}
