import { rootAt, tileNodeReader, type ValidatorSet } from '@vitalchain/core'
import type { LedgerReader } from '../ledger/ledger.ts'
import type { CertifiedTree } from './collection.ts'

/** Whose shares count at a size: the set that certifies the block in which the last leaf stands. spec K-11 */
export function signersAt(ledger: LedgerReader, size: number): ValidatorSet {
  return ledger.validators(ledger.heightOf(size - 1))
}

/** The history of a ledger, as far as it is committed here. Roots are hashed anew from the tiles. */
export function certifiedTree(ledger: LedgerReader): CertifiedTree {
  const readNode = tileNodeReader((level, index) => ledger.tile(level, index))
  return {
    network: ledger.network,
    get size() {
      return ledger.head.history.size
    },
    rootAt(size) {
      const { history } = ledger.head
      return size === history.size ? history.root : rootAt(size, readNode)
    },
    signersAt: size => signersAt(ledger, size),
    get next() {
      return ledger.validators()
    },
    sets: () => ledger.validatorSets()
  }
}
