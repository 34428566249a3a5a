import { ed25519, ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { concatBytes, fromHex, toHex, u8 } from '../../src/bytes.ts'
import { sha512 } from '../../src/crypto/hash.ts'
import type { PublicKey } from '../../src/crypto/signatures.ts'
import {
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { openCose, signedBytes } from '../../src/ledger/cose.ts'
import { statementFormat } from '../../src/ledger/statement.ts'
import { statementTransaction, transactionBody } from '../../src/ledger/transaction.ts'
import { itemsOf, replaced } from './fields.ts'
import { refused, type Case } from './receipt-cases.ts'
import { seed, SmallLedger, TestDevice } from './small-ledger.ts'

type Unfit = readonly [kind: string, why: string, transaction: Uint8Array, code: string]

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const P256_PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const { Point } = ed25519
const L = Point.Fn.ORDER

/** Transactions that a dishonest quorum certified although no honest validator would have. */
export async function unfitCases(): Promise<Case[]> {
  const ledger = new SmallLedger()
  const { network } = ledger
  const good = await new TestDevice(network, 'ed25519', 'monitor').nextTransaction()
  const es256 = await new TestDevice(network, 'es256', 'pump').nextTransaction()
  const foreign = await new TestDevice(new Uint8Array(32), 'ed25519', 'monitor').nextTransaction()
  const all: readonly Unfit[] = [
    ['other-network', 'a statement for another network', foreign, 'ERR_OTHER_NETWORK'],
    ...formCases(good),
    ...statementFields(good),
    ...ed25519Cases(good),
    ...es256Cases(es256)
  ]
  ledger.addBlock(all.map(([, , transaction]) => transaction))
  return all.flatMap(([kind, why, , code], index) =>
    refused(kind, network, [[`certified, but ${why}`, ledger.receipt(index), code]])
  )
}

function cose(parts: readonly CborValue[]): Uint8Array {
  return statementTransaction(encodeCbor(tagSign1(parts)))
}

/** Transactions of another form. */
function formCases(good: Uint8Array): Unfit[] {
  const body = transactionBody(good)
  const parts = itemsOf(untagSign1(decodeCbor(body, 65_535))!)
  const header = (entries: readonly (readonly [CborValue, CborValue])[]): Uint8Array =>
    cose(parts.with(0, encodeCbor(new Map(entries))))
  const key = openCose(body).publicKey.bytes
  const codes: readonly (readonly [string, Uint8Array, string])[] = [
    ['bytes that are no transaction', u8(0xff), 'ERR_ENCODING'],
    ['a byte behind it', concatBytes([good, u8(0)]), 'ERR_ENCODING'],
    ['cut short', good.subarray(0, -1), 'ERR_ENCODING'],
    [
      'its type in two bytes',
      concatBytes([good.subarray(0, 15), fromHex('1800'), good.subarray(16)]),
      'ERR_NOT_CANONICAL'
    ],
    ['an unknown type', encodeCbor(['vitalchain/tx', 4, body]), 'ERR_SCHEMA'],
    ['a statement called a call', encodeCbor(['vitalchain/tx', 1, body]), 'ERR_SCHEMA'],
    ['a statement called a conflict', encodeCbor(['vitalchain/tx', 2, body]), 'ERR_SCHEMA'],
    ['a statement called evidence', encodeCbor(['vitalchain/tx', 3, body]), 'ERR_SCHEMA'],
    ['another kind of document', encodeCbor(['vitalchain/block', 0, body]), 'ERR_SCHEMA'],
    ['a statement without signature', encodeCbor(['vitalchain/tx', 0, u8(0x80)]), 'ERR_SCHEMA'],
    ['a signature without its tag', statementTransaction(encodeCbor(parts)), 'ERR_SCHEMA'],
    [
      'a byte behind the COSE_Sign1',
      statementTransaction(concatBytes([body, u8(0)])),
      'ERR_ENCODING'
    ],
    [
      'the tag in two bytes',
      statementTransaction(concatBytes([fromHex('d812'), body.subarray(1)])),
      'ERR_NOT_CANONICAL'
    ],
    ['an item in the unprotected header', cose(parts.with(1, new Map([[1, 1]]))), 'ERR_SCHEMA'],
    ['a detached payload', cose(parts.with(2, null)), 'ERR_SCHEMA'],
    ['a signature of 63 bytes', cose(parts.with(3, new Uint8Array(63))), 'ERR_SCHEMA'],
    ['five parts', cose([...parts, null]), 'ERR_SCHEMA'],
    ['an empty protected header', cose(parts.with(0, new Uint8Array(0))), 'ERR_ENCODING'],
    [
      'an algorithm that nobody knows',
      header([
        [1, -257],
        [4, key]
      ]),
      'ERR_ALGORITHM_UNKNOWN'
    ],
    [
      'ES384',
      header([
        [1, -35],
        [4, key]
      ]),
      'ERR_ALGORITHM_UNKNOWN'
    ],
    ['no algorithm', header([[4, key]]), 'ERR_SCHEMA'],
    ['no key', header([[1, -8]]), 'ERR_SCHEMA'],
    [
      'a header more',
      header([
        [1, -8],
        [2, [4]],
        [4, key]
      ]),
      'ERR_SCHEMA'
    ],
    [
      'a key of 31 bytes',
      header([
        [1, -8],
        [4, key.subarray(1)]
      ]),
      'ERR_SCHEMA'
    ],
    [
      'an Ed25519 key called ES256',
      header([
        [1, -7],
        [4, key]
      ]),
      'ERR_SCHEMA'
    ],
    [
      'labels in another order',
      cose(parts.with(0, concatBytes([fromHex('a2045820'), key, fromHex('0127')]))),
      'ERR_NOT_CANONICAL'
    ]
  ]
  return codes.map(([why, transaction, code]) => ['transaction', why, transaction, code])
}

/** Every field of a statement changed under its signature. */
function statementFields(good: Uint8Array): Unfit[] {
  const document = untagSign1(decodeCbor(transactionBody(good), 65_535))!
  const items = itemsOf(decodeCbor(itemsOf(document)[2] as Uint8Array, 1_024))
  const changes: readonly (readonly [string, number, CborValue])[] = [
    ['device', 2, seed('device')],
    ['lane', 3, 1],
    ['boot', 4, 2],
    ['seq', 5, 1],
    ['previous', 6, seed('previous')],
    ['from', 7, Number(items[7]) - 1],
    ['to', 8, Number(items[8]) + 1],
    ['clock', 9, [0, 0]],
    ['count', 10, 3],
    ['stream', 11, seed('stream').subarray(16)],
    ['generation', 12, 2],
    ['epoch', 13, 8],
    ['flags', 14, 2],
    ['retention', 15, 1],
    ['contentFormat', 16, 60],
    ['payloadSize', 17, 1],
    ['payloadDigest', 18, seed('digest')],
    ['commitment', 19, seed('commitment')]
  ]
  return changes.map(([name, at, value]) => {
    const payload = encodeCbor(items.with(at, value))
    const cose = encodeCbor(tagSign1(replaced(document, [2], payload)))
    return [
      'statement',
      `another ${name} than was signed`,
      statementTransaction(cose),
      'ERR_SIGNATURE'
    ]
  })
}

/** The transaction with another key or signature; the statement stays as it is. */
function withSignature(
  transaction: Uint8Array,
  change: (payload: Uint8Array) => { readonly key?: Uint8Array; readonly signature: Uint8Array }
): Uint8Array {
  const { publicKey, payload } = openCose(transactionBody(transaction))
  const { key = publicKey.bytes, signature } = change(payload)
  return coseOf({ algorithm: publicKey.algorithm, bytes: key }, payload, signature)
}

function coseOf(key: PublicKey, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  const algorithm = key.algorithm === 'ed25519' ? -8 : -7
  const header = encodeCbor(
    new Map<CborValue, CborValue>([
      [1, algorithm],
      [4, key.bytes]
    ])
  )
  return statementTransaction(encodeCbor(tagSign1([header, new Map(), payload, signature])))
}

function le(value: bigint): Uint8Array {
  return numberToBytesLE(value, 32)
}

/** Edge-case keys and signatures of Ed25519: what libraries disagree about. spec F-2. */
function ed25519Cases(good: Uint8Array): Unfit[] {
  const { signature } = openCose(transactionBody(good))
  const [R, S] = [signature.subarray(0, 32), signature.subarray(32)]
  const s = bytesToNumberLE(S)
  const signed = (why: string, changed: Uint8Array): Unfit => [
    'signature-edge',
    `Ed25519: ${why}`,
    withSignature(good, () => ({ signature: changed })),
    'ERR_SIGNATURE'
  ]
  const torsion = ED25519_TORSION_SUBGROUP.map(hex => fromHex(hex))
  const [neutral, ...small] = torsion as [Uint8Array, ...Uint8Array[]]
  const keyed = (why: string, key: Uint8Array, changed = signature): Unfit => [
    'key-edge',
    `Ed25519: ${why}`,
    withSignature(good, () => ({ key, signature: changed })),
    'ERR_SIGNATURE'
  ]
  return [
    ...[1n, 2n, 8n, 15n].map(times =>
      signed(`S + ${times} L`, concatBytes([R, le(s + times * L)]))
    ),
    signed('S = L', concatBytes([R, le(L)])),
    signed('S = L - 1', concatBytes([R, le(L - 1n)])),
    signed('S = 0', concatBytes([R, le(0n)])),
    signed('S of ones', concatBytes([R, new Uint8Array(32).fill(255)])),
    signed('L - S', concatBytes([R, le(L - s)])),
    signed('the sign of R turned', concatBytes([R.with(31, R[31]! ^ 0x80), S])),
    signed('R beyond the field', concatBytes([le(2n ** 255n - 1n), S])),
    signed('R off the curve', concatBytes([le(2n), S])),
    ...torsion.map((each, k) => signed(`R of small order, number ${k}`, concatBytes([each, S]))),
    // With a neutral A the equation is S B = R, whatever the message.
    keyed('A neutral, for every message', neutral, concatBytes([Point.BASE.toBytes(), le(1n)])),
    keyed('A and R neutral, S = 0', neutral, concatBytes([neutral, le(0n)])),
    ...small.map((key, k) =>
      keyed(`A of small order, number ${k + 1}`, key, concatBytes([neutral, le(0n)]))
    ),
    keyed(
      'A neutral, written beyond the field',
      le(2n ** 255n - 18n),
      concatBytes([neutral, le(0n)])
    ),
    keyed('A neutral, written with a sign', neutral.with(31, 0x80), concatBytes([neutral, le(0n)])),
    keyed('A off the curve', le(2n)),
    keyed('A of ones', new Uint8Array(32).fill(255)),
    keyed('the sign of A turned', turned(openCose(transactionBody(good)).publicKey.bytes)),
    ...mixedCases(good, torsion)
  ]
}

function turned(key: Uint8Array): Uint8Array {
  return key.with(31, key[31]! ^ 0x80)
}

/** Keys and Rs of mixed order: those that satisfy the equation with the cofactor, and those that satisfy it without, too. */
function mixedCases(good: Uint8Array, torsion: readonly Uint8Array[]): Unfit[] {
  const a = 0x51f15eedn
  const statement = statementFormat.decode(openCose(transactionBody(good)).payload)
  const build = (T: Uint8Array, U: Uint8Array, cancel: boolean): Uint8Array => {
    const key = Point.BASE.multiply(a).add(Point.fromBytes(T)).toBytes()
    for (let nonce = 1n; nonce < 200n; nonce++) {
      const payload = statementFormat.encode(statement)
      const R = Point.BASE.multiply(nonce).add(Point.fromBytes(U)).toBytes()
      const publicKey: PublicKey = { algorithm: 'ed25519', bytes: key }
      const message = signedBytes({ publicKey, payload, signature: R })
      const k = bytesToNumberLE(sha512(concatBytes([R, key, message]))) % L
      const rest = Point.fromBytes(T)
        .multiplyUnsafe(k % 8n)
        .add(Point.fromBytes(U))
      if (cancel && !rest.is0()) continue
      const s = (nonce + k * a) % L
      return coseOf(publicKey, payload, concatBytes([R, numberToBytesLE(s, 32)]))
    }
    throw new Error('no nonce cancels')
  }
  const neutral = torsion[0]!
  return torsion.slice(1).flatMap((each, k): Unfit[] => [
    [
      'key-edge',
      `Ed25519: A of mixed order, number ${k + 1}, that cancels`,
      build(each, neutral, true),
      'ERR_SIGNATURE'
    ],
    [
      'key-edge',
      `Ed25519: A and R of mixed order, number ${k + 1}`,
      build(each, each, false),
      'ERR_SIGNATURE'
    ],
    [
      'signature-edge',
      `Ed25519: R of mixed order, number ${k + 1}`,
      build(neutral, each, false),
      'ERR_SIGNATURE'
    ]
  ])
}

/** Edge-case keys and signatures of ES256. spec F-2. */
function es256Cases(good: Uint8Array): Unfit[] {
  const { publicKey, signature } = openCose(transactionBody(good))
  const [R, S] = [signature.subarray(0, 32), signature.subarray(32)]
  const [r, s] = [number(R), number(S)]
  const pairs: readonly (readonly [string, bigint, bigint])[] = [
    ['high S', r, P256_ORDER - s],
    ['r = 0', 0n, s],
    ['s = 0', r, 0n],
    ['r = s = 0', 0n, 0n],
    ['r = s = 1', 1n, 1n],
    ['r = n', P256_ORDER, s],
    ['s = n', r, P256_ORDER],
    ['s = n - 1', r, P256_ORDER - 1n],
    ['s = (n - 1) / 2', r, P256_ORDER >> 1n],
    ['s = (n + 1) / 2', r, (P256_ORDER >> 1n) + 1n],
    ['r of ones', 2n ** 256n - 1n, s],
    ['s of ones', r, 2n ** 256n - 1n],
    ['r and s exchanged', s, r],
    ['n - r', P256_ORDER - r, s],
    ['r turned by one bit', r ^ 1n, s],
    ['s turned by one bit', r, s ^ 1n]
  ]
  const { bytes } = publicKey
  const keys: readonly (readonly [string, Uint8Array])[] = [
    ['the other point with this x', bytes.with(0, bytes[0]! ^ 1)],
    ['the prefix of an uncompressed point', bytes.with(0, 4)],
    ['the prefix of a hybrid point', bytes.with(0, 6)],
    ['the prefix 0', bytes.with(0, 0)],
    ['zeros', new Uint8Array(33)],
    ['x off the curve', concatBytes([u8(2), scalar(1n)])],
    ['x = p', concatBytes([u8(2), scalar(P256_PRIME)])],
    ['x = p + 5, that of x = 5 beyond the field', concatBytes([u8(2), scalar(P256_PRIME + 5n)])],
    ['x of ones', concatBytes([u8(3), new Uint8Array(32).fill(255)])]
  ]
  return [
    ...pairs.map(([why, first, second]): Unfit => [
      'signature-edge',
      `ES256: ${why}`,
      withSignature(good, () => ({ signature: concatBytes([scalar(first), scalar(second)]) })),
      'ERR_SIGNATURE'
    ]),
    ...keys.map(([why, key]): Unfit => [
      'key-edge',
      `ES256: ${why}`,
      withSignature(good, () => ({ key, signature })),
      'ERR_SIGNATURE'
    ])
  ]
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'))
}
