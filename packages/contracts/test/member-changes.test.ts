import { genesisValidators, memberId, quorum, type ValidatorSet } from '@vitalchain/core'
import {
  callHead,
  candidates,
  CHANGE_TERM_MS,
  CHANGES_PER_PROPOSER_MAX,
  getDevice,
  getMember,
  listChanges,
  listMembers,
  MEMBER_CALLS_PER_BLOCK_MAX,
  READY_BLOCKS_MAX,
  revokeDeviceArgs,
  validatorsAt
} from '@vitalchain/contracts'
import t from 'tap'
import { signer } from './fixture.ts'
import { Council, described, hospital, keysOf } from './members-fixture.ts'

const newcomer = hospital('Newcomer')
const add = { type: 'add', member: described(newcomer) } as const

function names(council: Council): readonly string[] {
  return listMembers(council.state).map(each => each.name)
}

/** The validators that the rules give for the next height. */
function validators(council: Council): ValidatorSet {
  return council.rules.validators(council.state)
}

t.test('a newcomer is a validator from the height after its READY on, and not before', async t => {
  const council = new Council()
  council.height = 20
  const id = await council.vote([0, 1, 2], add)
  t.equal(validators(council).length, 4, 'approved is not yet in force')
  council.height = 21
  await council.ready(newcomer, id)
  t.same(names(council).at(-1), 'Newcomer')
  const set = validators(council)
  t.equal(set.length, 5)
  t.match(set[4], {
    member: newcomer.id,
    consensusKey: newcomer.consensus.publicKey.bytes,
    checkpointKey: newcomer.checkpoint.publicKey.bytes
  })
  t.same(listChanges(council.state), [])
  t.same(candidates(council.state), [])
  t.equal(validatorsAt(council.state, 21)?.length, 4)
  t.equal(validatorsAt(council.state, 22)?.length, 5)
})

t.test('a change waits for the approvals of a quorum, the proposal being one', async t => {
  const council = new Council()
  const id = await council.propose(0, add)
  t.match(listChanges(council.state), [
    {
      id,
      change: { type: 'add', member: { name: 'Newcomer' } },
      forced: false,
      proposer: council.founder(0),
      proposedHeight: 1,
      approvals: [council.founder(0)],
      needed: 3,
      status: 'proposed'
    }
  ])
  await council.approve(1, id)
  t.same(candidates(council.state), [])
  await t.rejects(council.ready(newcomer, id), { code: 'ERR_AUTHOR_UNKNOWN' })
  await t.rejects(council.ready(newcomer, id, { by: 0 }), { code: 'ERR_NOT_APPROVED' })
  await council.approve(3, id)
  t.match(listChanges(council.state), [{ status: 'approved' }])
  t.match(candidates(council.state), [{ id: newcomer.id, name: 'Newcomer' }])
})

t.test('an approved newcomer that never comes up does not raise the quorum', async t => {
  const council = new Council()
  await council.vote([0, 1, 2], add)
  council.height += 1_000_000
  t.equal(quorum(validators(council).length), 3)
})

t.test('only members propose and approve, each once', async t => {
  const council = new Council()
  await t.rejects(council.propose(newcomer, add), { code: 'ERR_AUTHOR_UNKNOWN' })
  const id = await council.propose(0, add)
  await t.rejects(council.approve(0, id), { code: 'ERR_ALREADY_APPROVED' })
  await t.rejects(council.approve(newcomer, id), { code: 'ERR_AUTHOR_UNKNOWN' })
  await t.rejects(council.approve(1, new Uint8Array(32)), { code: 'ERR_CHANGE_UNKNOWN' })
  await council.approve(1, id)
  await council.approve(2, id)
  await t.rejects(council.propose(newcomer, { type: 'remove', member: council.founder(0) }), {
    code: 'ERR_NOT_A_MEMBER'
  })
  await t.rejects(council.approve(newcomer, id), { code: 'ERR_NOT_A_MEMBER' })
})

