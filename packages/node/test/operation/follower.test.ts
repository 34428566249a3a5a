import { join } from 'node:path'
import { approveArgs, listChanges, listMembers, proposeArgs } from '@vitalchain/contracts'
import { ed25519PublicKey, toHex, verifyReceipt } from '@vitalchain/core'
import t from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import { createLedgerNode, createVoteState } from '../../src/index.ts'
import { signReady } from '../../src/members/ready.ts'
import { peerNameOf, transportPublicKey } from '../../src/network/index.ts'
import { describeMember, memberSecrets, operatorSigner } from '../../src/testing/found-network.ts'
import { bearer, TOKEN } from '../http/service.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { Hospitals } from '../node/disk-hospitals.ts'
import { until } from '../node/wait.ts'

t.test('a follower replicates, serves a device and a reader, and becomes a member', async t => {
  const hospitals = new Hospitals(t)
  const secrets = memberSecrets('E')
  const followers = [peerNameOf(transportPublicKey(secrets.transport))]
  await hospitals.startNew(1, 2, 3)
  await createVoteState(hospitals.dir(0), ed25519PublicKey(hospitals.secrets(0).consensus))
  const host = await hospitals.start(0, { followers })
  const device = new TestDevice({ id: host.network }, 'device')
  await host.registerDevice({ publicKey: device.publicKey, model: 'monitor', firmware: undefined })
  const first = await device.read()
  await host.submit({ transaction: first.candidate.bytes, payload: first.payload })
  await host.committed(first.candidate.transaction.id)

  const dataDir = join(t.testdirName, 'follower')
  const options = { genesis: hospitals.founded.document, dataDir, bootstrap: host.addresses() }
  const follower = createLedgerNode({
    ...options,
    keys: { transport: secrets.transport },
    follow: true
  })
  t.teardown(() => follower.stop())
  await follower.start()
  const api = createHttpApi({ node: follower, token: TOKEN })
  t.teardown(() => api.close())
  await until('it has all there is', () => follower.status().head === host.status().head)
  await until('and all payloads', () => follower.ledger.hasPayload(first.digest))
  t.match(follower.status(), {
    membership: 'follower',
    votes: false,
    links: [hospitals.secrets(0).name]
  })

  const second = await device.read()
  const answer = await follower.deviceDoor.answer(
    {
      type: 'submit',
      request: 1,
      transaction: second.candidate.bytes,
      payload: second.payload
    },
    device.id
  )
  t.match(answer, { type: 'done' })
  const receipt = await follower.committed(second.candidate.transaction.id)
  t.equal(
    verifyReceipt(receipt, { genesis: hospitals.founded.document }).transaction.type,
    'statement'
  )
  for (const k of [0, 1, 2, 3])
    await until('everybody has it with its payload', () =>
      hospitals.node(k).ledger.hasPayload(second.digest)
    )
  const read = await api.app.inject({
    url: `/v1/receipts/${toHex(second.candidate.transaction.id)}`,
    headers: bearer()
  })
  t.equal(read.statusCode, 200)
  t.same(Uint8Array.from(read.rawPayload), follower.receipt(second.candidate.transaction.id))
  t.match((await api.app.inject('/v1/status')).json(), { membership: 'follower' })
  t.equal(host.ledger.validators().length, 4)

  const change = { type: 'add' as const, member: describeMember(secrets) }
  await host.call('members.propose', proposeArgs({ change, forced: false }))
  const id = listChanges(host.state).at(-1)!.id
  for (const k of [1, 2]) {
    await until('it knows the change', () => listChanges(hospitals.node(k).state).length > 0)
    await hospitals.node(k).call('members.approve', approveArgs({ change: id }))
  }
  await until('it is approved', () => follower.status().membership === 'approved')
  await follower.stop()
  await createVoteState(dataDir, ed25519PublicKey(secrets.consensus))
  const operator = operatorSigner(secrets)
  const { transport, consensus } = secrets
  const member = createLedgerNode({
    ...options,
    keys: { transport, consensus, operator },
    follow: true
  })
  t.teardown(() => member.stop())
  await member.start()
  await until('it follows again', () => member.status().head === host.status().head)
  const { height } = member.status()
  await member.call(
    'members.ready',
    await signReady({ ...secrets, operator }, { network: member.network, change: id, height })
  )
  await until('it votes', () => member.status().votes)
  await until('with a link to each', () => member.status().links.length === 4)
  t.equal(listMembers(member.state).length, 5)
  t.match(member.status(), { membership: 'member' })
})

t.test('who is not named is refused, and what is no PeerId is said so', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(1, 2, 3)
  await hospitals.startNew(0)
  await hospitals.commit(0)
  const stranger = createLedgerNode({
    genesis: hospitals.founded.document,
    keys: { transport: memberSecrets('E').transport },
    bootstrap: hospitals.node(0).addresses(),
    follow: true
  })
  t.teardown(() => stranger.stop())
  await stranger.start()
  await hospitals.commit(1)
  t.match(stranger.status(), { height: 0, links: [] })
  const wrong = createLedgerNode({
    genesis: hospitals.founded.document,
    keys: { transport: memberSecrets('F').transport },
    followers: ['nobody']
  })
  await t.rejects(wrong.start(), { code: 'ERR_PEER_ID' })
})
