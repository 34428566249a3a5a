import type { Evidence } from '@vitalchain/core'
import type { Effect, Input, ReplicaState, Round } from './replica.ts'

/**
 * The branches of the specification's rules that a run can come through. Told from what goes into a replica and what
 * comes out, so that nothing in the replica knows of it.
 */
export const RULES: readonly string[] = [
  'C-2 commit certificate',
  'C-3 leaders beyond the eligible',
  'C-4 a leader is excluded',
  'C-5 a block does not fit',
  'C-6 asks for a block',
  'C-6 proposes',
  'C-6 nothing to build',
  'C-7 accepts a proposal',
  'C-7 refuses who does not lead',
  'C-8 prepares',
  'C-9 commits',
  'C-10 decides in the own view',
  'C-10 decides in an older view',
  'C-10 decides in a newer view',
  'C-10 decides by a certificate',
  'C-10 refuses a certificate',
  'C-10 fetches what was decided',
  'C-11 leaves for a bad block',
  'C-11 asks again about another list',
  'C-12 leaves by timeout',
  'C-12 follows a justified proposal',
  'C-13 accepts a view change',
  'C-13 refuses a view change',
  'C-14 joins others',
  'C-15 refuses a justification',
  'C-16 proposes the prepared block',
  'C-16 proposes a fresh block',
  'C-16 fetches the prepared block',
  'C-16 does without a lost block',
  'C-17 longest timeout',
  'C-18 timer of view 0',
  'C-18 a proposal gives more time',
  'C-19 timer above view 0',
  'C-19 waits for a quorum',
  'C-20 resends',
  'C-20 not to those ahead',
  'C-21 answers with a certificate',
  'C-22 catches up',
  'C-23 silent while idle',
  'C-24 signs',
  'C-25 waits for the chain',
  'C-25 the view moved on while signing',
  'C-26 restarts with its votes',
  'C-26 restarts with a prepared block',
  'C-27 observes',
  'C-27 hears of its own key',
  'C-28 evidence of two proposals',
  'C-28 evidence of two prepares',
  'C-28 evidence of two commits',
  'C-28 evidence of two view changes',
  'C-28 evidence of amnesia',
  'C-28 evidence of an invalid new view',
  'C-29 keeps the next height',
  'C-30 drops old blocks',
  'C-31 refuses a signature',
  'C-34 keeps what a fork needs',
  'C-36 asks what it signed',
  'C-36 answers',
  'C-36 waits for answers',
  'C-38 observes until it is safe',
  'C-38 votes again'
]

/** The branches that one step came through. */
export function rulesOf(
  before: ReplicaState,
  input: Input,
  after: ReplicaState,
  effects: readonly Effect[]
): string[] {
  const rules = effects.flatMap(effect => rulesOfEffect(effect, before, input, after))
  const was = before.round
  const is = after.round
  if (is === undefined) return rules
  if (input.type === 'start') rules.push(...rulesOfStart(input))
  if (input.type === 'built' && input.proposal === undefined) rules.push('C-6 nothing to build')
  if (input.type === 'signed' && before.signing?.view !== is.view)
    rules.push('C-25 the view moved on while signing')
  if (after.next.size > before.next.size) rules.push('C-29 keeps the next height')
  if (was === undefined || was.context.height !== is.context.height) {
    if (is.eligible.length < is.context.validators.length) rules.push('C-4 a leader is excluded')
    if ((after.record?.height ?? 0) > is.context.height) rules.push('C-25 waits for the chain')
    return rules
  }
  if (is.proposals.size > was.proposals.size && input.type === 'message')
    rules.push('C-7 accepts a proposal')
  if (is.viewChanges !== was.viewChanges && input.type === 'message')
    rules.push('C-13 accepts a view change')
  if (is.blocks.size < was.blocks.size) rules.push('C-30 drops old blocks')
  if (is.extended && !was.extended) rules.push('C-18 a proposal gives more time')
  if (is.view > was.view && is.view > 0 && after.viewTimer === undefined)
    rules.push('C-19 waits for a quorum')
  return rules
}

function rulesOfStart({ voteState, observe }: Extract<Input, { type: 'start' }>): string[] {
  return [
    ...(voteState === undefined ? [] : ['C-26 restarts with its votes']),
    ...(voteState?.prepared === undefined ? [] : ['C-26 restarts with a prepared block']),
    ...(observe === true ? ['C-27 observes'] : [])
  ]
}

