import { errorCode, quorum, toHex } from '@vitalchain/core'
import { listChanges, listMembers, validatorsAt, type OpenChange } from '@vitalchain/contracts'
import * as fc from 'fast-check'
import t from 'tap'
import { Council, described, hospital, keysOf, type Hospital } from './members-fixture.ts'

/** One thing that somebody tries; what it names may not exist, and then it is refused. */
const step = fc.record({
  what: fc.constantFrom(
    'add',
    'add',
    'remove',
    'replace',
    'approve',
    'rally',
    'rally',
    'ready',
    'ready',
    'ready',
    'withdraw',
    'block',
    'term'
  ),
  by: fc.nat(8),
  about: fc.nat(8),
  generation: fc.nat(2),
  forced: fc.boolean()
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const NAMES = ['A', 'B', 'C', 'D', 'E']

/** A council and the keys of everybody who may be in it. */
class Game {
  readonly council = new Council()

  /** The keys that a member, or one who was or may be one, has now. */
  party(index: number): Hospital | number {
    const joined = listMembers(this.council.state)
    const found = joined[index % joined.length]
    const founder = [0, 1, 2, 3].find(
      each => found !== undefined && toHex(this.council.founder(each)) === toHex(found.id)
    )
    if (founder !== undefined) return founder
    return this.candidate(index, 0)
  }

  candidate(index: number, generation: number): Hospital {
    return hospital(NAMES[index % NAMES.length] ?? 'A', generation)
  }

  async attempt({ what, by, about, generation, forced }: Step): Promise<boolean> {
    const { council } = this
    const actor = this.party(by)
    const found = listMembers(council.state)[about]
    const open = listChanges(council.state)
    const change = open[about % Math.max(1, open.length)]
    const id = change?.id ?? new Uint8Array(32)
    try {
      if (what === 'block') council.height += 1
      else if (what === 'term') council.time += 10 * 86_400_000
      else if (what === 'approve') await council.approve(actor, id)
      else if (what === 'rally') await this.#rally(id)
      else if (what === 'withdraw') await council.withdraw(actor, id)
      else if (what === 'add') {
        const member = described(this.candidate(about, generation))
        await council.propose(actor, { type: 'add', member }, forced)
      } else if (what === 'remove') {
        const member = found?.id ?? new Uint8Array(32)
        await council.propose(actor, { type: 'remove', member }, forced)
      } else if (what === 'replace') {
        const member = found?.id ?? new Uint8Array(32)
        const keys = keysOf(this.candidate(about, generation))
        const operatorKey = found?.operatorKey ?? keys.operatorKey
        await council.propose(actor, { type: 'replace', member, keys: { ...keys, operatorKey } })
      } else await this.#ready(change ?? open[0], about === 0)
      return true
    } catch {
      return false
    }
  }

  /** Everybody who can approves. */
  async #rally(id: Uint8Array): Promise<void> {
    const { length } = listMembers(this.council.state)
    for (let by = 0; by < length; by += 1) {
      try {
        await this.council.approve(this.party(by), id)
      } catch (error) {
        if (errorCode(error) !== 'ERR_ALREADY_APPROVED') throw error
      }
    }
  }

  /** The holder of the keys of a change says that it is ready; or somebody with other keys does. */
  async #ready(open: OpenChange | undefined, isImpostor: boolean): Promise<void> {
    if (open === undefined || open.change.type === 'remove') return
    const { change } = open
    const keys = change.type === 'add' ? change.member : change.keys
    const all = NAMES.flatMap((_, index) => [0, 1, 2].map(each => this.candidate(index, each)))
    const holder = all.find(
      each => toHex(each.consensus.publicKey.bytes) === toHex(keys.consensusKey)
    )
    const joined = listMembers(this.council.state)
    const by = joined.findIndex(
      each => change.type === 'replace' && toHex(each.id) === toHex(change.member)
    )
    const party = by < 0 ? undefined : this.party(by)
    const operator = party === undefined ? undefined : this.council.operatorOf(party)
    const of = (isImpostor ? all[0] : holder) ?? this.candidate(0, 0)
    await this.council.ready({ ...of, operator: operator ?? of.operator }, open.id, {
      by: party ?? of
    })
  }

  /** What must hold after every step. */
  check(): void {
    const { council } = this
    const members = listMembers(council.state)
    const set = council.rules.validators(council.state)
    if (members.length === 0 || members.length > 50) throw new Error(`${members.length} members`)
    const asSet = members.map(each => [each.id, each.consensusKey, each.checkpointKey].map(toHex))
    const asRules = set.map(each => [each.member, each.consensusKey, each.checkpointKey].map(toHex))
    if (JSON.stringify(asSet) !== JSON.stringify(asRules)) throw new Error('another set')
    const keys = members.flatMap(each => [
      toHex(each.operatorKey.bytes),
      ...[each.consensusKey, each.checkpointKey, each.transportKey].map(toHex)
    ])
    if (new Set(keys).size !== 4 * members.length) throw new Error('a key stands twice')
    if (new Set(members.map(each => toHex(each.id))).size !== members.length)
      throw new Error('a member stands twice')
    if (new Set(members.map(each => each.name)).size !== members.length)
      throw new Error('a name stands twice')
    const open = listChanges(council.state)
    for (const each of open) {
      if (each.needed !== quorum(members.length)) throw new Error('another quorum')
      const own = open.filter(other => toHex(other.proposer) === toHex(each.proposer))
      if (own.length > 4) throw new Error('too many open')
    }
  }
}

t.test('whatever is called, members, keys and validators stay sound', async t => {
  const counts = { done: 0, refused: 0, sets: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async steps => {
      const game = new Game()
      const sets = new Map<number, string>()
      for (const each of steps) {
        const before = game.council.height
        const inForce = validatorsAt(game.council.state, before)
        counts[(await game.attempt(each)) ? 'done' : 'refused'] += 1
        game.check()
        // The set of a height never changes once the height is reached.
        const name = JSON.stringify(inForce?.map(({ consensusKey }) => toHex(consensusKey)))
        sets.set(before, name)
        for (const [height, known] of sets) {
          const now = validatorsAt(game.council.state, height)
          if (JSON.stringify(now?.map(({ consensusKey }) => toHex(consensusKey))) !== known)
            throw new Error(`the set of height ${height} changed`)
        }
      }
      counts.sets += new Set(sets.values()).size - 1
    }),
    { numRuns: 40, seed: 20_261_122 }
  )
  t.ok(counts.done > 300, `${counts.done} calls took effect`)
  t.ok(counts.refused > 300, `${counts.refused} were refused`)
  t.ok(counts.sets > 15, `the set changed ${counts.sets} times`)
})
