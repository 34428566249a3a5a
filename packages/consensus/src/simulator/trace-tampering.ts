import type { ModelEvent, ModelTrace } from './trace.ts'

/** A way to falsify a trace so that the formal model must refuse it. */
export interface Tampering {
  readonly name: string
  /** The rule that it breaks. */
  readonly rule: string
  /** The events with one falsification; undefined when the trace has no place for it. */
  readonly apply: (
    events: readonly ModelEvent[],
    trace: ModelTrace
  ) => readonly ModelEvent[] | undefined
}

/** A trace with a falsification; undefined when there is no place for it. */
export function tamper(trace: ModelTrace, tampering: Tampering): ModelTrace | undefined {
  const events = tampering.apply(trace.events, trace)
  return events === undefined ? undefined : { ...trace, events }
}

type Change = (event: ModelEvent) => ModelEvent

function changed(
  events: readonly ModelEvent[],
  action: ModelEvent['action'],
  change: Change,
  fits: (event: ModelEvent) => boolean = () => true
): readonly ModelEvent[] | undefined {
  const at = events.findLastIndex(event => event.action === action && fits(event))
  const event = events[at]
  return event === undefined ? undefined : events.with(at, change(event))
}

const anotherValue: Change = event => ({ ...event, value: event.value + 1 })
const oneLess: Change = event => ({ ...event, signers: event.signers.slice(1) })

/** Where a replica's PREPARE is first said, by itself or by a restart that finds it on the disk. */
function saidAt(
  events: readonly ModelEvent[],
  replica: number,
  { view, value }: ModelEvent
): number {
  const asked = events.findIndex(
    event =>
      event.replica === replica &&
      event.view === view &&
      event.value === value &&
      (event.action === 'askPrepare' || event.action === 'askProposalAndPrepare')
  )
  return events.findIndex(
    (event, at) =>
      at > asked && event.replica === replica && ['say', 'restart'].includes(event.action)
  )
}

/** Moves a COMMIT to before the last of the PREPAREs that it stands on. */
function commitsEarly(
  events: readonly ModelEvent[],
  { faulty }: ModelTrace
): readonly ModelEvent[] | undefined {
  const from = events.findIndex(event => event.action === 'askCommit')
  const commit = events[from]
  if (commit === undefined) return undefined
  const to = Math.max(
    ...commit.signers
      .filter(signer => !faulty.includes(signer))
      .map(signer => saidAt(events, signer, commit))
  )
  return to < 0 ? undefined : events.toSpliced(from, 1).toSpliced(to, 0, commit)
}

/** Puts somebody in a certificate who never said that PREPARE. */
function countsTheSilent(
  events: readonly ModelEvent[],
  { faulty, validators }: ModelTrace
): readonly ModelEvent[] | undefined {
  const from = events.findIndex(event => event.action === 'askCommit')
  const commit = events[from]
  if (commit === undefined) return undefined
  const silent = Array.from({ length: validators }, (_, index) => index).find(index => {
    if (faulty.includes(index) || commit.signers.includes(index)) return false
    return !events.some(
      (event, at) =>
        at < from &&
        event.replica === index &&
        ['askPrepare', 'askProposalAndPrepare'].includes(event.action)
    )
  })
  if (silent === undefined) return undefined
  const signers = [...commit.signers.slice(1), silent].toSorted((a, b) => a - b)
  return events.with(from, { ...commit, signers })
}

/** Says a vote before it is written. */
function speaksFirst(events: readonly ModelEvent[]): readonly ModelEvent[] | undefined {
  const at = events.findIndex((event, k) => {
    const after = events.findIndex((each, m) => m > k && each.replica === event.replica)
    return event.action === 'write' && events[after]?.action === 'say'
  })
  const write = events[at]
  if (write === undefined) return undefined
  const say = events.findIndex((event, k) => k > at && event.replica === write.replica)
  const said = events[say]
  return said === undefined ? undefined : events.with(at, said).with(say, write)
}

/** Prepares a second block in the same view. */
function preparesTwice(events: readonly ModelEvent[]): readonly ModelEvent[] | undefined {
  const at = events.findIndex(event => event.action === 'askPrepare')
  const prepare = events[at]
  if (prepare === undefined) return undefined
  const said = events.findIndex(
    (event, k) => k > at && event.replica === prepare.replica && event.action === 'say'
  )
  const write = events.findIndex(
    (event, k) => k > at && event.replica === prepare.replica && event.action === 'write'
  )
  return said < 0 || write > said ? undefined : events.toSpliced(said + 1, 0, anotherValue(prepare))
}

/** Takes a claim out of a justification's mouth: what an honest validator said is quoted otherwise. */
function misquotes(
  events: readonly ModelEvent[],
  { faulty }: ModelTrace
): readonly ModelEvent[] | undefined {
  const at = events.findIndex(
    event =>
      ['accept', 'askProposal', 'askProposalAndPrepare'].includes(event.action) &&
      event.claims.some(claim => !faulty.includes(claim.sender))
  )
  const event = events[at]
  if (event === undefined) return undefined
  const victim = event.claims.find(claim => !faulty.includes(claim.sender))
  const claims = event.claims.map(claim => {
    if (claim !== victim) return claim
    return claim.view < 0 ? { ...claim, view: 0, value: 0 } : { ...claim, view: -1, value: -1 }
  })
  return events.with(at, { ...event, claims })
}

/** Loses the disk of a replica that signs afterwards. */
function votesWithoutVoteState(events: readonly ModelEvent[]): readonly ModelEvent[] | undefined {
  const at = events.findLastIndex(event => event.action.startsWith('ask'))
  const event = events[at]
  if (event === undefined) return undefined
  return events.toSpliced(at, 0, { ...event, action: 'lose', claims: [], signers: [], value: -1 })
}

/** Everything that must be refused, every time. */
export const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'prepares-another-block',
    rule: 'C-8',
    apply: events => changed(events, 'askPrepare', anotherValue)
  },
  {
    name: 'commits-another-block',
    rule: 'C-9',
    apply: events => changed(events, 'askCommit', anotherValue)
  },
  {
    name: 'certificate-lacks-a-vote',
    rule: 'C-2',
    apply: events => changed(events, 'askCommit', oneLess)
  },
  { name: 'certificate-counts-the-silent', rule: 'C-2', apply: countsTheSilent },
  { name: 'commits-before-the-quorum', rule: 'C-9', apply: commitsEarly },
  {
    name: 'decides-without-a-vote',
    rule: 'C-10',
    apply: events => changed(events, 'decide', oneLess)
  },
  {
    name: 'view-change-claims-too-much',
    rule: 'C-12',
    apply: events =>
      changed(
        events,
        'askChange',
        event => ({ ...event, claims: [{ sender: event.replica, view: 0, value: 0 }] }),
        event => event.claims.every(claim => claim.view < 0)
      )
  },
  {
    name: 'view-change-hides-its-claim',
    rule: 'C-12',
    apply: events =>
      changed(
        events,
        'askChange',
        event => ({ ...event, claims: [{ sender: event.replica, view: -1, value: -1 }] }),
        event => event.claims.some(claim => claim.view >= 0)
      )
  },
  { name: 'justification-misquotes', rule: 'C-15', apply: misquotes },
  { name: 'speaks-before-it-writes', rule: 'C-24', apply: speaksFirst },
  { name: 'prepares-twice', rule: 'C-25', apply: preparesTwice },
  { name: 'votes-without-its-vote-state', rule: 'C-27', apply: votesWithoutVoteState }
]
