import t from 'tap'
import { deviceStanding, devices, deviceStateKey, members } from '@vitalchain/contracts'
import {
  blockHash,
  consistencyPathFormat,
  genesisFormat,
  genesisValidators,
  handOversPageFormat,
  hashValidatorSet,
  headersPageFormat,
  laneStateKey,
  noteVerifierKeys,
  rangesJoin,
  receiptFormat,
  receiptFromJson,
  toHex,
  verifyCertificate,
  verifyCompleteness,
  verifyConsistency,
  verifyCoseReceipt,
  verifyReceipt,
  verifyStateProofDocument,
  verifyTlogProof,
  type ValidatorSet
} from '@vitalchain/core'
import { until } from '../node/wait.ts'
import { rota, rotaArgs } from '../ledger/handover.ts'
import {
  ask,
  bearer,
  commit,
  deviceToken,
  startService,
  type Answer,
  type Member
} from './service.ts'

t.test('a stranger follows the headers from the genesis alone, through hand-overs', async t => {
  const service = await startService(t, 4, [rota, members, devices])
  const { api, node } = service.first
  for (const order of [
    [1, 0, 2, 3],
    [3, 2, 1, 0],
    [0, 1, 2, 3]
  ])
    await node.call('rota.set', rotaArgs(order))

  const network = node.network
  const certified = headersPageFormat.decode((await ask(api, 'GET', '/v1/headers?from=1')).bytes)
  t.same(certified.length, node.ledger.head.height)
  const handOvers = handOversPageFormat.decode(
    (await ask(api, 'GET', '/v1/hand-overs?after=0')).bytes
  )
  t.equal(handOvers.length, 3)
  let validators: ValidatorSet = genesisValidators(
    genesisFormat.decode((await ask(api, 'GET', '/v1/genesis')).bytes)
  )
  let previous = network
  for (const [k, { header, certificate }] of certified.entries()) {
    t.equal(header.height, k + 1)
    t.same(header.previous, previous)
    t.same(header.validatorsHash, hashValidatorSet(validators))
    verifyCertificate(certificate, validators, { network, recoveryEpoch: 0 })
    t.same(certificate.blockHash, blockHash(header))
    previous = blockHash(header)
    validators = handOvers.find(each => each.header.height === k + 1)?.validators ?? validators
    t.same(header.nextValidatorsHash, hashValidatorSet(validators))
  }

  await t.test('page by page', async t => {
    const second = await ask(api, 'GET', '/v1/headers?from=2&limit=1')
    t.equal(second.type, 'application/cbor')
    t.same(headersPageFormat.decode(second.bytes), certified.slice(1, 2))
    const first = await ask(api, 'GET', '/v1/headers?from=0&limit=100000')
    t.same(headersPageFormat.decode(first.bytes), certified, 'the limit has a limit')
    const above = await ask(api, 'GET', `/v1/headers?from=${certified.length + 1}`)
    t.same(headersPageFormat.decode(above.bytes), [])
    const later = await ask(api, 'GET', `/v1/hand-overs?after=${handOvers[0]?.header.height ?? 0}`)
    t.same(handOversPageFormat.decode(later.bytes), handOvers.slice(1))
  })

  await t.test('each header continues each earlier one', async t => {
    for (const { header: first } of certified)
      for (const { header: second } of certified.slice(first.height - 1)) {
        const query = `from=${first.history.size}&to=${second.history.size}`
        const { bytes } = await ask(api, 'GET', `/v1/consistency?${query}`)
        const path = consistencyPathFormat.decode(bytes)
        t.ok(verifyConsistency(first.history, second.history, path), query)
      }
  })

  await t.test('what cannot be answered is told by its code', async t => {
    const { size } = node.ledger.head.history
    for (const [url, status, code, retryable] of [
      ['/v1/headers', 400, 'ERR_SCHEMA', false],
      ['/v1/headers?from=-1', 400, 'ERR_SCHEMA', false],
      ['/v1/headers?from=1&from=2', 400, 'ERR_SCHEMA', false],
      ['/v1/headers?from=1&limit=1e3', 400, 'ERR_SCHEMA', false],
      ['/v1/hand-overs?after=x', 400, 'ERR_SCHEMA', false],
      ['/v1/consistency?from=1', 400, 'ERR_SCHEMA', false],
      ['/v1/consistency?from=2&to=1', 404, 'ERR_TREE_RANGE', false],
      [`/v1/consistency?from=1&to=${size + 1}`, 404, 'ERR_TREE_RANGE', true],
      ['/v1/consistency?from=1&to=9007199254740993', 400, 'ERR_SCHEMA', false]
    ] as const) {
      const answer = await ask(api, 'GET', url)
      t.equal(answer.status, status, url)
      t.match(answer.json(), { code, retryable }, url)
    }
  })
})

