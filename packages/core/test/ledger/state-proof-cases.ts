import { concatBytes, toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import type { Pin } from '../../src/ledger/anchor.ts'
import { laneStateKey } from '../../src/ledger/lane-record.ts'
import { RECEIPT_BYTES_MAX } from '../../src/ledger/limits.ts'
import { stateProofFormat, type StateProofDocument } from '../../src/ledger/state-proof-document.ts'
import { itemsOf, replaced } from './fields.ts'
import type { LanesLedger } from './lane-ledger.ts'
import type { Case } from './proof-case.ts'
import { certify, FOUNDERS, seed } from './small-ledger.ts'

const form = 'state-proof'
type Damage = readonly [why: string, proof: StateProofDocument, code?: string]

/** State proofs, valid and damaged. */
export function stateProofCases({ ledger, monitor }: LanesLedger): Case[] {
  const { network } = ledger
  const pin = ledger.pin(2)
  const byValidators = ledger.pin(2, { validators: true })
  const shown = ledger.stateProof(laneStateKey(monitor.id, 0), pin.size)
  const none = ledger.stateProof(laneStateKey(monitor.id, 1), pin.size)
  const cases = (kind: string, damages: readonly Damage[], trusted?: Pin): Case[] =>
    damages.map(([why, proof, code]) => ({
      form,
      kind,
      why,
      network,
      pin: trusted,
      input: toHex(stateProofFormat.encode(proof)),
      code
    }))
  return [
    ...cases('valid', [
      ['a value', shown],
      ['no value', none],
      ['without the way from an earlier history', { ...shown, consistency: undefined }]
    ]),
    ...cases('valid', [['a value, pinned history only', shown]], pin),
    ...cases('valid', [['a value, pinned validators', shown]], byValidators),
    ...cases('claim', claims(shown, none)),
    ...cases('proof', proofs(shown, none)),
    ...cases('anchor', anchors(shown)),
    ...cases(
      'pin',
      [
        ['no way from the pin', { ...shown, consistency: undefined }, 'ERR_PIN_UNPROVEN'],
        ['the way from another size', ledger.stateProof(shown.key, 3), 'ERR_PIN_UNPROVEN']
      ],
      pin
    ),
    ...cases('pin', [['another root', shown, 'ERR_PIN']], { ...pin, root: seed('root') }),
    ...cases('pin', [['other validators', shown, 'ERR_PIN']], { ...pin, validators: seed('set') }),
    ...forms(shown).map(([why, value, code]) => ({
      form: 'state-proof' as const,
      kind: 'form',
      why,
      network,
      input: toHex(value),
      code
    }))
  ]
}

function claims(shown: StateProofDocument, none: StateProofDocument): Damage[] {
  const value = shown.value ?? seed('value')
  const code = 'ERR_STATE_PROOF'
  return [
    ['another key', { ...shown, key: none.key }, code],
    ['a key cut short', { ...shown, key: shown.key.subarray(1) }, code],
    ['a key with a byte more', { ...shown, key: concatBytes([shown.key, Uint8Array.of(0)]) }, code],
    ['a value denied', { ...shown, value: undefined }, code],
    ['another value', { ...shown, value: seed('value') }, code],
    ['a bit of the value', { ...shown, value: value.with(0, (value[0] ?? 0) ^ 1) }, code],
    ['a value where there is none', { ...none, value }, code],
    ['absence of a key that is there', { ...none, key: shown.key }, code]
  ]
}

function proofs(shown: StateProofDocument, none: StateProofDocument): Damage[] {
  const { siblings } = shown.proof
  const leaf = none.proof.leaf ?? { path: seed('path'), valueHash: seed('value') }
  const lists: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ...siblings.map(
      (sibling, at) =>
        [
          `sibling ${at} changed`,
          siblings.with(at, sibling.with(at, (sibling[at] ?? 0) ^ 1))
        ] as const
    ),
    ['the lowest sibling left out', siblings.slice(1)],
    ['the highest sibling left out', siblings.slice(0, -1)],
    ['one sibling more', [...siblings, seed('more')]],
    ['an empty sibling below', [new Uint8Array(32), ...siblings]],
    ['siblings in reverse', siblings.toReversed()],
    ['no siblings', []]
  ]
  return [
    ...lists.map(([why, each]): Damage => [
      why,
      { ...shown, proof: { siblings: each } },
      'ERR_STATE_PROOF'
    ]),
    ['a leaf beside a value', { ...shown, proof: { siblings, leaf } }, 'ERR_STATE_PROOF'],
    ['the proof of another key', { ...shown, proof: none.proof }, 'ERR_STATE_PROOF'],
    [
      'absence shown by the leaf of the key itself',
      { ...none, proof: { ...none.proof, leaf: { ...leaf, path: seed('other path') } } },
      'ERR_STATE_PROOF'
    ],
    [
      'another value hash of the leaf that stands there',
      { ...none, proof: { ...none.proof, leaf: { ...leaf, valueHash: seed('v') } } },
      'ERR_STATE_PROOF'
    ]
  ]
}

