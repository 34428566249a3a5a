import { devices, members, type Contract } from '@vitalchain/contracts'
import { utf8 } from '@vitalchain/core'

/** The contracts of a node that lies while `lies()`: what it writes then is in its own state alone. */
export function lyingContracts(lies: () => boolean): readonly Contract[] {
  return [
    members,
    {
      ...devices,
      statement(state, transaction, block) {
        devices.statement?.(state, transaction, block)
        if (lies()) state.put(utf8('devices/lie'), utf8('lie'))
      }
    }
  ]
}
