import { equalBytes, VitalchainError } from '@vitalchain/core'
import {
  encodeMessage,
  withSigned,
  type SignedMessage,
  type UnsignedVote,
  type VoteState
} from '@vitalchain/consensus'
import type { NodeSigner } from '../crypto/node-signer.ts'
import { guardVotes } from './vote-guard.ts'
import type { PreparedBodies, VoteStore } from './vote-store.ts'

/**
 * A consensus key that signs in ascending order only, and nothing that is not on the disk first. It sits in this process
 * or in another.
 */
export interface VoteSigner {
  /** The consensus public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * From this height on every vote of this key is at hand: 1 for one that signed nowhere else. Undefined while votes may be
   * missing; then nothing is signed. spec C-27
   */
  readonly first: number | undefined
  /** The newest votes of this key, which are sent again after a restart. */
  readonly last: VoteState | undefined
  /**
   * Signs votes and makes the record with them durable. The same request again gives the same bytes.
   *
   * @param bodies - the transactions of the record's prepared block
   * @returns the signed messages, which may leave now. spec C-24, C-25
   * @throws VitalchainError `ERR_SIGN_TWICE` when asked to go back, `ERR_SIGN_RULE` for what no replica signs,
   * `ERR_SIGN_UNSAFE` while votes are missing, or the store's error
   */
  sign(
    votes: readonly UnsignedVote[],
    record: VoteState,
    bodies: PreparedBodies | undefined
  ): Promise<readonly SignedMessage[]>
  /**
   * Begins a new vote state: the key signs at this height and above from now on. spec C-38
   *
   * @throws VitalchainError `ERR_SIGN_UNSAFE` when no vote is missing: then nothing may be forgotten
   */
  begin(height: number): Promise<void>
  /** Notes for good that votes of this key are missing. spec C-37 */
  distrust(): Promise<void>
  /**
   * Destroys the key. It votes no more; what it signed stays. spec C-48
   *
   * @param proof - that a hand-over took it out of force, see `proveRetirement`: who holds the key elsewhere asks for it
   * @throws VitalchainError `ERR_SIGNER_REFUSED` when a signer in another process does not take the proof
   */
  retire(proof: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Opens the signer of a key over the votes that it cast before. */
export async function openVoteSigner(signer: NodeSigner, store: VoteStore): Promise<VoteSigner> {
  const key = signer.publicKey.bytes
  const votes = store.of(key)
  let first = (await votes.beginning())?.height
  let last = first === undefined ? undefined : await votes.read()
  return {
    publicKey: key,
    get first() {
      return first
    },
    get last() {
      return last
    },
    async sign(asked, record, bodies) {
      if (first === undefined) throw unsafe('votes of this key are missing')
      const again = last === undefined ? undefined : repeated(asked, record, last)
      if (again !== undefined) return again
      guardVotes(
        last,
        first,
        asked.map(({ message }) => message),
        record
      )
      const signed = await Promise.all(
        asked.map(async vote => vote.seal(await signer.sign(vote.signBytes)))
      )
      const durable = withSigned(record, signed)
      await votes.write(durable, bodies)
      last = durable
      return signed
    },
    async begin(height) {
      if (first !== undefined) throw unsafe('this key has its votes')
      await votes.begin(height)
      first = height
      last = undefined
    },
    async distrust() {
      await votes.distrust()
      first = undefined
      last = undefined
    },
    // The node itself saw the hand-over.
    retire: async () => signer.destroy(),
    close: async () => undefined
  }
}

/** The answer of before, when exactly this was signed last: its way back may have been cut. */
function repeated(
  asked: readonly UnsignedVote[],
  record: VoteState,
  last: VoteState
): readonly SignedMessage[] | undefined {
  if (record.height !== last.height || record.view !== last.view) return undefined
  const signed = asked.map(vote => {
    const kept = last.sent[vote.message.type]
    const same = kept === undefined ? undefined : vote.seal(kept.signature)
    return same !== undefined && kept !== undefined && isSame(same, kept) ? kept : undefined
  })
  const all = signed.filter(message => message !== undefined)
  return all.length === asked.length && all.length > 0 ? all : undefined
}

function isSame(a: SignedMessage, b: SignedMessage): boolean {
  return equalBytes(encodeMessage(a), encodeMessage(b))
}

function unsafe(why: string): VitalchainError {
  return new VitalchainError('ERR_SIGN_UNSAFE', `the signer refuses: ${why}`)
}