t.test('an approved newcomer may say READY and nothing else', async t => {
  const council = new Council()
  const id = await council.vote([0, 1, 2], add)
  await t.rejects(council.register(signer('device'), newcomer.operator), {
    code: 'ERR_NOT_A_MEMBER'
  })
  await t.rejects(council.withdraw(newcomer, id), { code: 'ERR_NOT_A_MEMBER' })
  await council.ready(newcomer, id)
  await council.register(signer('device'), newcomer.operator)
})

t.test('READY needs the signatures of all keys that vote or decide', async t => {
  const council = new Council()
  council.height = 50
  const id = await council.vote([0, 1, 2], add)
  const wrong = await council.proofs(hospital('Impostor'), id)
  for (const proof of ['consensus', 'checkpoint', 'operator'] as const) {
    await t.rejects(
      council.ready(newcomer, id, { [proof]: wrong[proof] }),
      { code: 'ERR_READY_PROOF' },
      proof
    )
  }
  const other = await council.proofs(newcomer, id, 48)
  await t.rejects(council.ready(newcomer, id, other), { code: 'ERR_READY_PROOF' }, 'other height')
  const otherChange = await council.proofs(newcomer, new Uint8Array(32))
  await t.rejects(council.ready(newcomer, id, otherChange), { code: 'ERR_READY_PROOF' })
  await council.ready(newcomer, id, { operator: undefined })
})

t.test("a member hands in a newcomer's READY only with its operator's proof", async t => {
  const council = new Council()
  const id = await council.vote([0, 1, 2], add)
  await t.rejects(council.ready(newcomer, id, { by: 3, operator: undefined }), {
    code: 'ERR_READY_PROOF'
  })
  await council.ready(newcomer, id, { by: 3 })
  t.equal(names(council).length, 5)
})

t.test('a READY that is old, or of a height to come, is refused', async t => {
  const council = new Council()
  council.height = 500
  const id = await council.vote([0, 1, 2], add)
  for (const height of [501, 500 - READY_BLOCKS_MAX - 1]) {
    await t.rejects(council.ready(newcomer, id, { height }), { code: 'ERR_READY_HEIGHT' })
  }
  await council.ready(newcomer, id, { height: 500 - READY_BLOCKS_MAX })
  await t.rejects(council.ready(newcomer, id), { code: 'ERR_CHANGE_UNKNOWN' }, 'once')
})

t.test('a removal takes effect with its last approval', async t => {
  const council = new Council(5)
  const leaving = council.founder(1)
  const id = await council.vote([0, 2, 3], { type: 'remove', member: leaving })
  t.equal(validators(council).length, 5, 'three of five are no quorum')
  await council.approve(1, id)
  t.same(
    validators(council).map(each => each.member),
    [0, 2, 3, 4].map(index => council.founder(index))
  )
  t.equal(getMember(council.state, leaving), undefined)
  t.equal(validatorsAt(council.state, 1)?.length, 5)
  t.equal(validatorsAt(council.state, 2)?.length, 4)
})

t.test('a removed member makes no call, and its devices stay', async t => {
  const council = new Council(5)
  const device = signer('device')
  const id = await council.register(device, council.operatorOf(1))
  const proposed = await council.propose(1, add)
  await council.vote([0, 2, 3, 4], { type: 'remove', member: council.founder(1) })
  await t.rejects(council.approve(1, proposed), { code: 'ERR_NOT_A_MEMBER' })
  await t.rejects(council.register(signer('other'), council.operatorOf(1)), {
    code: 'ERR_NOT_A_MEMBER'
  })
  council.apply(await council.sign(device, council.readings(device)))
  const revoke = revokeDeviceArgs({ device: id })
  const own = await council.call(council.operatorOf(1), 'devices.revoke', revoke)
  t.throws(() => council.apply(own), { code: 'ERR_NOT_A_MEMBER' })
  council.apply(await council.call(council.operatorOf(0), 'devices.revoke', revoke))
  t.equal(getDevice(council.state, id)?.revokedHeight, council.height)
  t.same(listChanges(council.state), [], 'nobody else approves what it proposed')
})