t.test('what is proved over HTTP', async t => {
  const service = await startService(t, 4, [rota, members, devices])
  const { api, node } = service.first
  const own = await service.device('a monitor')
  const other = await service.device('a pump')
  const ids: Uint8Array[] = []
  for (let k = 0; k < 3; k += 1) ids.push(await commit(service, await own.read()))
  const pin = { size: node.ledger.head.history.size, root: node.ledger.head.history.root }
  for (const order of [
    [3, 2, 1, 0],
    [0, 1, 2, 3]
  ]) {
    await node.call('rota.set', rotaArgs(order))
    ids.push(await commit(service, await own.read()))
  }
  await commit(service, await other.read())
  await Promise.all(service.members.map(each => untilHeight(each, node.ledger.head.height)))
  const ownToken = bearer(await deviceToken(service.first, own, 'a monitor'))
  const genesis = node.network
  const receipt = `/v1/receipts/${toHex(ids[0]!)}`
  const lane = `/v1/devices/${toHex(own.id)}/lanes/0/completeness`
  const record = `/v1/state-proofs/${toHex(deviceStateKey(own.id))}`
  const get = async (url: string, of = service.first): Promise<Answer> =>
    ask(of.api, 'GET', url, { headers: bearer() })

  await t.test('a receipt is renewed against a pin, by any node', async t => {
    for (const member of service.members) {
      const old = (await get(receipt, member)).bytes
      t.equal(verifyReceipt(old, { genesis }).trust, 'genesis-only')
      t.throws(() => verifyReceipt(old, { genesis, pin }), { code: 'ERR_PIN_UNPROVEN' })
      const renewed = (await get(`${receipt}?pin=${pin.size}`, member)).bytes
      const proven = verifyReceipt(renewed, { genesis, pin })
      t.equal(proven.trust, `pinned@${pin.size}`)
      t.equal(proven.handOvers, 2)
      t.same(proven.header, node.ledger.header(node.ledger.head.height))
      t.throws(() => verifyReceipt(renewed, { genesis, pin: { ...pin, root: genesis } }), {
        code: 'ERR_PIN'
      })
    }
    const newest = (await get(`${receipt}?renew=1`)).bytes
    t.equal(verifyReceipt(newest, { genesis }).header.height, node.ledger.head.height)
    const later = await get(`/v1/receipts/${toHex(ids.at(-1)!)}?pin=${pin.size}`)
    const proven = verifyReceipt(later.bytes, { genesis, pin })
    t.equal(proven.header.height, node.ledger.heightOf(proven.index), 'its own block is enough')
    t.equal(proven.trust, 'genesis-only', 'what came behind the pin is only consistent with it')
    const pinned = { ...pin, validators: hashValidatorSet(node.ledger.validators(1)) }
    t.equal(verifyReceipt(later.bytes, { genesis, pin: pinned }).trust, `pinned@${pin.size}`)
  })

  await t.test('a receipt in JSON is the same receipt', async t => {
    const answer = await get(`${receipt}?form=json&pin=${pin.size}`)
    t.equal(answer.type, 'application/json')
    const bytes = receiptFromJson(new TextDecoder().decode(answer.bytes))
    t.same(bytes, (await get(`${receipt}?form=cbor&pin=${pin.size}`)).bytes)
  })

  await t.test(
    'a state proof tells that a device is registered, or that there is none',
    async t => {
      const answer = await get(`${record}?pin=${pin.size}`)
      t.equal(answer.type, 'application/cbor')
      const proven = verifyStateProofDocument(answer.bytes, { genesis, pin })
      t.equal(deviceStanding(proven, own.id).type, 'registered')
      const absent = await get(`/v1/state-proofs/${toHex(deviceStateKey(genesis))}`)
      t.equal(
        deviceStanding(verifyStateProofDocument(absent.bytes, { genesis }), genesis).type,
        'unregistered'
      )
    }
  )

  await t.test(
    'a completeness proof shows every statement of a lane, and that it is all',
    async t => {
      const whole = verifyCompleteness((await get(lane)).bytes, { genesis })
      t.same(
        whole.statements.map(({ id }) => id),
        ids
      )
      t.ok(whole.fromStart && whole.toHead)
      const [first, last] = ['0.0', '0.2']
      const part = await get(`${lane}?to=${last}&pin=${pin.size}`)
      const proven = verifyCompleteness(part.bytes, { genesis, pin })
      t.same(proven.to, { boot: 0, seq: 2 })
      t.notOk(proven.toHead)
      t.equal(proven.trust, `pinned@${pin.size}`)
      const rest = verifyCompleteness((await get(`${lane}?from=0.3`)).bytes, { genesis })
      t.notOk(rest.fromStart)
      t.ok(rangesJoin(proven, rest))
      t.equal((await get(`${lane}?from=${first}&to=${first}`)).status, 200)
    }
  )

  await t.test('a device gets the proofs of what is its own and of nothing else', async t => {
    for (const url of [receipt, `${receipt}?form=json`, record, lane])
      t.equal((await ask(api, 'GET', url, { headers: ownToken })).status, 200, url)
    const laneRecord = `/v1/state-proofs/${toHex(laneStateKey(own.id, 0))}`
    t.equal((await ask(api, 'GET', laneRecord, { headers: ownToken })).status, 200)
    const otherReceipt = await get(`/v1/devices/${toHex(other.id)}/lanes/0`)
    for (const url of [
      `/v1/receipts/${String(otherReceipt.json()['head'])}`,
      `/v1/receipts/${String(otherReceipt.json()['head'])}?form=tlog-proof`,
      `/v1/state-proofs/${toHex(deviceStateKey(other.id))}`,
      `/v1/state-proofs/${toHex(laneStateKey(other.id, 0))}`,
      '/v1/state-proofs/00',
      `/v1/devices/${toHex(other.id)}/lanes/0/completeness`
    ])
      t.equal((await ask(api, 'GET', url, { headers: ownToken })).status, 403, url)
    for (const url of [receipt, record, lane])
      t.equal((await ask(api, 'GET', url)).status, 401, url)
  })

  await t.test(
    'generic tools get the proof in their forms, once a checkpoint covers it',
    async t => {
      const { size } = node.ledger.head.history
      await until('a quorum cosigned', () => (node.checkpoints.latest()?.size ?? 0) >= size)
      const trust = { network: genesis, validators: node.ledger.validators() }
      const { transaction } = receiptFormat.decode((await get(receipt)).bytes)
      const text = await ask(api, 'GET', `${receipt}?form=tlog-proof`, { headers: ownToken })
      t.equal(text.type, 'text/plain; charset=utf-8')
      const proven = verifyTlogProof(new TextDecoder().decode(text.bytes), transaction, trust)
      t.same(proven.extra, transaction, 'the file is complete')
      for (const member of proven.signers) {
        const cose = await get(`${receipt}?form=cose&member=${toHex(member)}`)
        t.equal(cose.type, 'application/scitt-receipt+cose')
        t.same(verifyCoseReceipt(cose.bytes, transaction, trust).member, member)
      }
      t.equal((await get(`${receipt}?form=cose`)).status, 200)
      const nobody = await get(`${receipt}?form=cose&member=${toHex(genesis)}`)
      t.equal(nobody.status, 404)
      t.match(nobody.json(), { code: 'ERR_NO_CHECKPOINT', retryable: true })
      const keys = await ask(api, 'GET', '/checkpoint/keys')
      t.equal(
        new TextDecoder().decode(keys.bytes),
        `${noteVerifierKeys(genesis, trust.validators).join('\n')}\n`
      )
    }
  )

  await t.test('what cannot be proved is told by its code', async t => {
    const { size } = node.ledger.head.history
    for (const [url, status, code, retryable] of [
      [`${receipt}?form=pdf`, 400, 'ERR_SCHEMA', false],
      [`${receipt}?form=cbor&form=json`, 400, 'ERR_SCHEMA', false],
      [`${receipt}?pin=x`, 400, 'ERR_SCHEMA', false],
      [`${receipt}?pin=${size + 1}`, 404, 'ERR_TREE_RANGE', true],
      [`${receipt}?form=cose&member=00`, 400, 'ERR_HEX', false],
      [`${record}?pin=${size + 1}`, 404, 'ERR_TREE_RANGE', true],
      ['/v1/state-proofs/xyz', 400, 'ERR_HEX', false],
      [`/v1/state-proofs/${'00'.repeat(257)}`, 400, 'ERR_REQUEST', false],
      [`${lane}?from=7`, 400, 'ERR_SCHEMA', false],
      [`${lane}?from=4294967296.0`, 400, 'ERR_SCHEMA', false],
      [`${lane}?from=1.0`, 404, 'ERR_NOT_FOUND', false],
      [`${lane}?from=0.2&to=0.1`, 404, 'ERR_NOT_FOUND', false],
      [`${lane}?pin=${size + 1}`, 404, 'ERR_TREE_RANGE', true],
      [`/v1/devices/${toHex(own.id)}/lanes/1/completeness`, 404, 'ERR_NOT_FOUND', false],
      [`/v1/devices/${toHex(own.id)}/lanes/2/completeness`, 400, 'ERR_SCHEMA', false]
    ] as const) {
      const answer = await get(url)
      t.equal(answer.status, status, url)
      t.match(answer.json(), { code, retryable }, url)
    }
  })
})

async function untilHeight({ node }: Member, height: number): Promise<void> {
  if (node.ledger.head.height >= height) return
  for await (const event of node.events()) if (event.height >= height) return
}
