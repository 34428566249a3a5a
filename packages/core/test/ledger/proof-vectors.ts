import { toHex } from '../../src/bytes.ts'
import { receiptToJson } from '../../src/ledger/receipt-json.ts'
import { completenessCases } from './completeness-cases.ts'
import { lanesLedger } from './lane-ledger.ts'
import { show, type Case } from './proof-case.ts'
import { plainLedger, type SmallLedger } from './small-ledger.ts'
import { stateProofCases } from './state-proof-cases.ts'
import type { Json } from './vector-json.ts'

/** State proofs, completeness proofs and receipts in JSON. Each is checked before it becomes a vector. */
export async function proofVectors(): Promise<Json> {
  const lanes = await lanesLedger()
  const cases = [
    ...stateProofCases(lanes),
    ...(await completenessCases(lanes)),
    ...jsonCases(await plainLedger())
  ]
  return {
    purpose:
      'State proofs (F-22) and completeness proofs (F-23) as hexadecimal, and receipts as JSON text (F-24), with the verdict on each. Trusted is the network id and, where one is given, the pin. A verifier takes every valid one and finds what it proves, and refuses every invalid one with its code. Receipts in JSON are only read, not verified.',
    networks: [{ network: toHex(lanes.ledger.network), genesis: toHex(lanes.ledger.genesisBytes) }],
    valid: cases.filter(each => each.code === undefined).map(show),
    invalid: cases.filter(each => each.code !== undefined).map(show)
  }
}

function jsonCases(ledger: SmallLedger): Case[] {
  const json = receiptToJson(ledger.encodedReceipt(2, undefined, 4))
  const text = JSON.stringify(json)
  const changes: readonly (readonly [string, string])[] = [
    ['a readable field that differs from the bytes', text.replace('"height":6', '"height":7')],
    ['a time that differs from the bytes', text.replace('22:13:26.000Z', '22:13:27.000Z')],
    ['a name that differs from the bytes', text.replace('Aachen', 'Essen')],
    ['one name twice', text.replace('"index":2', '"index":1,"index":2')],
    ['a field more', text.replace('"index":2', '"index":2,"note":"x"')],
    ['a field less', text.replace('"index":2,', '')],
    ['digits that are no hexadecimal', text.replace('"bytes":"', '"bytes":"zz')],
    [
      'bytes in upper case',
      text.replace(/"root":"[0-9a-f]*"/, each => each.toUpperCase().replace('ROOT', 'root'))
    ],
    ['a number as text', text.replace('"index":2', '"index":"2"')],
    ['another type', text.replace('vitalchain/receipt', 'vitalchain/recipe')],
    ['no JSON', text.slice(0, -1)],
    ['another kind of value', 'null']
  ]
  const shared = { form: 'receipt-json', network: ledger.network } as const
  return [
    { ...shared, kind: 'valid', why: 'as it is made', input: text },
    {
      ...shared,
      kind: 'valid',
      why: 'with white space',
      input: JSON.stringify(json, undefined, 1)
    },
    ...changes.map(([why, input]) => ({ ...shared, kind: 'json', why, input, code: 'ERR_SCHEMA' }))
  ]
}
