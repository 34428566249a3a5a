import { toHex, type ValidatorSet } from '@vitalchain/core'
import { isSigned, type Message, type ReplicaEvent } from '@vitalchain/consensus'
import type { ConductObservation, VotesWait } from './observations.ts'

/** How far back the conduct of leaders is looked at, ms. */
const CONDUCT_MS = 10 * 60_000

/** Turns of one leader that are remembered. */
const CONDUCT_MAX = 64

/** Statuses whose clocks are compared: the one that was least delayed is nearest to the truth. */
const SKEWS = 3

/** A single status may be so late on a busy computer, ms, that it says nothing of a clock. */
const LATE_MS = 500

/** What a member said last of itself. */
export interface LastStatus {
  readonly height: number
  readonly view: number
  readonly version: number
  /**
   * How far its clock was ahead of this node's when the status came, ms: too little by the time it was under way. Undefined as
   * long as late messages would explain it.
   */
  readonly skewMs: number | undefined
  readonly heardMs: number
}

/** What {@link createMemberWatch} needs. */
export interface MemberWatchInit {
  /** The clock, ms since 1970. */
  readonly now: () => number
  /** A clock in ms that never goes back. */
  readonly clock?: () => number
  /** The index of the leader of a view of the height above the head. */
  readonly leader: (view: number) => number
}

/** Remembers what members say and do, as far as a diagnosis asks for it: a bounded note for each member. */
export interface MemberWatch {
  /** A member said something over its own link. */
  heard(member: Uint8Array, message: Message): void
  linkUp(member: Uint8Array): void
  linkDown(member: Uint8Array): void
  /** The replica reported something, with the validators that its indices are of. */
  event(event: ReplicaEvent, validators: ValidatorSet): void
  /** The members are these now: what was noted of others is forgotten. */
  keep(members: readonly Uint8Array[]): void
  lastStatus(member: Uint8Array): LastStatus | undefined
  link(member: Uint8Array): { readonly wasLinked: boolean; readonly downMs: number }
  conduct(member: Uint8Array): ConductObservation
  /** Why this node does not vote although its key could, with the members' identifiers as hex. */
  readonly votesWait: VotesWait | undefined
}

interface Note {
  status: Omit<LastStatus, 'heardMs' | 'skewMs'> | undefined
  skews: readonly number[]
  heardAt: number
  wasLinked: boolean
  isLinked: boolean
  downSince: number
  turns: readonly Turn[]
}

/** A turn as a leader that ended badly. */
interface Turn {
  readonly at: number
  /** The code of the refusal of its block; undefined when time ran out. */
  readonly code: string | undefined
}

/** Makes a {@link MemberWatch}. */
export function createMemberWatch({
  now,
  leader,
  clock = () => performance.now()
}: MemberWatchInit): MemberWatch {
  const notes = new Map<string, Note>()
  let votesWait: VotesWait | undefined

  const noteOf = (member: Uint8Array): Note => {
    const key = toHex(member)
    const known = notes.get(key)
    if (known !== undefined) return known
    const note: Note = {
      status: undefined,
      skews: [],
      heardAt: clock(),
      wasLinked: false,
      isLinked: false,
      downSince: clock(),
      turns: []
    }
    notes.set(key, note)
    return note
  }
  const badTurn = (member: Uint8Array | undefined, code: string | undefined): void => {
    if (member === undefined) return
    const note = noteOf(member)
    // Who is away misses its turns, and is no slow leader for it when it is back.
    if (code === undefined && !note.isLinked) return
    note.turns = [...note.turns, { at: clock(), code }].slice(-CONDUCT_MAX)
  }

  return {
    heard(member, message) {
      const note = noteOf(member)
      note.heardAt = clock()
      if (message.type === 'status') {
        const { height, view, version, clock: theirs } = message
        note.status = { height, view, version }
        note.skews = [...note.skews, theirs - now()].slice(-SKEWS)
      } else if (isSigned(message) && note.status !== undefined) {
        // Who votes at a height has the block below. Statuses are seconds apart, and blocks are not.
        const { view } = message
        const height = message.height - 1
        const { status } = note
        if (height > status.height || (height === status.height && view > status.view))
          note.status = { ...status, height, view }
      }
    },
    linkUp(member) {
      const note = noteOf(member)
      note.wasLinked = true
      note.isLinked = true
      note.heardAt = clock()
      // Its computer may be another one now.
      note.skews = []
    },
    linkDown(member) {
      const note = noteOf(member)
      note.isLinked = false
      note.downSince = clock()
    },
    event(event, validators) {
      const names = (indices: readonly number[]): readonly string[] =>
        indices.flatMap(index => {
          const member = validators[index]?.member
          return member === undefined ? [] : toHex(member)
        })
      switch (event.name) {
        case 'view':
          if (event.cause === 'timeout')
            badTurn(validators[leader(event.view - 1)]?.member, undefined)
          return undefined
        case 'invalid-block':
          return badTurn(validators[event.leader]?.member, event.code)
        case 'waits-for-answers':
          votesWait = {
            why: 'answers',
            needed: event.needed,
            answered: names(event.answered),
            silent: names([...event.silent, ...event.withoutVotes])
          }
          return undefined
        case 'observes-until':
          votesWait = { why: 'height', height: event.height }
          return undefined
        case 'votes-again':
          votesWait = undefined
          return undefined
        // Counted by the network, fatal, or all as it should be.
        case 'rejected':
        case 'diverged':
        case 'foreign-vote':
        case 'vote-state-old':
        case 'prepared':
        case 'decided':
          return undefined
      }
    },
    keep(members) {
      const kept = new Set(members.map(toHex))
      for (const key of notes.keys()) if (!kept.has(key)) notes.delete(key)
    },
    lastStatus(member) {
      const { status, skews, heardAt } = noteOf(member)
      if (status === undefined) return undefined
      const [skew = 0, next] = skews.toSorted((a, b) => b - a)
      // What is late makes a clock look slow, never fast; and messages that were held up together are not late alike.
      const isSure = skew > -LATE_MS || (next !== undefined && skew - next < LATE_MS)
      return { ...status, skewMs: isSure ? skew : undefined, heardMs: clock() - heardAt }
    },
    link(member) {
      const { wasLinked, downSince } = noteOf(member)
      return { wasLinked, downMs: clock() - downSince }
    },
    conduct(member) {
      const turns = noteOf(member).turns.filter(({ at }) => clock() - at < CONDUCT_MS)
      const invalid = turns.filter(({ code }) => code !== undefined)
      return {
        invalidBlocks: invalid.length,
        invalidCode: invalid.at(-1)?.code,
        lostViews: turns.length - invalid.length
      }
    },
    get votesWait() {
      return votesWait
    }
  }
}