t.test('an approved change waits for approvals again when its approvers are removed', async t => {
  const council = new Council(7)
  const id = await council.vote([0, 1, 2, 3, 4], add)
  await council.vote([2, 3, 4, 5, 6], { type: 'remove', member: council.founder(0) }, true)
  t.match(
    listChanges(council.state),
    [{ status: 'approved', needed: 4 }],
    'four are a quorum of six'
  )
  council.height += 1
  await council.vote([2, 3, 4, 5], { type: 'remove', member: council.founder(1) })
  t.match(listChanges(council.state), [{ status: 'proposed', needed: 4 }])
  await t.rejects(council.ready(newcomer, id), { code: 'ERR_NOT_A_MEMBER' })
  await t.rejects(council.ready(newcomer, id, { by: 2 }), { code: 'ERR_NOT_APPROVED' })
  await council.approve(5, id)
  council.height += 1
  await council.ready(newcomer, id)
})

t.test('the approvals of a former member do not come back with it', async t => {
  const council = new Council(5)
  const id = await council.vote([0, 1], add)
  await council.vote([0, 2, 3, 4], { type: 'remove', member: council.founder(1) })
  council.height += 1
  const back = { ...hospital('Back', 1), id: council.founder(1), operator: council.operatorOf(1) }
  await council.join(back, [0, 2, 3])
  t.same(
    listChanges(council.state).map(each => [each.id, each.approvals]),
    [[id, [council.founder(0)]]]
  )
})

t.test('a former member returns under its identifier, and its old calls stay made', async t => {
  const council = new Council(5)
  const first = await council.call(council.operatorOf(1), 'members.propose', new Uint8Array([0x80]))
  const device = signer('device')
  const register = await council.register(device, council.operatorOf(1))
  const head = callHead(council.state, council.founder(1))
  await council.vote([0, 2, 3, 4], { type: 'remove', member: council.founder(1) })
  council.height += 1
  const member = { ...council.genesis.members[1]!, name: 'Back again' }
  const id = await council.vote([0, 2, 3], { type: 'add', member })
  const of = { ...hospital('x'), id: council.founder(1), operator: council.operatorOf(1) }
  t.same(callHead(council.state, council.founder(1)), head)
  t.throws(() => council.apply(first), { code: 'ERR_NOT_A_MEMBER' })
  const keys = {
    ...of,
    consensus: signer('consensus 1'),
    checkpoint: signer('checkpoint 1'),
    transport: signer('transport 1')
  }
  await council.ready(keys, id)
  t.equal(names(council).at(-1), 'Back again', 'at the end of the order')
  t.ok(register)
  t.throws(() => council.apply(first), { code: 'ERR_CHAIN_AHEAD' })
})

t.test('keys are replaced with READY by the new ones; identifier, name and place stay', async t => {
  const council = new Council()
  await council.join(newcomer, [0, 1, 2])
  const next = hospital('Newcomer', 1, 1)
  const change = { type: 'replace', member: newcomer.id, keys: keysOf(next) } as const
  const id = await council.vote([newcomer, 0, 1, 2], change)
  t.match(candidates(council.state), [
    { id: newcomer.id, name: 'Newcomer', consensusKey: next.consensus.publicKey.bytes }
  ])
  t.match(validators(council)[4], { consensusKey: newcomer.consensus.publicKey.bytes })
  await council.ready(next, id, { by: newcomer })
  t.match(validators(council)[4], {
    member: newcomer.id,
    consensusKey: next.consensus.publicKey.bytes
  })
  t.match(validatorsAt(council.state, council.height)?.[4], {
    consensusKey: newcomer.consensus.publicKey.bytes
  })
  await t.rejects(council.propose(newcomer, add), { code: 'ERR_SIGNATURE' }, 'the old key')
  await council.propose(next, { type: 'remove', member: council.founder(3) })
})