function rulesOfEffect(
  effect: Effect,
  before: ReplicaState,
  input: Input,
  after: ReplicaState
): string[] {
  switch (effect.type) {
    case 'build':
      return ['C-6 asks for a block']
    case 'sign':
      return effect.votes.flatMap(({ message }) => rulesOfVote(message, after.round))
    case 'send':
      if (effect.message.type === 'decided') return ['C-21 answers with a certificate']
      if (effect.message.type === 'inquiry') return ['C-36 asks what it signed']
      if (effect.message.type === 'answer') return ['C-36 answers']
      return input.type === 'timer' && input.id.startsWith('resend')
        ? ['C-20 resends', ...(effect.to === 'all' ? [] : ['C-20 not to those ahead'])]
        : []
    case 'validate':
      return effect.live
        ? []
        : ['C-11 asks again about another list'].slice(0, wasBad(before, effect))
    case 'fetch':
      return [
        after.round?.certified === undefined
          ? 'C-16 fetches the prepared block'
          : 'C-10 fetches what was decided'
      ]
    case 'commit':
      return ['C-2 commit certificate']
    case 'setTimer':
      return rulesOfTimer(effect, after)
    case 'sync':
      return ['C-22 catches up']
    case 'evidence':
      return [ruleOfEvidence(effect.evidence)]
    case 'event':
      return rulesOfEvent(effect, before.round, input)
    case 'distrust':
    case 'begin':
      return []
    case 'record':
      return ['C-34 keeps what a fork needs']
    case 'cancelTimer':
      return []
  }
}

function ruleOfEvidence(evidence: Evidence): string {
  switch (evidence.kind) {
    case 'duplicate':
      return `C-28 evidence of two ${evidence.first.content.type.replace('-', ' ')}s`
    case 'amnesia':
      return 'C-28 evidence of amnesia'
    case 'invalid-new-view':
      return 'C-28 evidence of an invalid new view'
  }
}

function wasBad(
  before: ReplicaState,
  { blockHash }: Extract<Effect, { type: 'validate' }>
): number {
  const key = [...(before.round?.blocks.values() ?? [])].find(
    each => each.blockHash.join() === blockHash.join()
  )
  return key?.status === 'invalid' || key?.status === 'checking' ? 1 : 0
}

function rulesOfVote(
  message: { readonly type: string; readonly view: number } & Partial<{
    readonly justification: { readonly prepared: unknown } | undefined
  }>,
  round: Round | undefined
): string[] {
  const beyond = round !== undefined && message.view >= round.eligible.length
  switch (message.type) {
    case 'proposal': {
      const kind =
        message.view === 0
          ? 'C-6 proposes'
          : message.justification?.prepared === undefined
            ? 'C-16 proposes a fresh block'
            : 'C-16 proposes the prepared block'
      const lost = round !== undefined && round.missing.size > 0
      return [
        'C-24 signs',
        kind,
        ...(beyond ? ['C-3 leaders beyond the eligible'] : []),
        ...(lost && message.view > 0 ? ['C-16 does without a lost block'] : [])
      ]
    }
    case 'prepare':
      return ['C-24 signs', 'C-8 prepares']
    case 'commit':
      return ['C-24 signs', 'C-9 commits']
    default:
      return ['C-24 signs']
  }
}

function rulesOfTimer(
  { id, ms }: Extract<Effect, { type: 'setTimer' }>,
  { timers }: ReplicaState
): string[] {
  if (!id.startsWith('view')) return []
  return [
    id.split('/')[2] === '0' ? 'C-18 timer of view 0' : 'C-19 timer above view 0',
    ...(ms >= timers.viewMax || ms >= timers.baseMin * 64 ? ['C-17 longest timeout'] : [])
  ]
}

function rulesOfEvent(
  event: Extract<Effect, { type: 'event' }>,
  was: Round | undefined,
  input: Input
): string[] {
  switch (event.name) {
    case 'view':
      return [
        {
          timeout: 'C-12 leaves by timeout',
          behind: 'C-14 joins others',
          justified: 'C-12 follows a justified proposal',
          'invalid-proposal': 'C-11 leaves for a bad block'
        }[event.cause]
      ]
    case 'decided': {
      if (input.type === 'message' && input.message.type === 'decided')
        return ['C-10 decides by a certificate']
      const view = was?.view ?? 0
      if (event.view === view) return ['C-10 decides in the own view']
      return [event.view < view ? 'C-10 decides in an older view' : 'C-10 decides in a newer view']
    }
    case 'rejected':
      return [
        {
          signer: 'C-31 refuses a signature',
          signature: 'C-31 refuses a signature',
          leader: 'C-7 refuses who does not lead',
          justification: 'C-15 refuses a justification',
          prepared: 'C-13 refuses a view change',
          certificate: 'C-10 refuses a certificate',
          block: 'C-5 a block does not fit'
        }[event.reason]
      ]
    case 'foreign-vote':
      return ['C-27 hears of its own key']
    case 'vote-state-old':
      return ['C-37 finds its votes old']
    case 'votes-again':
      return [event.override ? 'C-39 votes by override' : 'C-38 votes again']
    case 'waits-for-answers':
      return ['C-36 waits for answers']
    case 'observes-until':
      return ['C-38 observes until it is safe']
    case 'prepared':
    case 'invalid-block':
    case 'diverged':
      return []
  }
}
