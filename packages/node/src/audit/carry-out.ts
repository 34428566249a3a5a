import {
  blockHash,
  checkBlock,
  errorCode,
  isVitalchainError,
  type VitalchainError
} from '@vitalchain/core'
import type { CertifiedBlock } from '../ledger/certified-block.ts'
import { checkCertifies } from '../ledger/check-header.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { isStoreFailure } from '../store/store.ts'
import type { Fault } from './fault.ts'

/** What about a block is wrong; whoever read the block says where that stands. */
export type BlockFault = Pick<Fault, 'kind' | 'message'> & {
  /** `transactions`: they are not those of the header, as far as anyone can tell from the block alone. */
  readonly part: 'header' | 'certificate' | 'previous certificate' | 'transactions'
}

/**
 * Checks the next block of a ledger with nothing taken on trust, and carries it out: its certificate, that its header binds
 * all parts, every signature, what the transactions do, and the roots that result.
 *
 * @returns what is wrong, or undefined: then the ledger has the block
 * @throws VitalchainError when the ledger's own store fails
 */
export async function carryOut(
  ledger: Ledger,
  { block, certificate }: CertifiedBlock
): Promise<BlockFault | undefined> {
  const { header } = block
  const height = ledger.head.height + 1
  const certified = refusalOf(() =>
    checkCertifies(
      certificate,
      { network: ledger.network, height, hash: blockHash(header) },
      ledger.validators()
    )
  )
  if (certified !== undefined) {
    const message = `no quorum of the validators of block ${height} certified this header: ${certified.message}`
    return { kind: 'uncertified', part: 'certificate', message }
  }
  const bound = refusalOf(() => checkBlock(block, ledger.frontier))
  if (bound !== undefined) {
    const part = bound.message.includes('previous certificate')
      ? 'previous certificate'
      : 'transactions'
    return { kind: 'unbound', part, message: bound.message }
  }
  let executed: ReturnType<Ledger['validate']>
  try {
    executed = ledger.validate(block, { signaturesChecked: () => false })
  } catch (error) {
    if (isStoreFailure(error)) throw error
    const why = isVitalchainError(error) ? error.message : 'internal error'
    const message = `the certified block ${height} is not valid: ${why} (${errorCode(error)})`
    return { kind: 'invalid', part: 'header', message }
  }
  await ledger.commit(executed, certificate, { verified: true })
  return undefined
}

function refusalOf(check: () => unknown): VitalchainError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (isVitalchainError(error) && !isStoreFailure(error)) return error
    throw error
  }
}
