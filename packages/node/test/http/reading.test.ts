import t from 'tap'
import { memberId, receiptFormat, sha256, toHex, verifyReceipt } from '@vitalchain/core'
import { callHead, getLane, listMembers } from '@vitalchain/contracts'
import { ask, bearer, commit, deviceToken, startService } from './service.ts'

t.test('reading by HTTP', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const [own, other] = [await service.device('a monitor'), await service.device('a pump')]
  const reading = await own.read()
  const id = await commit(service, reading)
  await commit(service, await other.read())
  const member = listMembers(node.state)[0]!.id
  const ownToken = bearer(await deviceToken(service.first, own, 'a monitor'))
  const otherToken = bearer(await deviceToken(service.first, other, 'a pump'))

  const receipt = `/v1/receipts/${toHex(id)}`
  const payload = `/v1/payloads/${toHex(reading.digest)}`
  const account = `/v1/accounts/${toHex(member)}/head`
  const lane = `/v1/devices/${toHex(own.id)}/lanes/0`
  const unknown = '0'.repeat(64)
  const everything = [receipt, payload, account, lane, '/v1/events']

  await t.test('a stranger reads nothing of the ledger, whether it is there or not', async t => {
    const strangers: Record<string, string>[] = [
      {},
      bearer('x'),
      bearer(`${'0'.repeat(64)}.${'A'.repeat(43)}`),
      { authorization: `Basic ${Buffer.from('operator:operator').toString('base64')}` },
      { cookie: 'token=operator-token-for-tests-0123456789abcdef' }
    ]
    for (const url of [...everything, `/v1/receipts/${unknown}`, '/v1/receipts/not-hex']) {
      for (const headers of strangers) {
        const answer = await ask(api, 'GET', url, { headers })
        t.equal(answer.status, 401, url)
        t.equal(answer.type, 'application/problem+json')
        t.equal(answer.headers['www-authenticate'], 'Bearer')
        t.match(answer.json(), { code: 'ERR_UNAUTHORIZED', retryable: false })
      }
    }
  })

  await t.test('a token in the URL opens nothing', async t => {
    const token = bearer().authorization.slice('Bearer '.length)
    for (const name of ['token', 'access_token', 'authorization']) {
      t.equal((await ask(api, 'GET', `${receipt}?${name}=${token}`)).status, 401)
    }
  })

  await t.test('the operator reads a receipt that verifies against the genesis', async t => {
    const answer = await ask(api, 'GET', receipt, { headers: bearer() })
    t.equal(answer.status, 200)
    t.equal(answer.type, 'application/cbor')
    t.equal(answer.headers['cache-control'], 'no-store')
    const verified = verifyReceipt(answer.bytes, { genesis: node.network })
    t.same(verified.transaction.id, id)
    t.same(receiptFormat.decode(answer.bytes).transaction, reading.candidate.bytes)
  })

  await t.test(
    'the operator reads a payload, byte for byte as the device encrypted it',
    async t => {
      const answer = await ask(api, 'GET', payload, { headers: bearer() })
      t.equal(answer.type, 'application/octet-stream')
      t.same(answer.bytes, reading.payload)
    }
  )

  await t.test("the operator reads a member's newest call and a device's newest place", async t => {
    const head = toHex(callHead(node.state, member)!)
    t.same((await ask(api, 'GET', account, { headers: bearer() })).json(), { head })
    const { boot, seq, head: newest } = getLane(node.state, own.id, 0)!
    const expected = { boot, seq, head: toHex(newest) }
    t.same((await ask(api, 'GET', lane, { headers: bearer() })).json(), expected)
    t.same((await ask(api, 'GET', lane, { headers: ownToken })).json(), expected)
  })

  await t.test('a device reads the receipts of its own statements and of nothing else', async t => {
    t.equal((await ask(api, 'GET', receipt, { headers: ownToken })).status, 200)
    const call = toHex(callHead(node.state, member)!)
    for (const [url, headers] of [
      [receipt, otherToken],
      [`/v1/receipts/${call}`, ownToken],
      [lane, otherToken],
      [payload, ownToken],
      [account, ownToken],
      ['/v1/events', ownToken]
    ] as const) {
      const answer = await ask(api, 'GET', url, { headers })
      t.equal(answer.status, 403, url)
      t.match(answer.json(), { code: 'ERR_FORBIDDEN' })
    }
  })

  await t.test('what is not there is told by its code', async t => {
    const headers = bearer()
    for (const [url, status, code] of [
      [`/v1/receipts/${unknown}`, 404, 'ERR_NOT_COMMITTED'],
      [`/v1/payloads/${unknown}`, 404, 'ERR_NOT_FOUND'],
      [`/v1/accounts/${unknown}/head`, 404, 'ERR_NOT_FOUND'],
      [`/v1/devices/${unknown}/lanes/0`, 404, 'ERR_NOT_FOUND'],
      [`/v1/devices/${toHex(own.id)}/lanes/1`, 404, 'ERR_NOT_FOUND'],
      [`/v1/devices/${toHex(own.id)}/lanes/2`, 400, 'ERR_SCHEMA'],
      ['/v1/receipts/00', 400, 'ERR_HEX'],
      ['/v1/receipts/not-hex', 400, 'ERR_HEX'],
      ['/v1/nothing', 404, 'ERR_NOT_FOUND'],
      [`/v1/receipts/${'0'.repeat(600)}`, 400, 'ERR_REQUEST'],
      ['/v1/receipts/%ff', 400, 'ERR_REQUEST']
    ] as const) {
      const answer = await ask(api, 'GET', url, { headers })
      t.equal(answer.type, 'application/problem+json', url)
      t.match(answer.json(), { code, status }, url)
      t.equal(answer.status, status, url)
    }
    const retryable = (await ask(api, 'GET', `/v1/receipts/${unknown}`, { headers })).json()
    t.equal(retryable['retryable'], true, 'it may be committed yet')
  })

  await t.test('anybody reads the status and the genesis, which name no device', async t => {
    const status = await ask(api, 'GET', '/v1/status')
    t.same(status.json(), JSON.parse(JSON.stringify(node.status())))
    t.notMatch(new TextDecoder().decode(status.bytes), toHex(own.id))
    const genesis = await ask(api, 'GET', '/v1/genesis')
    t.equal(genesis.type, 'application/cbor')
    t.same(sha256(genesis.bytes), node.network, 'its hash is the network id')
    t.equal((await ask(api, 'GET', '/livez')).status, 200)
    t.same(member, memberId(listMembers(node.state)[0]!.operatorKey))
  })

  await t.test('a node that stopped says that it does not run', async t => {
    await node.stop()
    const answer = await ask(api, 'GET', '/v1/status')
    t.equal(answer.status, 503)
    t.equal(answer.headers['retry-after'], '1')
    t.match(answer.json(), { code: 'ERR_NOT_STARTED' })
    t.equal((await ask(api, 'GET', '/livez')).status, 200)
  })
})
