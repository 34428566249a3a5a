import { toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, tagSign1, type CborValue } from '../../src/encoding/cbor.ts'
import { CONSISTENCY_PATH_MAX, INCLUSION_PATH_MAX } from '../../src/ledger/limits.ts'
import { receiptFormat, type Receipt } from '../../src/ledger/receipt.ts'
import { isItems, itemsOf, replaced } from './fields.ts'
import { refused, type Case, type Damage } from './receipt-cases.ts'
import { seed, type SmallLedger } from './small-ledger.ts'

/** The items of a receipt, in their order. */
const ITEMS = [
  'kind',
  'version',
  'genesis',
  'handOvers',
  'header',
  'certificate',
  'consistency',
  'index',
  'path',
  'transaction'
]

/** The items of a header behind its kind, with the code that a receipt gets when one of them was changed. */
const HEADER_ITEMS: readonly (readonly [name: string, code: string])[] = [
  ['protocol', 'ERR_SCHEMA'],
  ['network', 'ERR_OTHER_NETWORK'],
  ['recoveryEpoch', 'ERR_HANDOVER'],
  ['height', 'ERR_CERTIFICATE'],
  ['previous', 'ERR_CERTIFICATE'],
  ['time', 'ERR_CERTIFICATE'],
  ['originView', 'ERR_CERTIFICATE'],
  ['originProposer', 'ERR_CERTIFICATE'],
  ['transactionCount', 'ERR_CERTIFICATE'],
  ['history', 'ERR_CERTIFICATE'],
  ['stateRoot', 'ERR_CERTIFICATE'],
  ['validatorsHash', 'ERR_HANDOVER'],
  ['nextValidatorsHash', 'ERR_CERTIFICATE'],
  ['previousCertificateHash', 'ERR_CERTIFICATE']
]

const CERTIFICATE_ITEMS: readonly (readonly [name: string, code: string])[] = [
  ['kind', 'ERR_SCHEMA'],
  ['phase', 'ERR_CERTIFICATE'],
  ['height', 'ERR_CERTIFICATE'],
  ['view', 'ERR_CERTIFICATE'],
  ['blockHash', 'ERR_CERTIFICATE']
]

/** A receipt as CBOR items. */
export function documentOf(receipt: Receipt): CborValue {
  return decodeCbor(receiptFormat.encode(receipt), receiptFormat.bytesMax)
}

/** Another value of the same kind: a number and one more, bytes with their last bit turned, the first item of a list changed, else a text. */
function other(value: CborValue): CborValue {
  if (typeof value === 'number') return value === 1 ? 0 : value + 1
  if (value instanceof Uint8Array) return value.with(value.length - 1, value.at(-1)! ^ 1)
  if (isItems(value)) return value.with(0, other(value[0]!))
  return 'another'
}

