import { method, type Contract } from './contract.ts'
import { nameChangeCodec, overrideCodec, proposeCodec, readyCodec } from './member-changes.ts'
import { applyEvidence } from './member-evidence.ts'
import { applyOverride } from './member-override.ts'
import { activateCodec, applyActivate } from './member-protocol.ts'
import { currentValidators, foundMembers } from './member-records.ts'
import { applyApprove, applyPropose, applyReady, applyWithdraw } from './member-votes.ts'

/** The hospitals of the network and their keys, changed by their vote, and with them the validator set. spec M-1 to M-16. */
export const members: Contract = {
  name: 'members',
  version: 1,
  genesis: foundMembers,
  methods: {
    propose: method(proposeCodec, applyPropose),
    approve: method(nameChangeCodec, applyApprove),
    withdraw: method(nameChangeCodec, applyWithdraw),
    ready: method(readyCodec, applyReady),
    override: method(overrideCodec, applyOverride),
    activate: method(activateCodec, applyActivate)
  },
  evidence: applyEvidence,
  validators: currentValidators
}
