import { blockHash, equalBytes, type Evidence } from '@vitalchain/core'
import { SCOPE } from './chain.ts'
import type { Host } from './host.ts'
import {
  messageSignBytes,
  voteOf,
  type ReplicaState,
  type Round,
  type UnsignedVote
} from './replica.ts'
import { AMBUSH, HASTY } from './settings.ts'
import { changeEffects, trusting, withRound, type Mutant, type WrappedStep } from './mutant.ts'

const NO_CLAIM = { preparedView: -1, preparedHash: new Uint8Array(32), prepared: undefined }

function withQuorum(choose: (faults: number, quorum: number) => number): WrappedStep {
  return (step, state, input) => {
    const { round } = state
    if (round === undefined) return step(state, input)
    return step(withRound(state, { quorum: choose(round.faults, round.quorum) }), input)
  }
}

/** The place before each replica's newest view change, for one that goes on voting there. */
const left = new WeakMap<Host, Round>()

/** Breaks what is voted for and what is counted. */
export const VOTE_MUTANTS: readonly Mutant[] = [
  {
    name: 'quorum-2f',
    rule: 'C-2: 2f validators are enough',
    within: 20,
    step: withQuorum(faults => 2 * faults)
  },
  {
    name: 'quorum-2f+1',
    rule: 'C-2: 2f + 1 validators are enough, whatever n is',
    fixed: { validators: 5 },
    within: 20,
    step: withQuorum(faults => 2 * faults + 1)
  },
  {
    name: 'decides-early',
    rule: 'C-10: decides on one COMMIT less',
    within: 20,
    step: (step, state, input, host) =>
      input.type === 'message' && input.message.type === 'commit'
        ? withQuorum((_, quorum) => quorum - 1)(step, state, input, host)
        : step(state, input)
  },
  {
    name: 'counts-twice',
    rule: 'C-2: a validator that votes again counts again',
    within: 50,
    step: (step, state, input) => {
      const { round } = state
      const vote = input.type === 'message' ? input.message : undefined
      if (vote?.type !== 'commit' || round?.commits.get(vote.view)?.has(vote.sender) !== true)
        return step(state, input)
      const votes = new Map(round.commits.get(vote.view))
      votes.set(1_000 + votes.size, vote)
      return step(
        withRound(state, { commits: new Map(round.commits).set(vote.view, votes) }),
        input
      )
    }
  },
  {
    name: 'prepares-twice',
    rule: 'C-8: prepares each proposal of a view',
    fixed: { validators: 4, faulty: new Map([[1, ['equivocates']]]), lost: new Map(), loss: 0 },
    within: 50,
    step: (step, state, input) => {
      const { round } = state
      const message = input.type === 'message' ? input.message : undefined
      if (round === undefined || message?.type !== 'proposal' || message.view !== round.view)
        return step(state, input)
      const first = round.proposals.get(round.view)
      if (first === undefined || equalBytes(first.blockHash, blockHash(message.block.header)))
        return step(state, input)
      const proposals = new Map([...round.proposals].filter(([view]) => view !== round.view))
      const { prepare: _, ...sent } = round.sent
      return step(withRound(state, { proposals, sent }), input)
    }
  },
  {
    name: 'votes-in-left-views',
    rule: 'C-12: goes on voting in the view that it left',
    fixed: { timers: HASTY },
    within: 50,
    step: (step, state, input, host) => {
      const [after, effects] = step(state, input)
      const { round } = state
      if (round !== undefined && round.view < (after.round?.view ?? 0)) left.set(host, round)
      const before = left.get(host)
      const changed =
        input.type === 'signed' && input.votes.some(each => each.type === 'view-change')
      if (!changed || before?.context.height !== after.round?.context.height)
        return [after, effects]
      left.delete(host)
      const { view, sent, proposals, prepares, commits } = before ?? {}
      if (view === undefined || sent === undefined) return [after, effects]
      const again = { view, sent, announce: false }
      return [
        withRound(after, {
          ...again,
          ...(proposals === undefined ? {} : { proposals }),
          ...(prepares === undefined ? {} : { prepares }),
          ...(commits === undefined ? {} : { commits })
        }),
        effects
      ]
    }
  },
  {
    name: 'hides-its-lock',
    rule: 'C-12: view changes claim nothing',
    within: 100,
    step: (step, state, input) => step(withRound(state, { prepared: undefined }), input)
  },
  {
    name: 'ignores-claims',
    rule: 'C-15: a fresh block whatever the view changes claim',
    fixed: AMBUSH,
    within: 50,
    step: (step, state, input) => {
      const claims = new Map(state.round?.viewChanges)
      const heard = input.type === 'message' ? input.message : undefined
      const blind =
        heard?.type === 'view-change' && input.type === 'message'
          ? { ...input, message: { ...heard, ...NO_CLAIM } }
          : input
      const stripped = new Map(
        [...claims].map(([sender, each]) => [sender, { ...each, ...NO_CLAIM }])
      )
      const [after, effects] = step(
        trusting(withRound(state, { viewChanges: stripped }), 'view-change'),
        blind
      )
      if (heard?.type === 'view-change') claims.set(heard.sender, heard)
      // What is held is as it was: only the step itself is blind to it.
      const restored = new Map(
        [...(after.round?.viewChanges ?? [])].map(([sender, each]) => {
          const known = [claims.get(sender), state.round?.viewChanges.get(sender)].find(
            one => one?.view === each.view && one.height === each.height
          )
          return [sender, known ?? each]
        })
      )
      return [distrusting(withRound(after, { viewChanges: restored }), state), effects]
    }
  },
  {
    name: 'believes-justifications',
    rule: 'C-15: the claims of a justification need no signature',
    fixed: {
      ...AMBUSH,
      validators: 7,
      faulty: new Map([
        [3, ['omits-highest', 'votes-for-everything']],
        [4, ['omits-highest', 'votes-for-everything']]
      ])
    },
    within: 20,
    step: (step, state, input) => {
      if (input.type !== 'message' || input.message.type !== 'proposal') return step(state, input)
      const [after, effects] = step(trusting(state, 'view-change'), input)
      return [distrusting(after, state), effects]
    }
  },
  {
    name: 'believes-claims',
    rule: 'C-13: the certificate behind a view change is not checked',
    fixed: {
      faulty: new Map([[1, ['forges-claim']]]),
      validators: 4,
      lost: new Map(),
      timers: HASTY
    },
    within: 50,
    step: (step, state, input) => {
      if (input.type !== 'message' || input.message.type !== 'view-change')
        return step(state, input)
      const [after, effects] = step(trusting(state, 'prepare'), input)
      return [distrusting(after, state), effects]
    }
  },
  {
    name: 'believes-decisions',
    rule: 'C-10: the signatures of a DECIDED are not checked',
    fixed: { faulty: new Map([[1, ['forges-decided']]]), validators: 4, lost: new Map() },
    within: 50,
    step: (step, state, input) => {
      if (input.type !== 'message' || input.message.type !== 'decided') return step(state, input)
      const [after, effects] = step(trusting(state, 'commit'), input)
      return [distrusting(after, state), effects]
    }
  },
  {
    name: 'proposes-its-own',
    rule: 'C-16: puts its own view into a block that is proposed again',
    fixed: { timers: HASTY },
    within: 50,
    step: (step, state, input) =>
      changeEffects(step(state, input), effect => {
        if (effect.type !== 'sign') return effect
        return { ...effect, votes: effect.votes.map(rebuilt) }
      })
  },
  {
    name: 'accuses-across-views',
    rule: 'C-28: votes of different views count as equivocation',
    within: 50,
    step: (step, state, input) => {
      const [after, effects] = step(state, input)
      const vote = input.type === 'message' ? input.message : undefined
      if (vote?.type !== 'prepare') return [after, effects]
      const others = [...(state.round?.prepares.values() ?? [])].flatMap(votes => {
        const first = votes.get(vote.sender)
        return first === undefined || equalBytes(first.blockHash, vote.blockHash) ? [] : [first]
      })
      const [first] = others
      if (first === undefined) return [after, effects]
      const evidence: Evidence = {
        ...SCOPE,
        height: vote.height,
        validator: vote.sender,
        kind: 'duplicate',
        first: voteOf(first),
        second: voteOf(vote)
      }
      return [after, [...effects, { type: 'evidence', evidence }]]
    }
  }
]

function distrusting(after: ReplicaState, before: ReplicaState): ReplicaState {
  return { ...after, config: before.config }
}

function rebuilt(vote: UnsignedVote): UnsignedVote {
  const { message } = vote
  if (message.type !== 'proposal' || message.justification?.prepared === undefined) return vote
  const header = { ...message.block.header, originView: message.view }
  const changed = { ...message, block: { ...message.block, header } }
  return {
    message: changed,
    signBytes: messageSignBytes(SCOPE, changed),
    seal: signature => ({ ...changed, signature })
  }
}
