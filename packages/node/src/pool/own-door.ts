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
  /** Takes nothing more. Resolves when what was being taken is taken or refused. */
  close(): Promise<void>
  readonly closed: boolean
}

/** Makes the {@link OwnDoor} of a node. */
export function createOwnDoor(
  admission: Admission,
  meters: Pick<Meters, 'submitting'> | undefined
): OwnDoor {
  let closed = false
  const underWay = new Set<Promise<Pending>>()
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
        const taking = admission.submit(unit, { device })
        underWay.add(taking)
        const pending = await taking.finally(() => underWay.delete(taking))
        ended?.({ pending })
        return pending
      } catch (error) {
        ended?.({ error })
        throw error
      }
    },
    async close() {
      closed = true
      await Promise.allSettled(underWay)
    },
    get closed() {
      return closed
    }
  }
}
