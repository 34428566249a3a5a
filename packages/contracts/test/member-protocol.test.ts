import { activateArgs, protocolSchedule, protocolVotes } from '@vitalchain/contracts'
import type { Transaction } from '@vitalchain/core'
import t from 'tap'
import { Council, hospital } from './members-fixture.ts'

function activate(
  council: Council,
  by: Parameters<Council['act']>[0],
  version: number,
  height: number
): Promise<Transaction> {
  return council.act(by, 'activate', activateArgs({ version, height }))
}

t.test('a quorum of equal votes activates a protocol version at a height', async t => {
  const council = new Council()
  council.height = 10
  t.same(protocolSchedule(council.state, 10), { version: 1, next: undefined })
  await activate(council, 0, 2, 50)
  await activate(council, 1, 2, 60)
  await activate(council, 2, 2, 60)
  t.equal(protocolSchedule(council.state, 10).next, undefined, 'two of four agree')
  t.equal(protocolVotes(council.state).length, 3)
  await activate(council, 0, 2, 60)
  t.same(protocolSchedule(council.state, 10), { version: 1, next: { version: 2, height: 60 } })
  t.same(protocolVotes(council.state), [], 'and the votes are over')
  t.same(protocolSchedule(council.state, 59).version, 1)
  t.same(protocolSchedule(council.state, 60), { version: 2, next: undefined })
})

t.test('until its height an activation can be put off, and not by fewer', async t => {
  const council = new Council()
  council.height = 10
  for (const by of [0, 1, 2]) await activate(council, by, 2, 60)
  for (const by of [1, 2]) await activate(council, by, 2, 90)
  t.equal(protocolSchedule(council.state, 10).next?.height, 60)
  await activate(council, 3, 2, 90)
  t.equal(protocolSchedule(council.state, 10).next?.height, 90)
})

t.test(
  "a vote is refused that says nothing new, is too late, goes back, or is nobody's",
  async t => {
    const council = new Council()
    council.height = 10
    await t.rejects(activate(council, 0, 1, 20), { code: 'ERR_PROTOCOL_ACTIVE' })
    await t.rejects(activate(council, 0, 2, 10), { code: 'ERR_PROTOCOL_HEIGHT' })
    await activate(council, 0, 2, 11)
    await t.rejects(activate(council, 0, 2, 11), { code: 'ERR_ALREADY_APPROVED' })
    await t.rejects(activate(council, hospital('x'), 2, 11), { code: 'ERR_AUTHOR_UNKNOWN' })
    for (const by of [1, 2]) await activate(council, by, 2, 11)
    council.height = 11
    await t.rejects(activate(council, 0, 2, 90), { code: 'ERR_PROTOCOL_ACTIVE' }, 'it is in force')
  }
)

t.test('the vote of a member that was removed counts no more', async t => {
  const council = new Council(5)
  council.height = 10
  await activate(council, 4, 2, 60)
  await council.vote([0, 1, 2, 3], { type: 'remove', member: council.founder(4) }, true)
  for (const by of [0, 1]) await activate(council, by, 2, 60)
  t.equal(protocolSchedule(council.state, 10).next, undefined)
  t.equal(protocolVotes(council.state).length, 2)
})
