import t from 'tap'
import {
  MEMBER_BAN_MS,
  Offences,
  OFFENCE_POINTS_MAX,
  STRANGER_BAN_MS
} from '../../src/network/offences.ts'
import { allLinked, startMembers, until } from './nodes.ts'

/** Offences by a clock that stands still until a test moves it. */
function offences(members: readonly string[] = []): {
  readonly kept: Offences
  readonly banned: string[]
  readonly clock: { now: number }
} {
  const clock = { now: 1_000_000 }
  const banned: string[] = []
  const kept = new Offences({
    isMember: peer => members.includes(peer),
    onBan: (peer, { ms }) => banned.push(`${peer} ${ms}`),
    now: () => clock.now
  })
  return { kept, banned, clock }
}

t.test('ten bad signatures in a row keep a member out for half a minute', async t => {
  const { kept, banned, clock } = offences(['member'])
  for (let k = 0; k < 9; k++) kept.report('member', 'signature')
  t.equal(kept.isBanned('member'), false)
  kept.report('member', 'signature')
  t.same(banned, [`member ${MEMBER_BAN_MS}`])
  t.equal(kept.bannedMs('member'), MEMBER_BAN_MS)
  t.same(kept.counts('member'), { signature: 10 })
  kept.report('member', 'signature')
  t.equal(banned.length, 1, 'it is out already')
  clock.now += MEMBER_BAN_MS
  t.equal(kept.isBanned('member'), false)
  for (let k = 0; k < 10; k++) kept.report('member', 'signature')
  t.equal(banned.length, 2, 'it has learned nothing')
})

t.test('a proof that does not hold weighs more, and a stranger is out for longer', async t => {
  const { kept, banned } = offences()
  for (let k = 0; k < 4; k++) kept.report('stranger', 'proof')
  t.same(banned, [`stranger ${STRANGER_BAN_MS}`])
})

t.test('what a peer did an hour ago hardly counts', async t => {
  const { kept, banned, clock } = offences()
  for (let k = 0; k < 200; k++) {
    kept.report('peer', 'malformed')
    clock.now += 60_000
  }
  t.same(banned, [], `points stay below ${OFFENCE_POINTS_MAX}`)
  t.same(kept.counts('peer'), { malformed: 200 })
})

t.test('invented strangers push out neither a member nor who is banned', async t => {
  const { kept } = offences(['member'])
  kept.report('member', 'malformed')
  for (let k = 0; k < 10; k++) kept.report('flooder', 'malformed')
  for (let k = 0; k < 5_000; k++) kept.report(`stranger ${k}`, 'malformed')
  t.same(kept.counts('member'), { malformed: 1 })
  t.equal(kept.isBanned('flooder'), true)
  t.same(kept.counts('stranger 0'), {})
})

t.test('a member that misbehaves is cut off, kept out, and shown', async t => {
  const { nodes } = await startMembers(t, 3)
  await allLinked(nodes)
  const [judge, culprit, other] = nodes
  for (let k = 0; k < 4; k++) judge!.network.misbehaved(culprit!.member, 'proof')
  await until(() => judge!.network.linkedMembers().length === 1)
  await until(() => culprit!.network.linkedMembers().length === 1)
  const status = judge!.network
    .links()
    .find(({ member }) => Buffer.compare(member, culprit!.member) === 0)
  t.same(status?.offences, { proof: 4 })
  t.ok(status!.bannedMs > MEMBER_BAN_MS - 10_000 && status!.bannedMs <= MEMBER_BAN_MS)
  t.ok(
    judge!.events.some(line => line.startsWith('peer-banned') && line.includes('ERR_PEER_BANNED'))
  )
  t.equal(other!.network.linkedMembers().length, 2, 'nobody else is concerned')

  // Both sides try again and again in vain; the third is heard all the while.
  await until(() => culprit!.events.filter(line => line.startsWith('link-failed')).length >= 2)
  t.notOk(judge!.network.peers().some(({ peer }) => peer === culprit!.network.peer))
  judge!.network.misbehaved(new Uint8Array(32), 'proof')
})

t.test('a denied peer is neither dialled nor let in', async t => {
  const { nodes } = await startMembers(
    t,
    3,
    () => undefined,
    index => ({
      deny: peer => index === 0 && peer === nodes[1]?.network.peer
    })
  )
  await until(() => nodes[2]!.network.linkedMembers().length === 2)
  await until(() =>
    nodes.slice(0, 2).every(({ events }) => events.some(line => line.includes('ERR_UNREACHABLE')))
  )
  await until(() => nodes.slice(0, 2).every(({ network }) => network.linkedMembers().length === 1))
  t.notOk(nodes[0]!.network.peers().some(({ peer }) => peer === nodes[1]!.network.peer))
})