t.test("a member that lost its operator's key gets a new one by the others' vote", async t => {
  const council = new Council()
  await council.join(newcomer, [0, 1, 2])
  const next = hospital('Newcomer', 0, 1)
  const change = { type: 'replace', member: newcomer.id, keys: keysOf(next) } as const
  const id = await council.vote([0, 1, 2, 3], change)
  await t.rejects(council.ready(next, id, { by: 0, operator: undefined }), {
    code: 'ERR_READY_PROOF'
  })
  await council.ready(next, id, { by: 0 })
  await council.propose(next, { type: 'remove', member: council.founder(3) })
  await t.rejects(council.withdraw(newcomer, id), { code: 'ERR_SIGNATURE' }, 'the old key')
})

t.test(
  'an approval is taken back, also after the quorum; the last one closes the change',
  async t => {
    const council = new Council()
    const id = await council.vote([0, 1, 2], add)
    await t.rejects(council.withdraw(3, id), { code: 'ERR_NOT_APPROVED' })
    await council.withdraw(0, id)
    t.match(listChanges(council.state), [{ status: 'proposed' }])
    await t.rejects(council.ready(newcomer, id), { code: 'ERR_NOT_A_MEMBER' })
    await t.rejects(council.ready(newcomer, id, { by: 0 }), { code: 'ERR_NOT_APPROVED' })
    await council.approve(3, id)
    t.match(listChanges(council.state), [{ status: 'approved' }], 'without its proposer')
    for (const by of [1, 2, 3]) await council.withdraw(by, id)
    t.same(listChanges(council.state), [])
    await t.rejects(council.approve(1, id), { code: 'ERR_CHANGE_UNKNOWN' })
  }
)

t.test('approvals count against the members of the moment', async t => {
  const council = new Council(5)
  const id = await council.vote([0, 1, 2], add)
  await council.vote([0, 1, 2, 3], { type: 'remove', member: council.founder(4) })
  t.match(listChanges(council.state), [{ status: 'proposed', needed: 3 }])
  await council.approve(0, id)
  t.match(listChanges(council.state), [{ status: 'approved' }], 'counted again on demand')
})

t.test('a change that waited for thirty days is over', async t => {
  const council = new Council()
  const id = await council.vote([0, 1, 2], add)
  council.time += CHANGE_TERM_MS - 1
  const other = hospital('Other')
  await council.propose(1, { type: 'add', member: described(other) })
  t.equal(listChanges(council.state).length, 2)
  council.time += 1
  await t.rejects(council.ready(newcomer, id), { code: 'ERR_CHANGE_UNKNOWN' })
  await council.propose(2, { type: 'remove', member: council.founder(3) }, true)
  t.same(
    listChanges(council.state).map(each => each.change.type),
    ['add', 'remove'],
    'the first is gone'
  )
  t.same(candidates(council.state), [])
  await t.rejects(council.ready(newcomer, id), { code: 'ERR_NOT_A_MEMBER' }, 'account closed')
})

t.test('a proposer has few changes open, and takes no room from others', async t => {
  const council = new Council()
  const propose = (by: number, k: number): Promise<Uint8Array> =>
    council.propose(by, { type: 'add', member: described(hospital(`Clinic ${k}`)) })
  const ids = []
  for (let k = 0; k < CHANGES_PER_PROPOSER_MAX; k += 1) ids.push(await propose(0, k))
  await t.rejects(propose(0, 99), { code: 'ERR_CHANGES_OPEN' })
  await t.rejects(propose(1, 0), { code: 'ERR_CHANGE_OPEN' }, 'the same one again')
  await propose(1, 100)
  await council.withdraw(0, ids[0]!)
  await propose(0, 99)
})

