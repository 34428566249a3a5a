import { concatBytes, toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import type { Pin } from '../../src/ledger/anchor.ts'
import { completenessFormat, type Completeness } from '../../src/ledger/completeness.ts'
import { RECEIPT_BYTES_MAX } from '../../src/ledger/limits.ts'
import type { ReadingStatement } from '../../src/ledger/statement.ts'
import { itemsOf, replaced } from './fields.ts'
import { LaneLedger, type LanesLedger } from './lane-ledger.ts'
import type { Case } from './proof-case.ts'
import { seed, TestDevice } from './small-ledger.ts'

type Damage = readonly [why: string, proof: Completeness, code?: string | undefined]

function cases(kind: string, network: Uint8Array, damages: readonly Damage[], pin?: Pin): Case[] {
  return damages.map(([why, proof, code]) => ({
    form: 'completeness',
    kind,
    why,
    network,
    pin,
    input: toHex(completenessFormat.encode(proof)),
    code
  }))
}

/** Completeness proofs, valid and damaged. */
export async function completenessCases(lanes: LanesLedger): Promise<Case[]> {
  const { ledger, sent, pumped } = lanes
  const { network } = ledger
  const pin = ledger.pin(3)
  const whole = ledger.completeness(sent, { head: true, pinSize: pin.size })
  return [
    ...cases('valid', network, [
      ['from the start to the newest statement, with a gap, a restart and a loss', whole],
      ['the end left open', { ...whole, head: undefined }],
      ['a stretch in the middle', ledger.completeness(sent.slice(2, 6))],
      ['one statement', ledger.completeness(sent.slice(4, 5))],
      ['a gap alone', ledger.completeness(sent.slice(3, 4))],
      ['a device with ES256', ledger.completeness(pumped, { head: true })]
    ]),
    ...cases('valid', network, [['pinned history only', whole]], pin),
    ...cases(
      'valid',
      network,
      [['statements before the pin', ledger.completeness(sent.slice(0, 5), { pinSize: pin.size })]],
      pin
    ),
    ...cases('valid', network, [['pinned validators', whole]], ledger.pin(3, { validators: true })),
    ...cases('chain', network, chains(lanes)),
    ...(await stepCases()),
    ...(await signatureCases()),
    ...cases('inclusion', network, inclusions(ledger.completeness(sent.slice(2, 6)))),
    ...cases('head', network, heads(lanes, whole)),
    ...cases(
      'pin',
      network,
      [['no way from the pin', ledger.completeness(sent), 'ERR_PIN_UNPROVEN']],
      pin
    ),
    ...cases('pin', network, [['another root', whole, 'ERR_PIN']], { ...pin, root: seed('x') }),
    ...cases('network', seed('another network'), [
      ['trusted is another', whole, 'ERR_OTHER_NETWORK']
    ]),
    ...forms(whole).map(([why, value, code]) => ({
      form: 'completeness' as const,
      kind: 'form',
      why,
      network,
      input: toHex(value),
      code
    }))
  ]
}

function chains({ ledger, sent, pumped }: LanesLedger): Damage[] {
  const code = 'ERR_COMPLETENESS'
  const left = sent
    .slice(1, -1)
    .map((_, at): Damage => [
      `statement ${at + 1} left out`,
      ledger.completeness(sent.filter((__, k) => k !== at + 1)),
      code
    ])
  return [
    ...left,
    [
      'a statement of another device in front',
      ledger.completeness([...pumped.slice(0, 1), ...sent.slice(1)]),
      code
    ],
    [
      'two devices in turns',
      ledger.completeness([...sent, ...pumped].toSorted((a, b) => a - b)),
      code
    ],
    [
      'the newest left out, with the record of the lane',
      ledger.completeness(sent.slice(0, -1), { head: true }),
      code
    ],
    [
      'the gap at the end, with the record of the lane',
      ledger.completeness(sent.slice(0, 4), { head: true }),
      code
    ]
  ]
}

/** Second statements that no validator would have taken. */
async function stepCases(): Promise<Case[]> {
  const steps: readonly (readonly [string, Partial<ReadingStatement>, string])[] = [
    ['a number skipped', { seq: 2 }, 'ERR_COMPLETENESS'],
    ['a number again', { seq: 0 }, 'ERR_COMPLETENESS'],
    ['a boot that begins with 1', { boot: 2, seq: 1 }, 'ERR_COMPLETENESS'],
    ['an earlier boot', { boot: 0, seq: 0 }, 'ERR_COMPLETENESS'],
    ['a second start of the lane', { previous: new Uint8Array(32) }, 'ERR_COMPLETENESS'],
    ['behind another statement', { previous: seed('x') }, 'ERR_COMPLETENESS'],
    ['the other lane', { lane: 1 }, 'ERR_COMPLETENESS'],
    ['another device', { device: seed('x') }, 'ERR_COMPLETENESS'],
    ['another network', { network: seed('x') }, 'ERR_OTHER_NETWORK']
  ]
  const all: Case[] = []
  for (const [why, change, code] of steps) {
    const ledger = new LaneLedger()
    const device = new TestDevice(ledger.network, 'ed25519', 'odd')
    const first = await device.nextTransaction()
    ledger.addStatements([first, await device.transaction(device.readings(change).statement)])
    all.push(...cases('step', ledger.network, [[why, ledger.completeness([0, 1]), code]]))
  }
  return all
}

/** Certified statements with a signature that is not valid: found where no later statement's hash stands for it. */
async function signatureCases(): Promise<Case[]> {
  const places = [
    ['of the last', 3, 'ERR_SIGNATURE'],
    ['of a gap', 2, 'ERR_SIGNATURE'],
    ['of one that the next names: not checked', 0, undefined]
  ] as const
  const all: Case[] = []
  for (const [why, at, code] of places) {
    const ledger = new LaneLedger()
    const device = new TestDevice(ledger.network, 'ed25519', 'monitor')
    const transactions = [await device.nextTransaction(), await device.nextTransaction()]
    transactions.push(await device.transaction(device.gap(2)), await device.nextTransaction())
    const signed = transactions[at] ?? new Uint8Array(0)
    const last = signed.length - 1
    ledger.addStatements(transactions.with(at, signed.with(last, (signed[last] ?? 0) ^ 1)))
    const proof = ledger.completeness([0, 1, 2, 3])
    all.push(
      ...cases(code === undefined ? 'valid' : 'signature', ledger.network, [
        [`a bad signature ${why}`, proof, code]
      ])
    )
  }
  return all
}

function inclusions(whole: Completeness): Damage[] {
  const { statements } = whole
  const changes: (readonly [string, Completeness['statements']])[] = [
    ['in reverse', statements.toReversed()],
    ['one twice', statements.flatMap((each, at) => (at === 2 ? [each, each] : [each]))],
    ['the first left out, so that the next path is cut too early', statements.slice(1)]
  ]
  for (const [at, each] of statements.entries()) {
    const { index, path, transaction } = each
    changes.push([`index of ${at} one more`, statements.with(at, { ...each, index: index + 1 })])
    changes.push([
      `path of ${at} longer`,
      statements.with(at, { ...each, path: [...path, seed('x')] })
    ])
    changes.push([
      `a bit of transaction ${at}`,
      statements.with(at, {
        ...each,
        transaction: transaction.with(transaction.length - 1, (transaction.at(-1) ?? 0) ^ 1)
      })
    ])
    for (const [k, hash] of path.entries())
      changes.push([
        `hash ${k} of path ${at}`,
        statements.with(at, { ...each, path: path.with(k, hash.with(k, (hash[k] ?? 0) ^ 1)) })
      ])
    if (path.length > 0)
      changes.push([`path of ${at} shorter`, statements.with(at, { ...each, path: path.slice(1) })])
  }
  return changes.map(([why, changed]): Damage => [
    why,
    { ...whole, statements: changed },
    'ERR_INCLUSION'
  ])
}

function heads({ ledger, sent, pumped }: LanesLedger, whole: Completeness): Damage[] {
  const head = whole.head ?? { value: seed('value'), proof: { siblings: [] } }
  const { value, proof } = head
  const code = 'ERR_STATE_PROOF'
  return [
    [
      'the record of another lane',
      { ...whole, head: ledger.completeness(pumped, { head: true }).head },
      code
    ],
    [
      'another value',
      { ...whole, head: { ...head, value: value.with(1, (value[1] ?? 0) ^ 1) } },
      code
    ],
    [
      'a sibling less',
      { ...whole, head: { value, proof: { siblings: proof.siblings.slice(1) } } },
      code
    ],
    [
      'a newer record under an older header',
      { ...ledger.completeness(sent.slice(0, 4), { height: 2 }), head },
      code
    ]
  ]
}

function forms(whole: Completeness): (readonly [string, Uint8Array, string])[] {
  const encoded = completenessFormat.encode(whole)
  const document = decodeCbor(encoded, RECEIPT_BYTES_MAX)
  const items = itemsOf(document)
  const values: readonly (readonly [string, CborValue])[] = [
    ['another kind', items.with(0, 'vitalchain/state-proof')],
    ['another version', items.with(1, 0)],
    ['a field more', [...items, null]],
    ['no statements', items.with(7, [])],
    [
      '4 097 statements',
      items.with(
        7,
        Array.from({ length: 4_097 }, () => 0)
      )
    ],
    ['a negative index', replaced(document, [7, 0, 0], -1)],
    ['a hash of 33 bytes', replaced(document, [7, 0, 1], [new Uint8Array(33)])],
    ['no transaction', replaced(document, [7, 0, 2], new Uint8Array(0))],
    ['a head without a proof', items.with(8, [seed('value')])]
  ]
  return [
    ...values.map(([why, value]) => [why, encodeCbor(value), 'ERR_SCHEMA'] as const),
    ['cut in half', encoded.subarray(0, encoded.length >> 1), 'ERR_ENCODING'],
    ['a byte more', concatBytes([encoded, Uint8Array.of(0xf6)]), 'ERR_ENCODING'],
    [
      'a length in its long form',
      Uint8Array.from([0x98, items.length, ...encoded.subarray(1)]),
      'ERR_NOT_CANONICAL'
    ]
  ]
}
