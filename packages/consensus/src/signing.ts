import { blockHash, voteSignBytes, type VoteContent } from '@vitalchain/core'
import { hashJustification, type SignedMessage } from './messages.ts'
import type { ReplicaConfig, Unsigned, UnsignedVote } from './types.ts'

/** Where the signatures of a replica are valid. */
export type VoteScope = Pick<ReplicaConfig, 'network' | 'recoveryEpoch'>

/** The exact bytes under a message's signature. spec C-1. */
export function messageSignBytes(scope: VoteScope, message: Unsigned): Uint8Array {
  const { network, recoveryEpoch } = scope
  const { height, view } = message
  return voteSignBytes({ network, recoveryEpoch, height, view }, content(message))
}

/** A message that waits for its signature. */
export function unsignedVote<M extends SignedMessage>(
  scope: VoteScope,
  message: Omit<M, 'signature'> & Unsigned
): UnsignedVote {
  return {
    message,
    signBytes: messageSignBytes(scope, message),
    seal: signature => withSignature(message, signature)
  }
}

function withSignature(message: Unsigned, signature: Uint8Array): SignedMessage {
  return { ...message, signature }
}

function content(message: Unsigned): VoteContent {
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
