import { VitalchainError, type Signer } from '@vitalchain/core'
import {
  compareWatermarks,
  sentMessages,
  watermarkOf,
  withSigned,
  type SignedMessage,
  type UnsignedVote,
  type VoteState
} from '@vitalchain/consensus'
import type { PreparedBodies, VoteStore } from './vote-store.ts'

/** A consensus key that signs in ascending order only, and nothing that is not on the disk first. */
export interface VoteSigner {
  /** The newest votes of this key, which are sent again after a restart. */
  readonly last: VoteState | undefined
  /**
   * Signs votes and makes the record with them durable.
   *
   * @param bodies - the transactions of the record's prepared block
   * @returns the signed messages, which may leave now. spec C-24, C-25
   * @throws VitalchainError `ERR_SIGN_TWICE` when asked to go back, or the store's error
   */
  sign(
    votes: readonly UnsignedVote[],
    record: VoteState,
    bodies: PreparedBodies | undefined
  ): Promise<readonly SignedMessage[]>
}

/**
 * Opens the signer of a key over the votes that it cast before.
 *
 * @param isNew - whether the node has no block yet
 * @returns undefined when votes of this key may be missing here: then it must not sign. spec C-27
 */
export async function openVoteSigner(
  signer: Signer,
  store: VoteStore,
  isNew: boolean
): Promise<VoteSigner | undefined> {
  if (!(await store.begin(signer.publicKey.bytes, isNew))) return undefined
  let last = await store.read()
  return {
    get last() {
      return last
    },
    async sign(votes, record, bodies) {
      let before = last === undefined ? undefined : sentMessages(last.sent).at(-1)
      const messages: SignedMessage[] = []
      for (const vote of votes) {
        requireLater(vote, before)
        before = vote.seal(await signer.sign(vote.signBytes))
        messages.push(before)
      }
      const durable = withSigned(record, messages)
      await store.write(durable, bodies)
      last = durable
      return messages
    }
  }
}

function requireLater({ message }: UnsignedVote, before: SignedMessage | undefined): void {
  if (before === undefined || compareWatermarks(watermarkOf(message), watermarkOf(before)) > 0) {
    return
  }
  throw new VitalchainError('ERR_SIGN_TWICE', 'the signer was asked to go back; it refuses', {
    values: { height: message.height, view: message.view }
  })
}