function anchors(shown: StateProofDocument): Damage[] {
  const { header, certificate } = shown
  const forged = (changes: Partial<typeof header>): StateProofDocument => {
    const changed = { ...header, ...changes }
    return { ...shown, header: changed, certificate: certify(changed, FOUNDERS) }
  }
  const consistency = shown.consistency ?? { size: 1, root: seed('root'), path: [] }
  return [
    [
      'a certified header with another state root',
      forged({ stateRoot: seed('x') }),
      'ERR_STATE_PROOF'
    ],
    ['a header of another network', forged({ network: seed('x') }), 'ERR_OTHER_NETWORK'],
    ['a header in another recovery epoch', forged({ recoveryEpoch: 1 }), 'ERR_HANDOVER'],
    ['a header for other validators', forged({ validatorsHash: seed('x') }), 'ERR_HANDOVER'],
    [
      'a header that nobody signed',
      { ...shown, header: { ...header, stateRoot: seed('x') } },
      'ERR_CERTIFICATE'
    ],
    [
      'a signature less',
      {
        ...shown,
        certificate: {
          ...certificate,
          signers: certificate.signers.slice(1),
          signatures: certificate.signatures.slice(1)
        }
      },
      'ERR_CERTIFICATE'
    ],
    [
      'another earlier root',
      { ...shown, consistency: { ...consistency, root: seed('x') } },
      'ERR_CONSISTENCY'
    ],
    [
      'another earlier size',
      { ...shown, consistency: { ...consistency, size: 3 } },
      'ERR_CONSISTENCY'
    ]
  ]
}

function forms(shown: StateProofDocument): (readonly [string, Uint8Array, string])[] {
  const encoded = stateProofFormat.encode(shown)
  const document = decodeCbor(encoded, RECEIPT_BYTES_MAX)
  const items = itemsOf(document)
  const hash = new Uint8Array(32)
  const values: readonly (readonly [string, CborValue])[] = [
    ['another kind', items.with(0, 'vitalchain/receipt')],
    ['another version', items.with(1, 2)],
    ['a field more', [...items, null]],
    ['a field less', items.slice(0, -1)],
    ['no key', items.with(7, new Uint8Array(0))],
    ['a key of 257 bytes', items.with(7, new Uint8Array(257))],
    ['a key as text', items.with(7, 'devices/lane/')],
    ['a value of no bytes', items.with(8, new Uint8Array(0))],
    ['a value of 65 537 bytes', items.with(8, new Uint8Array(65_537))],
    ['a sibling of 31 bytes', replaced(document, [9, 0], [new Uint8Array(31)])],
    [
      '257 siblings',
      replaced(
        document,
        [9, 0],
        Array.from({ length: 257 }, () => hash)
      )
    ],
    ['a leaf without its value', replaced(document, [9, 1], [hash])],
    ['consistency from size 0', items.with(6, [0, hash, []])],
    ['55 hashes of consistency', items.with(6, [1, hash, Array.from({ length: 55 }, () => hash)])]
  ]
  return [
    ...values.map(([why, value]) => [why, encodeCbor(value), 'ERR_SCHEMA'] as const),
    ['cut short', encoded.subarray(0, encoded.length - 1), 'ERR_ENCODING'],
    ['a byte more', concatBytes([encoded, Uint8Array.of(0)]), 'ERR_ENCODING'],
    [
      'a length in its long form',
      Uint8Array.from([0x98, items.length, ...encoded.subarray(1)]),
      'ERR_NOT_CANONICAL'
    ]
  ]
}
