import { isVitalchainError, networkId, toHex, type VitalchainError } from '@vitalchain/core'
import type { LedgerNodeOptions } from '../types.ts'
import { diagnose } from './diagnose.ts'
import { observeDisk } from './machine.ts'
import type { StartFault } from './observations.ts'
import type { Diagnosis } from './types.ts'

/**
 * What is wrong with a node that does not run in this process: why it stopped, and what its disk is like.
 *
 * @param failure - what it stopped with; undefined when it was told to stop, or was not started
 */
export async function diagnoseStopped(
  { genesis, dataDir }: Pick<LedgerNodeOptions, 'genesis' | 'dataDir'>,
  at: number,
  failure: VitalchainError | undefined
): Promise<Diagnosis> {
  const disk = dataDir === undefined ? undefined : await observeDisk(dataDir)
  return diagnose({
    at,
    network: toHex(networkId(genesis)),
    name: undefined,
    disk,
    files: undefined,
    node: undefined,
    faults: [failure === undefined ? NOT_RUNNING : faultOf(failure)],
    addresses: []
  })
}

/** The fault of a node that nobody started. */
export const NOT_RUNNING: StartFault = { code: 'NOT_RUNNING', message: 'The node is not running' }

/** An error as a fault: the one below it that has a name of its own, as the outer one says only that a step failed. */
export function faultOf(error: VitalchainError): StartFault {
  const { cause } = error
  const told = error.code === 'ERR_CONSENSUS_HOST' && isVitalchainError(cause) ? cause : error
  return { code: told.code, message: told.message }
}
