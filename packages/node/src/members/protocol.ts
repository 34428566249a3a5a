import { protocolSchedule, type StateReader } from '@vitalchain/contracts'
import { PROTOCOL_VERSION, VitalchainError } from '@vitalchain/core'

/**
 * Why this software must not take part in the next block: its members activated a protocol version that it does not know.
 * Undefined while it knows the version.
 *
 * @param height - that of the newest block
 */
export function unknownProtocol(state: StateReader, height: number): VitalchainError | undefined {
  const { version } = protocolSchedule(state, height + 1)
  if (version <= PROTOCOL_VERSION) return undefined
  return new VitalchainError(
    'ERR_PROTOCOL_VERSION',
    `the members activated protocol version ${version} from block ${height + 1} on, and this software knows versions up to ${PROTOCOL_VERSION}`,
    { values: { version, known: PROTOCOL_VERSION, height } }
  )
}
