import { blockFormat, blockHash, decodeTransaction, toHex } from '@vitalchain/core'
import t from 'tap'
import { unitFormat } from '../../src/pool/unit.ts'
import { ask, bearer, commit, deviceToken, post, startService, unitOf } from './service.ts'

/** What a page may have. */
interface Page {
  readonly blocks: readonly { readonly height: number }[]
  readonly transactions: readonly { readonly id: string }[]
  readonly next: string | number | null
  readonly more: boolean
}

t.test('blocks and transactions in pages', async t => {
  const service = await startService(t, 1)
  const { first } = service
  const { api, node } = first
  const [pump, monitor] = [await service.device('pump'), await service.device('monitor')]
  const ids: string[] = []
  for (let k = 0; k < 7; k++) ids.push(toHex(await commit(service, await pump.read())))
  ids.push(toHex(await commit(service, await monitor.read())))
  const { height, transactions: total } = node.status()
  const headers = bearer()
  const get = async (url: string): Promise<Page> =>
    (await ask(api, 'GET', url, { headers })).json() as object as Page

  await t.test('blocks come downwards from the newest, and upwards, without a gap', async t => {
    const down: number[] = []
    let page = await get('/v1/blocks?limit=3')
    for (;;) {
      down.push(...page.blocks.map(block => block.height))
      if (page.next === null) break
      page = await get(`/v1/blocks?limit=3&before=${page.next}`)
    }
    t.same(
      down,
      Array.from({ length: height }, (_, k) => height - k)
    )
    const up = await get('/v1/blocks?from=2&limit=2')
    t.match(up, { blocks: [{ height: 2 }, { height: 3 }], next: 4 })
    t.same(await get(`/v1/blocks?from=${height + 1}`), { blocks: [], next: null })
    const header = node.ledger.header(2)!
    t.match(up.blocks[0], {
      hash: toHex(blockHash(header)),
      time: header.time,
      proposer: { name: 'Hospital 1' },
      transactions: header.transactionCount,
      stateRoot: toHex(header.stateRoot)
    })
  })

  await t.test(
    'a block has its transactions, and as CBOR it is the block that was decided',
    async t => {
      const block = await get(`/v1/blocks/${height}`)
      t.match(block.transactions.at(-1), { id: ids.at(-1), height, type: 'statement' })
      const raw = await ask(api, 'GET', `/v1/blocks/${height}`, {
        headers: { ...headers, accept: 'application/cbor' }
      })
      t.equal(raw.type, 'application/cbor')
      t.same(blockFormat.decode(raw.bytes).header, node.ledger.header(height))
      t.match(await get(`/v1/blocks/${height + 1}`), { code: 'ERR_NOT_FOUND' })
      t.equal((await ask(api, 'GET', `/v1/blocks/${height}`)).status, 401, 'to readers only')
    }
  )

  await t.test('transactions come in order over any size of pages', async t => {
    for (const limit of [1, 3, 500]) {
      const seen: string[] = []
      let from = '0.0'
      for (;;) {
        const page = await get(`/v1/transactions?from=${from}&limit=${limit}`)
        seen.push(...page.transactions.map(({ id }) => id))
        from = String(page.next)
        if (!page.more) break
      }
      t.equal(seen.length, total)
      t.same(seen.slice(-8), ids)
      t.same((await get(`/v1/transactions?from=${from}`)).transactions, [])
    }
  })

  await t.test('a filter leaves out what was not asked for', async t => {
    const count = async (query: string): Promise<number> =>
      (await get(`/v1/transactions?${query}`)).transactions.length
    const member = node.ledger.validators()[0]!.member
    t.equal(await count('kind=call'), 2)
    t.equal(await count('kind=readings'), 8)
    t.equal(await count('kind=call,readings'), 10)
    t.equal(await count(`device=${toHex(monitor.id)}`), 1)
    t.equal(await count(`kind=call&device=${toHex(monitor.id)}`), 0)
    t.equal(await count(`member=${toHex(member)}`), 10)
    t.equal(await count(`member=${'00'.repeat(32)}`), 0)
    t.equal(await count(`stream=${'00'.repeat(32)}`), 0)
    t.match(await get('/v1/transactions?kind=nothing'), { code: 'ERR_SCHEMA' })
    t.match(await get('/v1/transactions?device=1'), { code: 'ERR_HEX' })
  })

  await t.test('a transaction is found by its identity, waiting and committed', async t => {
    const early = await pump.read()
    const late = await pump.read()
    const id = toHex(late.candidate.transaction.id)
    // It follows one that is not there yet, so it waits.
    t.equal((await post(api, unitFormat.encode(unitOf(late)))).status, 202)
    t.match(await get(`/v1/transactions/${id}`), { status: 'waiting', device: toHex(pump.id) })
    const token = bearer(await deviceToken(first, monitor, 'monitor'))
    const stranger = await ask(api, 'GET', `/v1/transactions/${id}`, { headers: token })
    t.match(stranger.json(), { status: 404, code: 'ERR_NOT_COMMITTED' })
    await commit(service, early)
    await node.committed(late.candidate.transaction.id)
    t.match(await get(`/v1/transactions/${id}`), { status: 'committed', leaf: total + 1, id })
    t.equal((await ask(api, 'GET', `/v1/transactions/${id}`, { headers: token })).status, 403)
    const raw = await ask(api, 'GET', `/v1/transactions/${id}`, {
      headers: { ...headers, accept: 'text/html, application/cbor;q=0.9' }
    })
    t.equal(toHex(decodeTransaction(raw.bytes).id), id)
  })
})

t.test('a sender that waits gets the receipt with the commit', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const pump = await service.device('pump')
  const submit = async (headers: Record<string, string>, reading = pump.read()) => {
    const signed = await reading
    const answer = await post(api, unitFormat.encode(unitOf(signed)), {
      prefer: 'wait=20',
      ...headers
    })
    return { answer, id: signed.candidate.transaction.id }
  }
  const { answer, id } = await submit(bearer())
  t.same([answer.status, answer.type], [200, 'application/cbor'])
  t.same(answer.bytes, node.receipt(id))
  t.equal(answer.headers['preference-applied'], 'wait=20')

  const json = await submit({ ...bearer(), accept: 'application/json' })
  t.equal(json.answer.status, 200)
  t.equal(json.answer.type, 'application/json')

  const stranger = await submit({})
  t.same(stranger.answer.json(), { id: toHex(stranger.id), status: 'committed' })

  const reading = await pump.read()
  const once = await submit(bearer(), Promise.resolve(reading))
  const twice = await submit(bearer(), Promise.resolve(reading))
  t.same(twice.answer.bytes, once.answer.bytes, 'again: the same receipt')
  const impatient = await submit({ ...bearer(), prefer: 'respond-async' }, Promise.resolve(reading))
  t.match(impatient.answer.json(), { code: 'ERR_ALREADY_COMMITTED' }, 'without waiting as ever')
})

t.test(
  'a sender whose transaction is not committed in time is told that it was accepted',
  async t => {
    const service = await startService(t, 1)
    const pump = await service.device('pump')
    await pump.read()
    // The one before never comes.
    const late = await pump.read()
    const answer = await post(service.first.api, unitFormat.encode(unitOf(late)), {
      prefer: 'handling=strict, wait=1'
    })
    t.match(answer.json(), { status: 'accepted' })
    t.equal(answer.status, 202)
  }
)
