import type { Contract } from './contract.ts'
import { claimMethods } from './device-claims.ts'
import { getLane } from './device-records.ts'
import { registrationMethods } from './device-registration.ts'
import { applyConflict, applyStatement, NO_STATEMENT } from './device-statements.ts'
import { streamMethods } from './device-streams.ts'
import { transferMethods } from './device-transfer.ts'

/** Devices: enrolled, moved and retired by members' operators, and the chains of their statements. spec D-1 to D-16. */
export const devices: Contract = {
  name: 'devices',
  version: 1,
  methods: { ...registrationMethods, ...claimMethods, ...streamMethods, ...transferMethods },
  statement: applyStatement,
  statementHead: (state, { statement }) =>
    getLane(state, statement.device, statement.lane)?.head ?? NO_STATEMENT,
  conflict: applyConflict
}
