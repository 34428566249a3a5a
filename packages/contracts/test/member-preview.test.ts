import { ed25519PublicKey, faultTolerance, quorum, type GenesisMember } from '@vitalchain/core'
import {
  listChanges,
  listMembers,
  previewChange,
  type ChangePreview,
  type MemberChange
} from '@vitalchain/contracts'
import t from 'tap'
import { secret, signer } from './fixture.ts'
import { Council, described, hospital, keysOf } from './members-fixture.ts'

const newcomer = hospital('Newcomer')
const add = { type: 'add', member: described(newcomer) } as const

function preview(council: Council, change: MemberChange): ChangePreview {
  return previewChange(council.state, council.genesis, change)
}

function codes(council: Council, change: MemberChange): readonly string[] {
  return preview(council, change).refusals.map(each => each.code)
}

t.test('a preview tells quorum and tolerated faults before and after', t => {
  const council = new Council()
  t.match(preview(council, add), {
    before: { validators: 4, faults: 1, quorum: 3 },
    after: { validators: 5, faults: 1, quorum: 4 },
    refusals: [],
    warnings: [{ code: 'quorum-grows' }]
  })
  t.match(preview(new Council(6), add), {
    before: { validators: 6, faults: 1, quorum: 4 },
    after: { validators: 7, faults: 2, quorum: 5 },
    refusals: [],
    warnings: []
  })
  const six = new Council(6)
  t.match(preview(six, { type: 'remove', member: six.founder(0) }), {
    after: { validators: 5, faults: 1, quorum: 4 },
    refusals: [],
    warnings: [{ code: 'fewer-may-be-away' }]
  })
  t.end()
})

t.test('the preview of every number of members agrees with the formulas of consensus', t => {
  for (const size of [1, 2, 3, 4, 5, 8, 9, 10, 49]) {
    const council = new Council(size, { unsafeSmallNetwork: true })
    const { after } = preview(council, add)
    t.same(after, {
      validators: size + 1,
      faults: faultTolerance(size + 1),
      quorum: quorum(size + 1)
    })
  }
  t.end()
})

t.test('a removal that lets the tolerance fall is refused unless it is forced', async t => {
  const council = new Council(7)
  const change = { type: 'remove', member: council.founder(6) } as const
  t.match(preview(council, change).refusals, [{ code: 'ERR_FAULTS_FALL', forcible: true }])
  await t.rejects(council.propose(0, change), { code: 'ERR_FAULTS_FALL' })
  await council.vote([0, 1, 2, 3, 4], change, true)
  t.equal(listMembers(council.state).length, 6)
})

t.test('fewer than four members are refused unless forced or allowed by the genesis', async t => {
  const council = new Council()
  const change = { type: 'remove', member: council.founder(3) } as const
  t.same(codes(council, change), ['ERR_TOO_FEW_MEMBERS', 'ERR_FAULTS_FALL'])
  await t.rejects(council.propose(0, change), { code: 'ERR_TOO_FEW_MEMBERS' })
  await council.vote([0, 1, 2], change, true)
  t.equal(listMembers(council.state).length, 3)
  const back = { type: 'add', member: described(newcomer) } as const
  t.same(codes(council, back), [], 'growing again is not refused')
  const small = new Council(3, { unsafeSmallNetwork: true })
  await small.vote([0, 1], { type: 'remove', member: small.founder(2) })
  t.equal(listMembers(small.state).length, 2)
})

t.test('the last member is never removed, nor is a network too large, forced or not', async t => {
  const single = new Council(1, { unsafeSmallNetwork: true })
  const leave = { type: 'remove', member: single.founder(0) } as const
  await t.rejects(single.propose(0, leave, true), { code: 'ERR_TOO_FEW_MEMBERS' })
  const full = new Council(50)
  t.same(codes(full, add), ['ERR_TOO_MANY_MEMBERS'])
  await t.rejects(full.propose(0, add, true), { code: 'ERR_TOO_MANY_MEMBERS' })
})