t.test('at most f changes of members, and at least one, take effect in a block', async t => {
  const council = new Council()
  const [one, two] = [hospital('One'), hospital('Two')]
  const first = await council.vote([0, 1, 2], { type: 'add', member: described(one) })
  const second = await council.vote([0, 1, 2], { type: 'add', member: described(two) })
  await council.ready(one, first)
  await t.rejects(council.ready(two, second), { code: 'ERR_CHANGES_IN_BLOCK', retryable: true })
  council.height += 1
  await council.ready(two, second)
  const large = new Council(7)
  const clinics = [hospital('A'), hospital('B'), hospital('C')]
  const ids = []
  for (const each of clinics)
    ids.push(await large.vote([0, 1, 2, 3, 4], { type: 'add', member: described(each) }))
  await large.ready(clinics[0]!, ids[0]!)
  await large.ready(clinics[1]!, ids[1]!)
  await t.rejects(large.ready(clinics[2]!, ids[2]!), { code: 'ERR_CHANGES_IN_BLOCK' })
  t.equal(validatorsAt(large.state, large.height)?.length, 7)
  t.equal(validatorsAt(large.state, large.height + 1)?.length, 9)
})

t.test('a member makes few calls of members in a block', async t => {
  const council = new Council()
  const id = await council.propose(0, add)
  for (let calls = 0; calls < MEMBER_CALLS_PER_BLOCK_MAX; calls += 2) {
    await council.approve(1, id)
    await council.withdraw(1, id)
  }
  await t.rejects(council.approve(1, id), { code: 'ERR_CHANGES_IN_BLOCK', retryable: true })
  await council.approve(2, id)
  council.height += 1
  await council.approve(1, id)
  t.match(listChanges(council.state), [{ status: 'approved' }])
})

t.test("a faulty member's proposal of the same keys is not in the way of the quorum's", async t => {
  const council = new Council()
  const stolen = { ...described(newcomer), name: 'Squatter' }
  await council.propose(3, { type: 'add', member: stolen })
  const id = await council.vote([0, 1, 2], add)
  t.equal(listChanges(council.state).length, 1, 'the rival is closed by the approval')
  await t.rejects(council.propose(3, { type: 'add', member: stolen }), {
    code: 'ERR_CHANGE_OPEN'
  })
  await council.ready(newcomer, id)
})

t.test('a member whose approved new keys never come is removable', async t => {
  const council = new Council(5)
  const next = hospital('Next')
  const keys = keysOf(next)
  await council.vote([0, 1, 2, 3], { type: 'replace', member: council.founder(4), keys })
  await council.vote([0, 1, 2, 3], { type: 'remove', member: council.founder(4) })
  t.same(listChanges(council.state), [])
  t.same(candidates(council.state), [])
})

t.test('a removal under way is not closed by the approval of other keys', async t => {
  const council = new Council(5)
  const member = council.founder(4)
  const removal = await council.vote([0, 1, 2], { type: 'remove', member })
  const keys = keysOf(hospital('Next'))
  await council.vote([4, 1, 2, 3], { type: 'replace', member, keys })
  t.match(listChanges(council.state), [{ id: removal }, { status: 'approved' }])
  await council.approve(3, removal)
  t.same([getMember(council.state, member), listChanges(council.state)], [undefined, []])
})

t.test('past validator sets are kept for a hundred thousand blocks', async t => {
  const council = new Council()
  council.height = 10
  await council.join(newcomer, [0, 1, 2])
  t.same(validatorsAt(council.state, 10), genesisValidators(council.genesis), 'the founders')
  council.height = 10 + 100_000
  await council.vote([0, 1, 2, 3], { type: 'remove', member: newcomer.id })
  t.equal(validatorsAt(council.state, 10)?.length, 4)
  t.equal(validatorsAt(council.state, 11)?.length, 5)
  council.height += 1
  await council.join(hospital('Late'), [0, 1, 2])
  t.equal(validatorsAt(council.state, 10), undefined)
  t.equal(validatorsAt(council.state, 11)?.length, 5)
  t.equal(validatorsAt(council.state, 100_011)?.length, 4)
  t.equal(validatorsAt(council.state, 100_012)?.length, 5)
  t.same(memberId(newcomer.operator.publicKey), newcomer.id)
})
