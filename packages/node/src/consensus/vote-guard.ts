import { blockHash, equalBytes, VitalchainError } from '@vitalchain/core'
import {
  compareWatermarks,
  encodeVoteState,
  sentMessages,
  watermarkOf,
  type SignedMessage,
  type Unsigned,
  type VoteState
} from '@vitalchain/consensus'

const NO_HASH = new Uint8Array(32)

/**
 * What a signer checks before it signs, from its own record alone, whoever asks: the last guard against a node that errs.
 * It knows no validators, so it does not check who leads or whether a certificate is a quorum's. spec C-25.
 *
 * @param last - the durable vote state of the key
 * @param first - the lowest height at which the key may sign
 * @param votes - what is to be signed
 * @param record - the vote state that is to be durable with them, without them
 * @throws VitalchainError `ERR_SIGN_TWICE` when asked to go back, `ERR_SIGN_RULE` for a vote that no replica of the
 * specification casts after what it signed before
 */
export function guardVotes(
  last: VoteState | undefined,
  first: number,
  votes: readonly Unsigned[],
  record: VoteState
): void {
  const { height, view, sent, prepared } = record
  let before: Pick<SignedMessage, 'type' | 'height' | 'view'> | undefined =
    last === undefined ? undefined : sentMessages(last.sent).at(-1)
  for (const vote of votes) {
    const goesBack =
      vote.height < first ||
      (before !== undefined && compareWatermarks(watermarkOf(vote), watermarkOf(before)) <= 0)
    if (goesBack)
      throw new VitalchainError('ERR_SIGN_TWICE', 'the signer was asked to go back; it refuses', {
        values: { height: vote.height, view: vote.view }
      })
    requireRule(vote.height === height && vote.view === view, vote, 'is not of its record')
    before = vote
  }
  const here = last?.height === height ? last : undefined
  const kept: VoteState = {
    height,
    view,
    sent: here?.view === view ? here.sent : {},
    prepared: undefined
  }
  const [vote] = votes
  if (vote === undefined) throw broken('nothing to sign', record)
  // C-26: what was signed in the view stays in the record, and nothing else gets into it.
  requireRule(
    equalBytes(encodeVoteState({ ...kept, sent }), encodeVoteState(kept)),
    vote,
    'would replace what was signed before'
  )
  // C-12: the highest prepared certificate is never given up.
  const lock = here?.prepared?.certificate
  const certificate = prepared?.certificate
  const holds =
    lock === undefined ||
    (certificate !== undefined &&
      (certificate.view > lock.view ||
        (certificate.view === lock.view && equalBytes(certificate.blockHash, lock.blockHash))))
  requireRule(holds, vote, 'would give up a prepared block')
  if (prepared !== undefined) {
    const proves =
      prepared.certificate.phase === 'prepare' &&
      prepared.certificate.height === height &&
      prepared.certificate.view <= view &&
      equalBytes(blockHash(prepared.block.header), prepared.certificate.blockHash)
    requireRule(proves, vote, 'holds a certificate that does not prove its block')
  }
  guardContents(votes, record)
}

/** Whether the votes say what the record holds. */
function guardContents(votes: readonly Unsigned[], { view, sent, prepared }: VoteState): void {
  const certificate = prepared?.certificate
  let proposed = sent.proposal === undefined ? undefined : blockHash(sent.proposal.block.header)
  for (const vote of votes) {
    switch (vote.type) {
      case 'view-change': {
        // C-12: it names the highest prepared certificate, so the one in the record.
        const honest =
          vote.preparedView === (certificate?.view ?? -1) &&
          equalBytes(vote.preparedHash, certificate?.blockHash ?? NO_HASH)
        requireRule(honest, vote, 'does not name the prepared block')
        break
      }
      case 'proposal':
        proposed = blockHash(vote.block.header)
        break
      case 'prepare':
        // C-6: who proposes prepares its own block.
        requireRule(
          proposed === undefined || equalBytes(proposed, vote.blockHash),
          vote,
          'is for another block than the own proposal'
        )
        break
      case 'commit': {
        // C-9: only what this key prepared in this view, with the certificate in the record.
        const proved =
          sent.prepare !== undefined &&
          equalBytes(sent.prepare.blockHash, vote.blockHash) &&
          certificate?.view === view &&
          equalBytes(certificate.blockHash, vote.blockHash)
        requireRule(proved, vote, 'has no prepared certificate')
        break
      }
    }
  }
}

function requireRule(
  holds: boolean,
  vote: Pick<SignedMessage, 'type' | 'height' | 'view'>,
  what: string
): void {
  if (!holds) throw broken(`a ${vote.type} ${what}`, vote)
}

function broken(what: string, place: { height: number; view: number }): VitalchainError {
  return new VitalchainError('ERR_SIGN_RULE', `the signer refuses: ${what}`, {
    values: { height: place.height, view: place.view }
  })
}
