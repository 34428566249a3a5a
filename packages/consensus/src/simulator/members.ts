import {
  concatBytes,
  equalBytes,
  hashValidatorSet,
  sha256,
  u32be,
  utf8,
  type Validator,
  type ValidatorSet
} from '@vitalchain/core'
import type { KeyRing } from './keys.ts'

/**
 * A change of the validators: a member comes with the key of its own number, goes, or changes its key. In effect at the
 * height after the block that holds it.
 */
export interface Change {
  readonly kind: 'add' | 'remove' | 'replace'
  /** The number of the member: its place among the first validators and those that come later. */
  readonly member: number
  /** The number of the new key, to replace one. */
  readonly key?: number | undefined
  /** When it is proposed, ms; not before the one before it was decided. */
  readonly at: number
}

const KINDS = ['add', 'remove', 'replace'] as const
/** What begins a transaction that changes validators; the others begin with 20 other bytes of a hash. */
const MARK = sha256(utf8('validator change')).subarray(0, 20)

/** A change as a transaction, 32 bytes like any other of a simulation. */
export function changeTransaction({ kind, member, key = member }: Change): Uint8Array {
  return concatBytes([MARK, u32be(KINDS.indexOf(kind)), u32be(member), u32be(key)])
}

/** Every key of a simulation by its number. */
export function keyOf(keys: KeyRing, number: number): Validator | undefined {
  return keys.validators[number] ?? keys.spare?.[number - keys.validators.length]
}

/** The validators after the transactions of a block; undefined if one of them cannot be. */
export function applyChanges(
  validators: ValidatorSet,
  transactions: readonly Uint8Array[],
  keys: KeyRing
): ValidatorSet | undefined {
  let changed = validators
  for (const transaction of transactions) {
    if (!equalBytes(transaction.subarray(0, MARK.length), MARK)) continue
    const next = applyChange(changed, transaction, keys)
    if (next === undefined) return undefined
    changed = next
  }
  return changed
}

function applyChange(
  validators: ValidatorSet,
  transaction: Uint8Array,
  keys: KeyRing
): ValidatorSet | undefined {
  const view = new DataView(transaction.buffer, transaction.byteOffset + MARK.length)
  const kind = KINDS[view.getUint32(0)]
  const member = keyOf(keys, view.getUint32(4))?.member
  const key = keyOf(keys, view.getUint32(8))
  if (member === undefined || key === undefined) return undefined
  const at = validators.findIndex(each => equalBytes(each.member, member))
  if ((kind === 'add') !== at < 0) return undefined
  if (kind === 'add') {
    // Somewhere in the middle, so that the indices of others move.
    const place = view.getUint32(4) % validators.length
    return [...validators.slice(0, place), { ...key, member }, ...validators.slice(place)]
  }
  if (kind === 'replace')
    return validators.map((each, index) => (index === at ? { ...key, member } : each))
  return kind === 'remove' && validators.length > 1
    ? validators.filter((_, index) => index !== at)
    : undefined
}

const numbers = new WeakMap<ValidatorSet, readonly number[]>()
const hashes = new WeakMap<ValidatorSet, Uint8Array>()

/** The numbers of the members of a set, by index. */
export function membersOf(keys: KeyRing, validators: ValidatorSet): readonly number[] {
  const known = numbers.get(validators)
  if (known !== undefined) return known
  const all = [...keys.validators, ...(keys.spare ?? [])]
  const found = validators.map(({ member }) =>
    all.findIndex(each => equalBytes(each.member, member))
  )
  numbers.set(validators, found)
  return found
}

/** The number of the key that a member has in a set; undefined if it is not in it. */
export function keyIn(keys: KeyRing, validators: ValidatorSet, member: number): number | undefined {
  const validator = validators[membersOf(keys, validators).indexOf(member)]
  if (validator === undefined) return undefined
  return [...keys.validators, ...(keys.spare ?? [])].findIndex(each =>
    equalBytes(each.consensusKey, validator.consensusKey)
  )
}

/** The hash of a set, computed once. */
export function hashOfSet(validators: ValidatorSet): Uint8Array {
  const known = hashes.get(validators)
  if (known !== undefined) return known
  const hash = hashValidatorSet(validators)
  hashes.set(validators, hash)
  return hash
}
