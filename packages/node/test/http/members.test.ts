import { proposeArgs, type MemberChange } from '@vitalchain/contracts'
import { memberId, toHex } from '@vitalchain/core'
import t from 'tap'
import { describeMember, memberSecrets } from '../../src/testing/found-network.ts'
import { ask, bearer, openSession, startService, type Member } from './service.ts'
import { testSigner } from '../ledger/fixture.ts'

function preview({ api }: Member, change: MemberChange): ReturnType<typeof ask> {
  return ask(api, 'POST', '/v1/members/preview', {
    headers: { ...bearer(), 'content-type': 'application/cbor' },
    body: proposeArgs({ change, forced: false })
  })
}

t.test('the members, their links and an open change are read by the operator', async t => {
  const { first } = await startService(t)
  const newcomer = memberSecrets('Newcomer')
  const change: MemberChange = { type: 'add', member: describeMember(newcomer) }
  await first.node.call('members.propose', proposeArgs({ change, forced: false }))

  const answer = await ask(first.api, 'GET', '/v1/members', { headers: bearer() })
  t.equal(answer.status, 200)
  t.match(answer.json(), {
    network: toHex(first.node.network),
    height: 1,
    validators: 4,
    quorum: 3,
    faults: 1,
    membership: 'member',
    members: [
      { name: 'Hospital 1', self: true, linked: false, evidence: 0, overrides: 0 },
      { name: 'Hospital 2', self: false },
      { name: 'Hospital 3' },
      { name: 'Hospital 4' }
    ],
    changes: [
      {
        type: 'add',
        name: 'Newcomer',
        member: toHex(memberId(change.member.operatorKey)),
        keys: { consensusKey: toHex(change.member.consensusKey) },
        proposer: 'Hospital 1',
        approvals: ['Hospital 1'],
        needed: 3,
        status: 'proposed',
        forced: false
      }
    ]
  })
  for (const secret of Object.values(newcomer))
    if (secret instanceof Uint8Array) t.notOk(JSON.stringify(answer.json()).includes(toHex(secret)))
})

t.test('a preview tells votes, faults, refusals and who cannot be reached', async t => {
  const service = await startService(t)
  const { first, members } = service
  const add: MemberChange = { type: 'add', member: describeMember(memberSecrets('Newcomer')) }
  const grown = (await preview(first, add)).json()
  t.match(grown, { before: { quorum: 3 }, after: { quorum: 4, faults: 1 }, refusals: [] })
  t.match(grown['warnings'], [{ code: 'quorum-grows' }])

  await Promise.all(members.slice(1).map(({ node }) => node.stop()))
  while (first.node.status().links.length > 0) await new Promise(resolve => setImmediate(resolve))
  const alone = (await preview(first, add)).json()
  t.match(alone, { reachable: ['Hospital 1'], away: ['Hospital 2', 'Hospital 3', 'Hospital 4'] })
  t.match(alone['warnings'], [{ code: 'quorum-grows' }, { code: 'unreachable' }])

  const [, second] = first.node.ledger.validators()
  const shrunk = (await preview(first, { type: 'remove', member: second!.member })).json()
  t.match(shrunk, {
    refusals: [{ code: 'ERR_TOO_FEW_MEMBERS', forcible: true }, { code: 'ERR_FAULTS_FALL' }]
  })
  t.equal(first.node.status().height, 0, 'nothing was proposed')
})

t.test('nobody else reads the members, and a preview takes nothing but a change', async t => {
  const service = await startService(t, 1)
  const { first } = service
  const device = await service.device('device')
  const token = String((await openSession(first, device, testSigner('device'))).json()['token'])
  for (const [method, url] of [
    ['GET', '/v1/members'],
    ['POST', '/v1/members/preview']
  ] as const) {
    const headers = { 'content-type': 'application/cbor' }
    const body = { body: Uint8Array.of(0) }
    const sent = method === 'GET' ? {} : body
    t.match(
      await ask(first.api, method, url, { headers: method === 'GET' ? {} : headers, ...sent }),
      { status: 401 }
    )
    t.match(
      await ask(first.api, method, url, {
        headers: { ...(method === 'GET' ? {} : headers), ...bearer(token) },
        ...sent
      }),
      { status: 403 }
    )
  }
  const headers = { ...bearer(), 'content-type': 'application/cbor' }
  const garbage = await ask(first.api, 'POST', '/v1/members/preview', {
    headers,
    body: Uint8Array.of(0x80)
  })
  t.match(garbage, { status: 400, type: 'application/problem+json' })
  t.equal(garbage.json()['code'], 'ERR_SCHEMA')
})
