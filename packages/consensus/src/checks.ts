import { equalBytes, hashCertificate } from '@vitalchain/core'
import type { BlockProposal, DecidedMessage, SignedMessage } from './messages.ts'
import { messageSignBytes } from './signing.ts'
import { patchRound, report, withEntry, type Round, type Turn } from './state.ts'
import type { RejectReason, ReplicaConfig } from './types.ts'

/** Reports a message that only a faulty peer makes or relays. */
export function reject(
  turn: Turn,
  from: number | undefined,
  message: SignedMessage | DecidedMessage,
  reason: RejectReason
): void {
  const height = message.type === 'decided' ? message.certificate.height : message.height
  report(turn, { name: 'rejected', reason, from, height, message: message.type })
}

/** Whether a message of the current height is signed by the validator that it names. */
export function isAuthentic(turn: Turn, message: SignedMessage): boolean {
  const { config, round } = turn.state
  const signer = round.context.validators[message.sender]
  return (
    signer !== undefined &&
    config.verify(signer.consensusKey, messageSignBytes(config, message), message.signature)
  )
}

/** As {@link isAuthentic}; a message that is not counts against the peer that brought it. */
export function authenticate(
  turn: Turn,
  from: number | undefined,
  message: SignedMessage
): boolean {
  const authentic = isAuthentic(turn, message)
  if (!authentic) reject(turn, from, message, 'signature')
  return authentic
}

/** Notes the view in which a validator proved to be. */
export function noteView(turn: Turn, validator: number, view: number): void {
  const { latestViews } = turn.state.round
  if ((latestViews.get(validator) ?? -1) < view) {
    patchRound(turn, { latestViews: withEntry(latestViews, validator, view) })
  }
}

/**
 * Whether a block can be valid at this height, as far as its header and certificate tell; the host checks the
 * rest. The answer is the same at every replica. spec C-5.
 */
export function fitsHeight(config: ReplicaConfig, round: Round, block: BlockProposal): boolean {
  const { header, previousCertificate, transactions } = block
  const { height, parentHash, parentTime, validators } = round.context
  const certificateFits =
    previousCertificate === undefined
      ? height === 1
      : height > 1 &&
        previousCertificate.phase === 'commit' &&
        previousCertificate.height === height - 1 &&
        equalBytes(previousCertificate.blockHash, parentHash)
  return (
    equalBytes(header.network, config.network) &&
    header.recoveryEpoch === config.recoveryEpoch &&
    header.height === height &&
    equalBytes(header.previous, parentHash) &&
    header.time > parentTime &&
    header.originProposer < validators.length &&
    header.transactionCount === transactions.length &&
    (header.transactionCount > 0 || header.originView > 0) &&
    certificateFits &&
    equalBytes(header.previousCertificateHash, hashCertificate(previousCertificate))
  )
}
