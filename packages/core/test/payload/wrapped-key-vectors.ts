import { toHex } from '../../src/bytes.ts'
import { x25519PublicKey } from '../../src/crypto/hpke.ts'
import { coverEpochs } from '../../src/payload/epoch-key.ts'
import {
  streamKeys,
  unwrapStreamKeys,
  wrappedKeysFormat,
  wrapStreamKeys,
  type WrappedKeys
} from '../../src/payload/wrapped-keys.ts'
import { seed } from '../ledger/small-ledger.ts'
import { codeOf, toJson, type Json } from '../ledger/vector-json.ts'

const of = {
  network: seed('network'),
  stream: seed('stream name').subarray(0, 16),
  generation: 1
}
const secret = seed('stream guide')
const recipientSecret = seed('custodian')
const recipient = x25519PublicKey(recipientSecret)
const ephemeral = seed('ephemeral key')

function valid(why: string, from: number, to: number): Json {
  const keys = streamKeys(of, secret, { from, to })
  const { subtrees } = keys
  const bytes = wrapStreamKeys(keys, recipient, ephemeral)
  return toJson({
    why,
    ...of,
    secret,
    from,
    to,
    recipientSecret,
    recipient,
    ephemeral,
    subtrees,
    bytes
  })
}

/** Keys of the epochs 6 to 8, with what a vector changes of their document. */
function changed(changes: Partial<WrappedKeys>): Uint8Array {
  const bytes = wrapStreamKeys(streamKeys(of, secret, { from: 6, to: 8 }), recipient, ephemeral)
  return wrappedKeysFormat.encode({ ...wrappedKeysFormat.decode(bytes), ...changes })
}

const INVALID: Readonly<Record<string, Uint8Array>> = {
  'another stream': changed({ stream: seed('another').subarray(0, 16) }),
  'another generation': changed({ generation: 2 }),
  'other epochs': changed({
    subtrees: [
      { first: 4, depth: 31 },
      { first: 8, depth: 32 }
    ]
  }),
  'another recipient': changed({ recipient: x25519PublicKey(seed('another')) }),
  'an encapsulation of low order': changed({ enc: new Uint8Array(32) }),
  'other keys': changed({ sealed: new Uint8Array(80) }),
  'a key too few': changed({ sealed: new Uint8Array(48) }),
  'subtrees out of order': changed({
    subtrees: [
      { first: 8, depth: 32 },
      { first: 6, depth: 31 }
    ]
  }),
  'a subtree in another': changed({
    subtrees: [
      { first: 6, depth: 31 },
      { first: 7, depth: 32 }
    ]
  }),
  'a subtree that begins in the middle': changed({
    subtrees: [
      { first: 5, depth: 31 },
      { first: 8, depth: 32 }
    ]
  })
}

export function wrappedKeyVectors(): Json {
  return {
    purpose:
      'Which subtrees cover a range of epochs (P-2), and their keys wrapped by HPKE (P-7). `ephemeral` is random in real life; here it makes the bytes the same each time.',
    covers: [
      [0, 0xffff_ffff],
      [5, 8],
      [9, 9],
      [1, 0xffff_fffe]
    ].map(([from = 0, to = 0]) => toJson({ from, to, subtrees: coverEpochs(from, to) })),
    valid: [
      valid('a custodian has all epochs', 0, 0xffff_ffff),
      valid('a period of three epochs', 6, 8)
    ],
    invalid: Object.entries(INVALID).map(([why, bytes]) => ({
      why,
      recipientSecret: toHex(recipientSecret),
      bytes: toHex(bytes),
      code: codeOf(() => unwrapStreamKeys(bytes, recipientSecret), why)
    }))
  }
}
