import { concatBytes, toHex, u8 } from '../../src/bytes.ts'
import { encodeCbor } from '../../src/encoding/cbor.ts'
import { itemsOf, replaced } from './fields.ts'
import { refusalCode, refused, type Case, type Damage } from './receipt-cases.ts'
import { documentOf } from './receipt-damaged.ts'
import type { SmallLedger } from './small-ledger.ts'

/** Where the items of a CBOR document begin, by reading its heads; all are definite and at most 4 bytes of length. */
function headsOf(encoded: Uint8Array): readonly number[] {
  const heads: number[] = []
  let at = 0
  while (at < encoded.length) {
    heads.push(at)
    const info = encoded[at]! & 0x1f
    const width = info < 24 ? 0 : 2 ** (info - 24)
    const length = width === 0 ? info : argumentAt(encoded, at, width)
    const major = encoded[at]! >> 5
    at += 1 + width + (major === 2 || major === 3 ? length : 0)
  }
  return heads
}

function argumentAt(encoded: Uint8Array, at: number, width: number): number {
  return encoded.subarray(at + 1, at + 1 + width).reduce((sum, byte) => sum * 256 + byte, 0)
}

/** The same value in another encoding, and what is near to CBOR without being ours. */
export function encodingCases(ledger: SmallLedger): Case[] {
  const encoded = ledger.encodedReceipt(5, undefined, 7)
  const damages = headsOf(encoded).flatMap((at, k): Damage[] => {
    const head = encoded[at]!
    const info = head & 0x1f
    if (head >> 5 === 7) return []
    const width = info < 24 ? 0 : 2 ** (info - 24)
    const argument = width === 0 ? info : argumentAt(encoded, at, width)
    const longer = [1, 2, 4, 8].filter(each => each > width)
    // One longer form of each item, and of the first ones all.
    return longer.slice(0, k < 3 ? 4 : 1).map((each): Damage => {
      const longHead = [(head & 0xe0) | (24 + Math.log2(each))]
      for (let byte = each - 1; byte >= 0; byte--)
        longHead.push(Math.floor(argument / 256 ** byte) % 256)
      return [
        `item ${k}, at byte ${at}: its head in ${each + 1} bytes`,
        spliced(encoded, at, 1 + width, Uint8Array.from(longHead)),
        'ERR_NOT_CANONICAL'
      ]
    })
  })
  const index = headsOf(encoded).find(at => encoded[at] === 5 && encoded[at + 1]! >> 5 === 4)!
  const near: readonly Damage[] = [
    [
      'the receipt of indefinite length',
      concatBytes([u8(0x9f), encoded.subarray(1), u8(0xff)]),
      'ERR_ENCODING'
    ],
    [
      'the index as a half float',
      spliced(encoded, index, 1, Uint8Array.of(0xf9, 0x45, 0x00)),
      'ERR_ENCODING'
    ],
    [
      'the index as a double',
      spliced(encoded, index, 1, Uint8Array.of(0xfb, 0x40, 0x14, 0, 0, 0, 0, 0, 0)),
      'ERR_ENCODING'
    ],
    [
      'the index as a bignum',
      spliced(encoded, index, 1, Uint8Array.of(0xc2, 0x41, 5)),
      'ERR_ENCODING'
    ],
    [
      'an index of 2^53',
      spliced(encoded, index, 1, Uint8Array.of(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0)),
      'ERR_ENCODING'
    ],
    [
      'an index of 2^64 - 1',
      spliced(encoded, index, 1, Uint8Array.of(0x1b, 255, 255, 255, 255, 255, 255, 255, 255)),
      'ERR_ENCODING'
    ],
    ['an undefined index', spliced(encoded, index, 1, u8(0xf7)), 'ERR_ENCODING'],
    [
      'self-described CBOR',
      concatBytes([Uint8Array.of(0xd9, 0xd9, 0xf7), encoded]),
      'ERR_ENCODING'
    ],
    ['the path of indefinite length', spliced(encoded, index + 1, 1, u8(0x9f)), 'ERR_ENCODING'],
    [
      'a path that claims 2^32 - 1 hashes',
      spliced(encoded, index + 1, 1, Uint8Array.of(0x9a, 255, 255, 255, 255)),
      'ERR_ENCODING'
    ],
    ['a reserved head', spliced(encoded, index, 1, u8(0x1c)), 'ERR_ENCODING'],
    ['hexadecimal text', new TextEncoder().encode(toHex(encoded.subarray(0, 200))), 'ERR_ENCODING']
  ]
  return refused('encoding', ledger.network, [...damages, ...near])
}

function spliced(bytes: Uint8Array, at: number, remove: number, put: Uint8Array): Uint8Array {
  return concatBytes([bytes.subarray(0, at), put, bytes.subarray(at + remove)])
}

/** Bytes cut off and added. */
export function lengthCases(ledger: SmallLedger): Case[] {
  const encoded = ledger.encodedReceipt(5, undefined, 7)
  const { network } = ledger
  const heads = headsOf(encoded)
  const every = Math.ceil(heads.length / 16)
  const lengths = [
    ...new Set([0, 1, ...heads.filter((_, k) => k % every === 1), encoded.length - 1])
  ]
  return [
    ...refused(
      'truncated',
      network,
      lengths.map((length): Damage => [
        `cut to ${length} of ${encoded.length} bytes`,
        encoded.subarray(0, length),
        'ERR_ENCODING'
      ])
    ),
    ...refused('trailing', network, [
      ['a zero behind', concatBytes([encoded, u8(0)]), 'ERR_ENCODING'],
      ['a null behind', concatBytes([encoded, u8(0xf6)]), 'ERR_ENCODING'],
      ['an open array behind', concatBytes([encoded, u8(0x9f)]), 'ERR_ENCODING'],
      ['a break behind', concatBytes([encoded, u8(0xff)]), 'ERR_ENCODING'],
      ['a line feed behind', concatBytes([encoded, u8(0x0a)]), 'ERR_ENCODING'],
      ['the receipt twice', concatBytes([encoded, encoded]), 'ERR_ENCODING'],
      ['a zero in front', concatBytes([u8(0), encoded]), 'ERR_ENCODING'],
      ['a byte behind the header', insideOf(ledger, 4), 'ERR_ENCODING'],
      ['a byte behind the transaction', insideOf(ledger, 9), 'ERR_INCLUSION'],
      ['a byte behind the genesis', insideOf(ledger, 2), 'ERR_OTHER_NETWORK']
    ])
  ]
}

function insideOf(ledger: SmallLedger, item: number): Uint8Array {
  const document = documentOf(ledger.receipt(5, undefined, 7))
  const inner = itemsOf(document)[item] as Uint8Array
  return encodeCbor(replaced(document, [item], concatBytes([inner, u8(0)])))
}

/** One bit turned, all over the receipt. Which code that gets depends on where it is. */
export function bitCases(ledger: SmallLedger): Case[] {
  const encoded = ledger.encodedReceipt(5, undefined, 7)
  const flips = 48
  return refused(
    'bit',
    ledger.network,
    Array.from({ length: flips }, (_, k): Damage => {
      const at = Math.floor(((k + 0.5) * encoded.length) / flips)
      const changed = encoded.with(at, encoded[at]! ^ (1 << (k % 8)))
      return [`bit ${k % 8} of byte ${at}`, changed, refusalCode(ledger.network, changed)]
    })
  )
}
