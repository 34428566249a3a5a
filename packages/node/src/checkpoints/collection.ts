import {
  equalBytes,
  isVitalchainError,
  quorum,
  toHex,
  verifyCheckpointShare,
  type CheckpointShare,
  type TreeHead,
  type ValidatorSet
} from '@vitalchain/core'

/**
 * Shares kept of one validator between the newest checkpoint of a quorum and now, and as many of sizes that are not
 * committed here yet. A validator signs about two a second, and a quorum takes less than that.
 */
export const SHARES_PER_MEMBER_MAX: number = 4

/** Proofs of a split view that are kept. One is enough to know; more tell who is in it. */
export const SPLITS_MAX: number = 16

/** The committed history against which shares are judged. */
export interface CertifiedTree {
  readonly network: Uint8Array
  readonly size: number
  /** Root at a size up to `size`. */
  readonly rootAt: (size: number) => Uint8Array
  /** Whose shares count at a size: the set that certifies the block of its last leaf. spec K-11 */
  readonly signersAt: (size: number) => ValidatorSet
  /** The set that certifies the next block. */
  readonly next: ValidatorSet
  /** All sets since genesis. */
  readonly sets: () => readonly ValidatorSet[]
}

/** A checkpoint with the shares of a quorum or more. */
export interface QuorumCheckpoint extends TreeHead {
  readonly shares: readonly CheckpointShare[]
  /** The validators whose shares count at this size. */
  readonly validators: ValidatorSet
}

/**
 * What became of a share. `taken`: of this history, and new. `held`: validly signed for a size that is not committed
 * here yet. `known`, `old`: not needed. `stranger`: of nobody whose share counts there. `forged`: its signatures are not
 * valid. `split`: validly signed by a validator, and of another history than the certified one here.
 */
export type ShareVerdict = 'taken' | 'held' | 'known' | 'old' | 'stranger' | 'forged' | 'split'

/** Collects the validators' shares until a quorum signed one checkpoint. Bounded; it reads no clock and writes nothing. spec K-12 */
export interface ShareCollection {
  add(share: CheckpointShare): ShareVerdict
  /** Takes out what was held and is of a committed size by now: it is to be added again. */
  due(): readonly CheckpointShare[]
  /** The newest checkpoint that a quorum signed. */
  readonly latest: QuorumCheckpoint | undefined
  /** The newest share of each validator beyond that. */
  readonly newest: readonly CheckpointShare[]
  /** Shares that contradict the certified history. */
  readonly splits: readonly CheckpointShare[]
}

/** Makes an empty {@link ShareCollection}. */
export function createShareCollection(tree: CertifiedTree): ShareCollection {
  let latest: QuorumCheckpoint | undefined
  /** By member: of committed sizes above the latest, ascending. */
  const partial = new Map<string, readonly CheckpointShare[]>()
  /** By member: of sizes above the tree's, ascending. */
  const ahead = new Map<string, readonly CheckpointShare[]>()
  const splits: CheckpointShare[] = []

  function add(share: CheckpointShare): ShareVerdict {
    const { size, member } = share
    if (size === 0 || !equalBytes(share.network, tree.network)) return 'forged'
    const kept = [
      ...(latest?.shares ?? []),
      ...of(partial, member),
      ...of(ahead, member),
      ...splits
    ]
    if (kept.some(each => isSame(each, share))) return 'known'
    return size > tree.size ? hold(share) : judge(share)
  }

  function hold(share: CheckpointShare): ShareVerdict {
    const verdict = check(share, tree.next)
    if (verdict !== undefined) return verdict
    keepNewest(ahead, share)
    return 'held'
  }

  function judge(share: CheckpointShare): ShareVerdict {
    const validators = tree.signersAt(share.size)
    // Before the root, which takes longer: nobody gets that for nothing.
    const verdict = check(share, validators)
    if (verdict !== undefined) return verdict
    if (!equalBytes(tree.rootAt(share.size), share.root)) {
      if (splits.length < SPLITS_MAX) splits.push(share)
      return 'split'
    }
    if (share.size < (latest?.size ?? 0)) return 'old'
    if (share.size === latest?.size) {
      latest = { ...latest, shares: [...latest.shares, share] }
      return 'taken'
    }
    keepNewest(partial, share)
    count(share, validators)
    return 'taken'
  }

  /** Why a share does not count; undefined when it does. */
  function check(share: CheckpointShare, validators: ValidatorSet): ShareVerdict | undefined {
    const validator = validators.find(({ member }) => equalBytes(member, share.member))
    if (validator !== undefined && isSigned(share, validator.checkpointKey)) return undefined
    // With a key that its member had or has at another height it is no forgery: who sent it on may be elsewhere.
    const keys = tree
      .sets()
      .flatMap(set => set.filter(({ member }) => equalBytes(member, share.member)))
    const others = new Map(keys.map(({ checkpointKey }) => [toHex(checkpointKey), checkpointKey]))
    if (validator !== undefined) others.delete(toHex(validator.checkpointKey))
    const isKnown = validator !== undefined || others.size > 0
    if (isKnown && ![...others.values()].some(key => isSigned(share, key))) return 'forged'
    return 'stranger'
  }

  function count({ size, root }: CheckpointShare, validators: ValidatorSet): void {
    const shares = validators.flatMap(
      ({ member }) => of(partial, member).find(each => each.size === size) ?? []
    )
    if (shares.length < quorum(validators.length)) return
    latest = { size, root, shares, validators }
    for (const [member, kept] of partial) {
      const newer = kept.filter(each => each.size > size)
      if (newer.length === 0) partial.delete(member)
      else partial.set(member, newer)
    }
  }

  return {
    add,
    due() {
      const due: CheckpointShare[] = []
      for (const [member, kept] of ahead) {
        const rest = kept.filter(({ size }) => size > tree.size)
        if (rest.length === kept.length) continue
        due.push(...kept.filter(({ size }) => size <= tree.size))
        if (rest.length === 0) ahead.delete(member)
        else ahead.set(member, rest)
      }
      return due
    },
    get latest() {
      return latest
    },
    get newest() {
      const members = new Set([...partial.keys(), ...ahead.keys()])
      return [...members].flatMap(
        member => (ahead.get(member) ?? partial.get(member))?.at(-1) ?? []
      )
    },
    get splits() {
      return splits
    }
  }
}

type Kept = Map<string, readonly CheckpointShare[]>

function of(kept: Kept, member: Uint8Array): readonly CheckpointShare[] {
  return kept.get(toHex(member)) ?? []
}

/** Keeps the newest few of a member: one that signs more than that loses its own. */
function keepNewest(kept: Kept, share: CheckpointShare): void {
  const all = [...of(kept, share.member), share].toSorted((a, b) => a.size - b.size)
  kept.set(toHex(share.member), all.slice(-SHARES_PER_MEMBER_MAX))
}

/** Whether one member said the same of one tree. Its time may be another: a record was lost. */
function isSame(a: CheckpointShare, b: CheckpointShare): boolean {
  return a.size === b.size && equalBytes(a.member, b.member) && equalBytes(a.root, b.root)
}

function isSigned(share: CheckpointShare, key: Uint8Array): boolean {
  try {
    verifyCheckpointShare(share, key)
    return true
  } catch (error) {
    if (isVitalchainError(error)) return false
    throw error
  }
}
