import { blame, type Conviction, type HeightRecord } from '@vitalchain/consensus'
import { blockHash, equalBytes, toHex, VitalchainError, type Certificate } from '@vitalchain/core'
import type { Ledger } from './types.ts'

/** Two blocks that were both decided at one height, and who is proved to have made that possible. */
export interface Fork {
  readonly height: number
  /** Hashes of the blocks, hexadecimal, with the ledgers that hold them, by index. */
  readonly blocks: readonly { readonly hash: string; readonly ledgers: readonly number[] }[]
  /** One for each validator and kind; indices are of the set of the height. */
  readonly convictions: readonly Conviction[]
}

type Part = Pick<Ledger, 'network' | 'head' | 'header' | 'certificate' | 'validators' | 'heard'>

/**
 * Looks for the lowest height at which ledgers of one network hold different blocks, and finds who forked. Blocks name the one
 * before, so once two ledgers differ they differ from there on.
 *
 * @returns undefined when every ledger is the beginning of the longest
 * @throws VitalchainError `ERR_OTHER_NETWORK` for ledgers of different networks, `ERR_DAMAGED`
 */
export function findFork(ledgers: readonly Part[]): Fork | undefined {
  const [first, ...others] = ledgers
  if (first === undefined) return undefined
  if (!others.every(({ network }) => equalBytes(network, first.network)))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the ledgers are of different networks')
  const heights = others.flatMap((ledger, k) =>
    ledgers.slice(0, k + 1).flatMap(before => forkOf(before, ledger) ?? [])
  )
  if (heights.length === 0) return undefined
  const height = Math.min(...heights)
  const held = ledgers.flatMap((ledger, index) => {
    const certificate = ledger.head.height < height ? undefined : certificateOf(ledger, height)
    return certificate === undefined ? [] : [{ index, ledger, certificate }]
  })
  const blocks = new Map<string, { certificate: Certificate; ledgers: number[] }>()
  for (const { index, certificate } of held) {
    const hash = toHex(certificate.blockHash)
    const known = blocks.get(hash) ?? { certificate, ledgers: [] }
    known.ledgers.push(index)
    blocks.set(hash, known)
  }
  const records = held.flatMap(({ ledger }): HeightRecord | [] => ledger.heard(height) ?? [])
  const convictions = new Map<string, Conviction>()
  for (const { ledger, certificate: a } of held) {
    for (const { certificate: b } of held) {
      if (equalBytes(a.blockHash, b.blockHash)) continue
      const { network } = first
      // Not of one that ends before: it does not know who came and went until then.
      const validators = ledger.validators(height)
      for (const each of blame(a, b, records, { network, recoveryEpoch: 0, validators }))
        convictions.set(`${each.validator}/${each.evidence.kind}`, each)
    }
  }
  return {
    height,
    blocks: [...blocks].map(([hash, { ledgers: by }]) => ({ hash, ledgers: by })),
    convictions: [...convictions.values()].toSorted((x, y) => x.validator - y.validator)
  }
}

/** The lowest height at which two ledgers differ; undefined when one is the beginning of the other. */
function forkOf(a: Part, b: Part): number | undefined {
  const differ = (height: number): boolean => hashAt(a, height) !== hashAt(b, height)
  let high = Math.min(a.head.height, b.head.height)
  if (high === 0 || !differ(high)) return undefined
  for (let low = 1; low < high;) {
    const middle = Math.floor((low + high) / 2)
    if (differ(middle)) high = middle
    else low = middle + 1
  }
  return high
}

function hashAt(ledger: Part, height: number): string {
  const header = ledger.header(height)
  if (header === undefined) throw lacks(height)
  return toHex(blockHash(header))
}

function certificateOf(ledger: Part, height: number): Certificate {
  const certificate = ledger.certificate(height)
  if (certificate === undefined) throw lacks(height)
  return certificate
}

function lacks(height: number): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', `a ledger lacks block ${height}`, {
    values: { height }
  })
}
