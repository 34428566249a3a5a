import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { memberId, toHex } from '@vitalchain/core'
import t from 'tap'
import {
  createClient,
  EventsRefusedError,
  signingFetch,
  streamEvents
} from '../../src/client/index.ts'
import { createHttpApi } from '../../src/http/index.ts'
import { operatorSigner } from '../../src/testing/found-network.ts'
import { unitFormat } from '../../src/pool/unit.ts'
import { commit, startService, TOKEN, unitOf } from '../http/service.ts'
import { startPlainProcesses } from '../plain-processes.ts'

startPlainProcesses()

t.test('the types are those of the API as it is', async t => {
  const tool = fileURLToPath(new URL('../../../../tools/generate-client.ts', import.meta.url))
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@vitalchain/source', tool, '--check'],
    { encoding: 'utf8' }
  )
  t.equal(status, 0, stderr)
})

t.test('the client asks a running node', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const url = await api.listen({ port: 0 })
  const client = createClient({ url, token: TOKEN })
  const pump = await service.device('pump')
  const ids: string[] = []

  await t.test('submits, and gets the receipt with the commit', async t => {
    const reading = await pump.read()
    const { data, error, response } = await client.POST('/v1/transactions', {
      params: { header: { prefer: 'wait=20' } },
      body: unitFormat.encode(unitOf(reading)),
      parseAs: 'arrayBuffer'
    })
    t.equal(error, undefined)
    t.equal(response.status, 200)
    const receipt = new Uint8Array(data as ArrayBuffer)
    t.same(receipt, node.receipt(reading.candidate.transaction.id))
    ids.push(toHex(reading.candidate.transaction.id))
  })

  await t.test('reads what the types say', async t => {
    for (let k = 0; k < 3; k++) ids.push(toHex(await commit(service, await pump.read())))
    const blocks = await client.GET('/v1/blocks', { params: { query: { limit: 2 } } })
    t.same(
      blocks.data?.blocks.map(({ height }) => height),
      [node.status().height, node.status().height - 1]
    )
    const page = await client.GET('/v1/transactions', { params: { query: { kind: 'readings' } } })
    t.same(
      page.data?.transactions.map(({ id }) => id),
      ids
    )
    const status = await client.GET('/v1/status')
    t.equal(status.data?.name, 'Hospital 1')
    const [id = ''] = ids
    const found = await client.GET('/v1/transactions/{id}', { params: { path: { id } } })
    t.equal(found.data?.status, 'committed')
  })

  await t.test('a refusal is an error with its code', async t => {
    const id = '00'.repeat(32)
    const { data, error } = await client.GET('/v1/receipts/{id}', { params: { path: { id } } })
    t.equal(data, undefined)
    t.equal(error?.code, 'ERR_NOT_COMMITTED')
    t.equal(error?.retryable, true)
    const stranger = await createClient({ url }).GET('/v1/devices')
    t.equal(stranger.error?.code, 'ERR_UNAUTHORIZED')
  })

  await t.test('events are an iterator, which ends with its signal and takes filters', async t => {
    const ending = new AbortController()
    const seen: string[] = []
    for await (const { data } of streamEvents({
      url,
      token: TOKEN,
      kinds: ['readings'],
      device: toHex(pump.id),
      signal: ending.signal
    })) {
      seen.push(data.id)
      if (seen.length === ids.length) ending.abort()
    }
    t.same(seen, ids)
  })

  await t.test('a fetch that signs takes the place of a token', async t => {
    let time = Date.now()
    const now = (): number => time
    const signed = createHttpApi({ node, token: TOKEN, memberRole: 'none', now })
    t.teardown(() => signed.close())
    const own = await signed.listen({ port: 0 })
    // Nothing is taken that was signed before the node ran for some seconds.
    time += 60_000
    const signer = operatorSigner(service.founded.members[0]!)
    const keyid = `member:${toHex(memberId(signer.publicKey))}`
    const fetch = signingFetch({ signer, keyid, node: node.transportKey, now })
    const asked = createClient({ url: own, fetch })
    const devices = await asked.GET('/v1/devices', { params: { query: { from: 0 } } })
    t.equal(devices.data?.devices.length, 1)
    const sent = await asked.POST('/v1/transactions', {
      params: { header: { prefer: 'wait=20' } },
      body: unitFormat.encode(unitOf(await pump.read())),
      parseAs: 'arrayBuffer'
    })
    t.equal(sent.response.headers.get('content-type'), 'application/cbor', 'the receipt')
    for await (const { id } of streamEvents({ url: own, fetch })) {
      t.equal(id, '1.0')
      break
    }
    const other = signingFetch({ signer, keyid, node: new Uint8Array(32), now })
    const refused = await createClient({ url: own, fetch: other }).GET('/v1/devices')
    t.equal(refused.error?.code, 'ERR_UNAUTHORIZED')
  })

  await t.test(
    'a stream that is refused says why; one whose node is away goes on trying',
    async t => {
      const refused = streamEvents({ url, token: 'nobody' })
      await t.rejects(refused.next(), EventsRefusedError)
      await t.rejects(streamEvents({ url, token: TOKEN, from: '99.7' }).next(), {
        code: 'ERR_CURSOR'
      })
      const ending = new AbortController()
      let attempts = 0
      const away = streamEvents({
        url: 'http://127.0.0.1:1',
        signal: ending.signal,
        onRetry: () => {
          attempts += 1
          if (attempts === 2) ending.abort()
        }
      })
      t.same(await away.next(), { done: true, value: undefined })
    }
  )
})
