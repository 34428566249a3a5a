import { fromHex, toHex } from '../../src/bytes.ts'
import { checkpointNote } from '../../src/checkpoint/checkpoint-note.ts'
import { tlogProof } from '../../src/checkpoint/tlog-proof.ts'
import { keysOf, leavesLedger, sharesOf, trustOf } from './checkpoint-fixture.ts'

/** What a vector is: which of the four forms, and what is done to it. */
export interface Case {
  readonly form: 'share' | 'note' | 'tlog-proof' | 'cose-receipt'
  /** The kind of damage; `valid` for none. */
  readonly kind: string
  readonly why: string
  /** The form's bytes in hexadecimal, or its text. */
  readonly input: string
  /** The leaf in hexadecimal, for the forms that prove one. */
  readonly transaction?: string
  readonly code?: string
}

/** The order of the group of Ed25519, little-endian: added to S it gives a second signature, which F-2 refuses. */
const ORDER_L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

export const SIZE = 7
export const INDEX = 2
export const { checkpoint, leaf, path } = leavesLedger(SIZE)
export const one = leavesLedger(1)
export const trust = trustOf(checkpoint.network)
export const shares = await sharesOf(checkpoint)
export const note = checkpointNote(shares, keysOf(trust))
export const lines = note.split('\n')
export const transaction = toHex(leaf(INDEX))
export const berlin = shares[1]!
export const berlinKey = trust.validators[1]!.checkpointKey
export const proof = tlogProof({ index: INDEX, path: path(INDEX), checkpoint: note })

/** The note with its text and only these of its lines: 4 to 7 are the log's signatures, 8 to 11 the cosignatures. */
export function noteOf(...kept: readonly number[]): string {
  return `${[...lines.slice(0, 4), ...kept.map(at => lines[at]!)].join('\n')}\n`
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, bytes[at]! ^ 1)
}

/** A second encoding of a signature: S + L for S. */
export function malleated(signature: Uint8Array): Uint8Array {
  let carry = 0
  return signature.map((byte, at) => {
    if (at < 32) return byte
    carry += byte + ORDER_L[at - 32]!
    const low = carry & 0xff
    carry >>= 8
    return low
  })
}