/** Every field of a header and of a certificate changed, and nothing else: nobody signed that. */
export function fieldCases(moving: SmallLedger): Case[] {
  const receipt = moving.receipt(2, undefined, 5)
  const document = documentOf(receipt)
  const at = (way: readonly number[]): CborValue =>
    way.reduce<CborValue>((value, step) => itemsOf(value)[step]!, document)
  const changed = (way: readonly number[], by: CborValue): Uint8Array =>
    encodeCbor(replaced(document, way, by))
  const headers = [
    ['the header', [4], [5]],
    ['the first hand-over', [3, 0, 1], [3, 0, 2]],
    ['the last hand-over', [3, 2, 1], [3, 2, 2]]
  ] as const
  const damages = headers.flatMap(([where, headerAt, certificateAt]): Damage[] => {
    const header = itemsOf(decodeCbor(at(headerAt) as Uint8Array, 1_024))
    const certificate = itemsOf(at(certificateAt))
    const signatures = certificate[6] as Uint8Array
    return [
      ...HEADER_ITEMS.map(([name, code], k): Damage => {
        const value = name === 'protocol' ? 2 : other(header[k + 1]!)
        return [`${where}: ${name}`, changed(headerAt, encodeCbor(header.with(k + 1, value))), code]
      }),
      ...CERTIFICATE_ITEMS.map(([name, code], k): Damage => [
        `${where}: ${name} of the certificate`,
        changed([...certificateAt, k], other(certificate[k]!)),
        code
      ]),
      ...Array.from({ length: signatures.length / 64 }, (_, k): Damage[] => [
        [
          `${where}: R of signature ${k}`,
          changed([...certificateAt, 6], signatures.with(64 * k, signatures[64 * k]! ^ 1)),
          'ERR_CERTIFICATE'
        ],
        [
          `${where}: S of signature ${k}`,
          changed(
            [...certificateAt, 6],
            signatures.with(64 * k + 32, signatures[64 * k + 32]! ^ 1)
          ),
          'ERR_CERTIFICATE'
        ]
      ]).flat()
    ]
  })
  const validators = itemsOf(at([3, 0, 3]))
  const names = ['member', 'consensusKey', 'checkpointKey']
  const validatorDamages = names.map((name, k): Damage => [
    `the first hand-over: ${name} of a validator`,
    changed([3, 0, 3, 1, k], other(itemsOf(validators[1]!)[k]!)),
    'ERR_HANDOVER'
  ])
  const genesis = itemsOf(decodeCbor(receipt.genesis, 4_096))
  const genesisDamages = ['name', 'created', 'members', 'recovery', 'parameters', 'contracts'].map(
    (name, k): Damage => {
      const value = genesis[k + 2]!
      const less = isItems(value) ? value.slice(1) : other(value)
      return [
        `genesis: ${name}`,
        changed([2], encodeCbor(genesis.with(k + 2, less))),
        'ERR_OTHER_NETWORK'
      ]
    }
  )
  const rest: readonly Damage[] = [
    ['index', changed([7], other(at([7]))), 'ERR_INCLUSION'],
    ['transaction: its type', changed([9], otherTransaction(receipt, 1)), 'ERR_INCLUSION'],
    ['transaction: its body', changed([9], otherTransaction(receipt, 2)), 'ERR_INCLUSION'],
    ['consistency: size', changed([6, 0], other(at([6, 0]))), 'ERR_CONSISTENCY'],
    ['consistency: root', changed([6, 1], other(at([6, 1]))), 'ERR_CONSISTENCY']
  ]
  return refused('field', moving.network, [
    ...damages,
    ...validatorDamages,
    ...genesisDamages,
    ...rest
  ])
}

function otherTransaction(receipt: Receipt, item: number): Uint8Array {
  const items = itemsOf(decodeCbor(receipt.transaction, 65_535))
  return encodeCbor(items.with(item, other(items[item]!)))
}

/** Every element of both paths damaged in every way. */
export function pathCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(5, undefined, 7)
  const consistency = receipt.consistency!
  const damages = [
    ...pathDamages(receipt.path).map(([why, path]): Damage => [
      `inclusion: ${why}`,
      { ...receipt, path },
      'ERR_INCLUSION'
    ]),
    ...pathDamages(consistency.path).map(([why, path]): Damage => [
      `consistency: ${why}`,
      { ...receipt, consistency: { ...consistency, path } },
      'ERR_CONSISTENCY'
    ])
  ]
  return refused('path', ledger.network, damages)
}

function pathDamages(
  path: readonly Uint8Array[]
): readonly (readonly [why: string, path: readonly Uint8Array[]])[] {
  const each = path.flatMap((hash, k) => {
    const next = path[k + 1]
    return [
      [`element ${k}: first bit turned`, path.with(k, hash.with(0, hash[0]! ^ 0x80))],
      [`element ${k}: last bit turned`, path.with(k, hash.with(31, hash[31]! ^ 1))],
      [`element ${k}: all zero`, path.with(k, new Uint8Array(32))],
      [`element ${k}: left out`, path.toSpliced(k, 1)],
      [`element ${k}: twice`, path.toSpliced(k, 0, hash)],
      ...(next === undefined
        ? []
        : [[`elements ${k} and ${k + 1}: exchanged`, path.toSpliced(k, 2, next, hash)] as const])
    ] as const
  })
  return [
    ...each,
    ['empty', []],
    ['reversed', path.toReversed()],
    ['one more behind', [...path, seed('more')]],
    ['one more in front', [seed('more'), ...path]]
  ]
}

function hashes(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => seed('hash'))
}

