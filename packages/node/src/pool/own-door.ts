import { VitalchainError } from '@vitalchain/core'
import type { Meters } from '../observe/meters.ts'
import type { Admission } from './admission.ts'
import type { Pending } from './pool.ts'
import type { Unit } from './unit.ts'

/**
 * Where this node's own clients hand transactions over: HTTP, devices, the owner of the process. What other nodes bring goes past
 * it. Each hand-over is measured, and refused once the node is about to stop.
 */
export interface OwnDoor {
  /**
   * {@link Admission.submit} for an own client.
   *
   * @param device - whose session it comes in
   * @throws VitalchainError `ERR_DRAINING` (retryable) once it is closed, and the codes of the refusals
   */
  submit(unit: Unit, device?: Uint8Array): Promise<Pending>
  /** Takes nothing more. */
  close(): void
  readonly closed: boolean
}

/** Makes the {@link OwnDoor} of a node. */
export function createOwnDoor(
  admission: Admission,
  meters: Pick<Meters, 'submitting'> | undefined
): OwnDoor {
  let closed = false
  return {
    async submit(unit, device) {
      const ended = meters?.submitting(unit)
      try {
        if (closed)
          throw new VitalchainError(
            'ERR_DRAINING',
            'this node is about to stop: send it to another, or again later',
            { retryable: true }
          )
        const pending = await admission.submit(unit, { device })
        ended?.({ pending })
        return pending
      } catch (error) {
        ended?.({ error })
        throw error
      }
    },
    close() {
      closed = true
    },
    get closed() {
      return closed
    }
  }
}
