import {
  blockHash,
  hashJustification,
  voteSignBytes,
  type EvidenceContent,
  type SignedVote
} from '@vitalchain/core'
import type { SignedMessage } from './messages.ts'
import type { ReplicaConfig, Unsigned, UnsignedVote } from './types.ts'

/** Where the signatures of a replica are valid. */
export type VoteScope = Pick<ReplicaConfig, 'network' | 'recoveryEpoch'>

/** The exact bytes under a message's signature. spec C-1. */
export function messageSignBytes(scope: VoteScope, message: Unsigned): Uint8Array {
  const { network, recoveryEpoch } = scope
  const { height, view } = message
  return voteSignBytes({ network, recoveryEpoch, height, view }, voteContent(message))
}

/** What a message says under its signature, as evidence has it. */
export function voteOf(message: SignedMessage): SignedVote {
  return { view: message.view, content: voteContent(message), signature: message.signature }
}

/** A message that waits for its signature. */
export function unsignedVote(scope: VoteScope, message: Unsigned): UnsignedVote {
  return {
    message,
    signBytes: messageSignBytes(scope, message),
    seal: signature => withSignature(message, signature)
  }
}

function withSignature(message: Unsigned, signature: Uint8Array): SignedMessage {
  return { ...message, signature }
}

/** What a message says under its signature. */
export function voteContent(message: Unsigned): EvidenceContent {
  switch (message.type) {
    case 'proposal':
      return {
        type: 'proposal',
        blockHash: blockHash(message.block.header),
        justificationHash: hashJustification(message.justification)
      }
    case 'prepare':
    case 'commit':
      return { type: message.type, blockHash: message.blockHash }
    case 'view-change':
      return {
        type: 'view-change',
        preparedView: message.preparedView,
        preparedHash: message.preparedHash
      }
  }
}