/** Values of the wrong type or beyond a limit. */
export function formCases(ledger: SmallLedger): Case[] {
  const document = documentOf(ledger.receipt(5, undefined, 7))
  const items = itemsOf(document)
  const wrong: readonly (readonly [name: string, value: CborValue])[] = [
    ['null', null],
    ['a number', 7],
    ['a text', 'text'],
    ['bytes', Uint8Array.of(1)],
    ['an array', [1]],
    ['a map', new Map([[1, 1]])],
    ['true', true],
    ['a COSE_Sign1', tagSign1([])]
  ]
  const types = ITEMS.flatMap((name, k) =>
    wrong
      // What the item may be: an index may be 7, consistency may be null, and bytes get their own verdict.
      .filter(
        ([type]) =>
          !(name === 'index' && type === 'a number') &&
          !(name === 'consistency' && type === 'null') &&
          !(type === 'bytes' && ['genesis', 'transaction', 'header'].includes(name))
      )
      .map(([type, value]): Damage => [
        `${name} is ${type}`,
        encodeCbor(items.with(k, value)),
        'ERR_SCHEMA'
      ])
  )
  const damages: readonly (readonly [string, CborValue])[] = [
    ['another kind', items.with(0, 'vitalchain/block')],
    ['version 0', items.with(1, 0)],
    ['version 2', items.with(1, 2)],
    ['an item more', [...items, null]],
    ['an item less', items.slice(0, -1)],
    ['without consistency, as if it were optional by length', items.toSpliced(6, 1)],
    ['no items', []],
    ['a map of its items', new Map(items.map((item, k) => [k, item]))],
    ['a COSE_Sign1 around it', tagSign1(items)],
    ['an array around it', [items]],
    ['its bytes as a byte string', encodeCbor(document)],
    ['an empty genesis', items.with(2, new Uint8Array(0))],
    ['an empty header', items.with(4, new Uint8Array(0))],
    ['an empty transaction', items.with(9, new Uint8Array(0))],
    ['a hand-over of an unknown kind', items.with(3, [[1, 0, 0, 0]])],
    ['a hand-over with an item less', items.with(3, [[0, items[4]!, items[5]!]])],
    ['a hand-over to nobody', items.with(3, [[0, items[4]!, items[5]!, []]])],
    ['an unknown phase', replaced(document, [5, 1], 2)],
    ['a certificate of height 0', replaced(document, [5, 2], 0)],
    ['view 2^32', replaced(document, [5, 3], 2 ** 32)],
    ['a block hash of 31 bytes', replaced(document, [5, 4], new Uint8Array(31))],
    ['a block hash of 33 bytes', replaced(document, [5, 4], new Uint8Array(33))],
    ['an empty bitmap', replaced(document, [5, 5], new Uint8Array(0))],
    ['a bitmap of zeros', replaced(document, [5, 5], Uint8Array.of(0))],
    ['a bitmap that ends in zero', replaced(document, [5, 5], Uint8Array.of(7, 0))],
    ['a bitmap of 8 bytes', replaced(document, [5, 5], new Uint8Array(8).fill(1))],
    ['a bit more than signatures', replaced(document, [5, 5], Uint8Array.of(15))],
    ['a bit less than signatures', replaced(document, [5, 5], Uint8Array.of(3))],
    ['a signature of 63 bytes', replaced(document, [5, 6], new Uint8Array(3 * 64 - 1))],
    ['no signatures', replaced(document, [5, 6], new Uint8Array(0))],
    ['consistency from the empty tree', replaced(document, [6, 0], 0)],
    ['consistency with a root of 31 bytes', replaced(document, [6, 1], new Uint8Array(31))],
    ['consistency without a path', items.with(6, itemsOf(items[6]!).slice(0, 2))],
    ['consistency with a hash of 33 bytes', replaced(document, [6, 2, 0], new Uint8Array(33))],
    ['too long a consistency path', replaced(document, [6, 2], hashes(CONSISTENCY_PATH_MAX + 1))],
    ['a negative index', items.with(7, -1)],
    ['a path with a hash of 31 bytes', replaced(document, [8, 0], new Uint8Array(31))],
    ['a path with a hash of 0 bytes', replaced(document, [8, 0], new Uint8Array(0))],
    ['a path with a hash of 64 bytes', replaced(document, [8, 0], new Uint8Array(64))],
    ['a path with a hash in hexadecimal', replaced(document, [8, 0], toHex(seed('hash')))],
    ['too long a path', items.with(8, hashes(INCLUSION_PATH_MAX + 1))]
  ]
  return [
    ...refused('type', ledger.network, types),
    ...refused(
      'form',
      ledger.network,
      damages.map(([why, value]): Damage => [why, encodeCbor(value), 'ERR_SCHEMA'])
    )
  ]
}