t.test('what a change would break is checked again when it takes effect', async t => {
  const council = new Council(5)
  const remove = (index: number): MemberChange => ({
    type: 'remove',
    member: council.founder(index)
  })
  const first = await council.vote([0, 1, 2], remove(3))
  const second = await council.vote([0, 1, 2], remove(4))
  await council.approve(3, first)
  council.height += 1
  t.equal(listMembers(council.state).length, 4)
  await t.rejects(council.approve(4, second), { code: 'ERR_TOO_FEW_MEMBERS' })
  t.equal(listMembers(council.state).length, 4)
  t.match(listChanges(council.state), [{ status: 'proposed' }])
})

t.test('a member, name or key that is there already is refused', async t => {
  const council = new Council()
  const [first, second] = council.genesis.members
  const member = described(newcomer)
  const cases: readonly (readonly [string, Partial<GenesisMember>])[] = [
    ['ERR_MEMBER_EXISTS', { operatorKey: first!.operatorKey }],
    ['ERR_NAME_TAKEN', { name: 'Hospital 2' }],
    ['ERR_KEY_TAKEN', { consensusKey: second!.consensusKey }],
    ['ERR_KEY_TAKEN', { consensusKey: second!.checkpointKey }],
    ['ERR_KEY_TAKEN', { checkpointKey: second!.operatorKey.bytes }],
    ['ERR_KEY_TAKEN', { transportKey: second!.transportKey }],
    ['ERR_KEY_TAKEN', { transportKey: member.consensusKey }],
    ['ERR_KEY_TAKEN', { checkpointKey: member.operatorKey.bytes }],
    ['ERR_KEY_INVALID', { consensusKey: new Uint8Array(32) }],
    ['ERR_KEY_INVALID', { transportKey: new Uint8Array(32).fill(0xff) }]
  ]
  for (const [code, fields] of cases) {
    const change = { type: 'add', member: { ...member, ...fields } } as const
    t.ok(codes(council, change).includes(code), `${code} ${Object.keys(fields).join()}`)
    await t.rejects(council.propose(0, change, true), { code })
  }
})

t.test('a recovery key of the genesis is in use', t => {
  const council = new Council()
  const key = signer('recovery').publicKey
  const genesis = { ...council.genesis, recovery: { threshold: 1, keys: [key] } }
  const change = {
    type: 'add',
    member: { ...described(newcomer), transportKey: key.bytes }
  } as const
  t.match(previewChange(council.state, genesis, change).refusals, [{ code: 'ERR_KEY_TAKEN' }])
  t.end()
})

t.test('a member keeps keys in their place, and only there', async t => {
  const council = new Council()
  const [member] = council.genesis.members
  const replace = (keys: Partial<GenesisMember>): MemberChange => ({
    type: 'replace',
    member: council.founder(0),
    keys: { ...member!, ...keys }
  })
  const fresh = ed25519PublicKey(secret('fresh'))
  t.same(codes(council, replace({ consensusKey: fresh })), [])
  t.same(codes(council, replace({})), ['ERR_NOTHING_CHANGES'])
  t.same(codes(council, replace({ consensusKey: member!.checkpointKey })), [
    'ERR_KEY_TAKEN',
    'ERR_KEY_TAKEN'
  ])
  const unknown = { type: 'replace', member: newcomer.id, keys: keysOf(newcomer) } as const
  t.same(codes(council, unknown), ['ERR_UNKNOWN_MEMBER'])
  await t.rejects(council.propose(0, { type: 'remove', member: newcomer.id }, true), {
    code: 'ERR_UNKNOWN_MEMBER'
  })
})

t.test('an approved change holds its keys and name until READY', async t => {
  const council = new Council()
  await council.vote([0, 1, 2], add)
  const other = described(hospital('Other'))
  for (const fields of [
    { name: 'Newcomer' },
    { operatorKey: newcomer.operator.publicKey },
    { transportKey: newcomer.transport.publicKey.bytes }
  ]) {
    t.same(codes(council, { type: 'add', member: { ...other, ...fields } }), ['ERR_CHANGE_OPEN'])
  }
  t.same(codes(council, { type: 'add', member: other }), [])
})
