import { createHash, randomUUID } from 'node:crypto'
import { createSigner, memberId, toHex, utf8, verifySignature, type Signer } from '@vitalchain/core'
import { httpbis } from 'http-message-signatures'
import t from 'tap'
import { createHttpApi, type HttpApi } from '../../src/http/index.ts'
import { signatureTag } from '../../src/http/request-signatures.ts'
import { signatureBase } from '../../src/http/signature-base.ts'
import { operatorSigner } from '../../src/testing/found-network.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { TestDevice, testNetwork, testSigner } from '../ledger/fixture.ts'
import { TOKEN, unitOf } from './service.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

t.test('the signature base is that of RFC 9421: its Ed25519 example verifies (B.2.6)', async t => {
  const bytes = Buffer.from('JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs', 'base64url')
  const components = '"date" "@method" "@path" "@authority" "content-type" "content-length"'
  const base = signatureBase(
    {
      method: 'POST',
      url: '/foo?param=Value&Pet=dog',
      protocol: 'https',
      headers: {
        host: 'example.com',
        date: 'Tue, 20 Apr 2021 02:07:55 GMT',
        'content-type': 'application/json',
        'content-length': '18'
      }
    },
    components.split(' '),
    `(${components});created=1618884473;keyid="test-key-ed25519"`
  )
  const signature = Buffer.from(
    'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==',
    'base64'
  )
  const key = { algorithm: 'ed25519', bytes: new Uint8Array(bytes) } as const
  t.ok(verifySignature(key, base, new Uint8Array(signature)))
  base[0]! ^= 1
  t.notOk(verifySignature(key, base, new Uint8Array(signature)))
})

/** How a request is signed, and with what a test changes of it. */
interface Signing {
  readonly signer: Signer
  readonly keyid: string
  readonly tag: string
  readonly fields?: string[]
  readonly created?: number
  readonly nonce?: string
  readonly params?: string[]
}

type Signed = Readonly<Record<string, string | string[]>>

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
}

/** The headers of a signed request, made by a library that other people wrote. */
async function sign(
  { method, url, headers = {} }: Asked,
  { signer, keyid, tag, fields, created = NOW_MS, nonce = randomUUID(), params }: Signing
): Promise<Signed> {
  const signed = await httpbis.signMessage(
    {
      key: {
        id: keyid,
        alg: signer.publicKey.algorithm === 'ed25519' ? 'ed25519' : 'ecdsa-p256-sha256',
        sign: async data => Buffer.from(await signer.sign(new Uint8Array(data)))
      },
      fields: fields ?? ['@method', '@path', ...(url.includes('?') ? ['@query'] : [])],
      params: params ?? ['created', 'keyid', 'alg', 'nonce', 'tag'],
      paramValues: { created: new Date(created), nonce, tag }
    },
    { method, url: `http://node${url}`, headers: { host: 'node', ...headers } }
  )
  return signed.headers
}

async function send(api: HttpApi, asked: Asked, headers: Signed) {
  const { method, url, body } = asked
  const answer = await api.app.inject({
    method,
    url,
    headers,
    ...(body === undefined ? {} : { payload: Buffer.from(body) })
  })
  return { status: answer.statusCode, code: () => String(answer.json()['code']), json: answer }
}

t.test('requests signed with keys of the ledger', async t => {
  const network = await createTestNetwork({ validators: 2 })
  let now = NOW_MS
  const node = network.nodes[0]!
  let started = NOW_MS - 60_000
  /** An API that was made a minute ago. */
  const make = (memberRole: 'none' | 'monitor' | 'reader'): HttpApi => {
    const [time, at] = [now, started]
    now = at
    const api = createHttpApi({ node, token: TOKEN, memberRole, now: () => now })
    now = time
    return api
  }
  const api = make('monitor')
  t.teardown(() => network.stop())
  const [own, other] = network.founded.members.map(secrets => {
    const signer = operatorSigner(secrets)
    return { signer, keyid: `member:${toHex(memberId(signer.publicKey))}` }
  })
  const tag = signatureTag(node.transportKey)
  const members = { method: 'GET', url: '/v1/members' } as const
  const devices = { method: 'GET', url: '/v1/devices?from=0' } as const

  await t.test(
    "the own member's operator is an operator, others have the role that they are given",
    async t => {
      const status = async (asked: Asked, who: typeof own, at = api): Promise<number> =>
        (await send(at, asked, await sign(asked, { ...who!, tag }))).status
      t.equal(await status(devices, own), 200)
      t.equal(await status(members, other), 200)
      t.equal(await status(devices, other), 403)
      t.equal(await status(devices, other, make('reader')), 200)
      t.equal(await status(members, other, make('none')), 401)
    }
  )

  await t.test('a device reads its own, with a key of either algorithm', async t => {
    const device = new TestDevice({ ...testNetwork(), id: node.network }, 'pump')
    await node.registerDevice({ publicKey: device.publicKey, model: 'Pump', firmware: undefined })
    const reading = await device.read()
    await node.submit(unitOf(reading))
    await node.committed(reading.candidate.transaction.id)
    const es256 = createSigner('es256', new Uint8Array(32).fill(9))
    const second = await node.registerDevice({
      publicKey: es256.publicKey,
      model: 'Monitor',
      firmware: undefined
    })
    t.ok(second.length > 0)
    const id = toHex(device.id)
    const lane = { method: 'GET', url: `/v1/devices/${id}/lanes/0` } as const
    const pump = { signer: testSigner('pump'), keyid: `device:${id}`, tag }
    t.equal((await send(api, lane, await sign(lane, pump))).status, 200)
    t.equal((await send(api, devices, await sign(devices, pump))).status, 403)
    const { devices: all } = JSON.parse(
      (await send(api, devices, await sign(devices, { ...own!, tag }))).json.body
    ) as { devices: { id: string; key: { algorithm: string } }[] }
    const other = all.find(({ key }) => key.algorithm === 'es256')!
    const own2 = { method: 'GET', url: `/v1/devices/${other.id}/lanes/0` } as const
    const monitor = { signer: es256, keyid: `device:${other.id}`, tag }
    const answer = await send(api, own2, await sign(own2, monitor))
    t.same([answer.status, answer.code()], [404, 'ERR_NOT_FOUND'], 'it has no statement yet')
    t.equal((await send(api, lane, await sign(lane, monitor))).status, 403)
  })

  await t.test('a signature is refused that', async t => {
    const refused = async (what: string, headers: Signed, asked: Asked = members) => {
      const answer = await send(api, asked, headers)
      t.same([answer.status, answer.code()], [401, 'ERR_HTTP_SIGNATURE'], what)
    }
    const right = { ...own!, tag }
    const good = await sign(members, right)
    t.equal((await send(api, members, good)).status, 200)
    await refused('was used already', good)
    await refused('was made for another path', await sign(members, right), {
      method: 'GET',
      url: '/v1/devices'
    })
    await refused('was made for another query', await sign(devices, right), {
      method: 'GET',
      url: '/v1/devices?from=1'
    })
    await refused(
      'does not cover the query',
      await sign(devices, { ...right, fields: ['@method', '@path'] }),
      devices
    )
    await refused('does not cover the method', await sign(members, { ...right, fields: ['@path'] }))
    await refused('is too old', await sign(members, { ...right, created: now - 121_000 }))
    await refused('is of the future', await sign(members, { ...right, created: now + 6_000 }))
    await refused(
      'has no nonce',
      await sign(members, { ...right, params: ['created', 'keyid', 'tag'] })
    )
    await refused(
      'has no time',
      await sign(members, { ...right, params: ['nonce', 'keyid', 'tag'] })
    )
    await refused('is of another key', await sign(members, { ...right, signer: testSigner('x') }))
    await refused(
      "is of another member's key",
      await sign(members, { ...right, keyid: other!.keyid })
    )
    await refused(
      'is of nobody',
      await sign(members, { ...right, keyid: `member:${'00'.repeat(32)}` })
    )
    await refused('names its key otherwise', await sign(members, { ...right, keyid: 'operator' }))
    await refused('covers a header that is not there', {
      ...(await sign(members, right)),
      'signature-input': `sig=("@method" "@path" "date");created=1;nonce="1";keyid="1";tag="${tag}"`
    })
    await refused('is malformed', {
      ...(await sign(members, right)),
      signature: 'sig=:not base64:'
    })
    await refused('is missing', { ...(await sign(members, right)), signature: '' })
  })

  await t.test('one for another node, or for another use, opens nothing', async t => {
    const tags = [signatureTag(network.nodes[1]!.transportKey), 'other']
    for (const other of tags) {
      const answer = await send(api, members, await sign(members, { ...own!, tag: other }))
      t.same([answer.status, answer.code()], [401, 'ERR_UNAUTHORIZED'], other)
    }
  })

  await t.test('a signed body is the one whose digest was signed', async t => {
    const body = utf8('no proposal')
    const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
    const type = 'application/cbor'
    const headers = {
      'content-type': type,
      'content-digest': digest,
      'content-length': String(body.length)
    }
    const asked = { method: 'POST', url: '/v1/members/preview', headers, body } as const
    const fields = ['@method', '@path', 'content-digest', 'content-type']
    const right = { ...own!, tag, fields }
    const code = async (change: Partial<Asked>, as = right): Promise<string> =>
      (await send(api, { ...asked, ...change }, await sign({ ...asked, ...change }, as))).code()
    t.equal(await code({}), 'ERR_ENCODING', 'it was read')
    t.equal(await code({ body: utf8('no proposai') }), 'ERR_DIGEST')
    t.equal(await code({}, { ...right, fields: ['@method', '@path'] }), 'ERR_HTTP_SIGNATURE')
    t.equal(
      await code({ headers: { ...headers, 'content-digest': 'sha-256=:AAAA:' } }),
      'ERR_DIGEST'
    )
  })

  await t.test(
    'what was made before the node started is not taken: it may have been used',
    async t => {
      const signed = await sign(members, { ...own!, tag })
      const ahead = await sign(members, { ...own!, tag, created: NOW_MS + 5_000 })
      now += 1_000
      started = now
      const restarted = make('monitor')
      for (const each of [signed, ahead])
        t.equal((await send(restarted, members, each)).code(), 'ERR_HTTP_SIGNATURE')
      now += 6_000
      t.equal((await send(restarted, members, ahead)).code(), 'ERR_HTTP_SIGNATURE')
      const fresh = await sign(members, { ...own!, tag, created: now })
      t.equal((await send(restarted, members, fresh)).status, 200)
    }
  )

  await t.test('a clock that is set back makes no used signature good again', async t => {
    const used = await sign(members, { ...own!, tag, created: now })
    t.equal((await send(api, members, used)).status, 200)
    now += 126_000
    const later = await sign(members, { ...own!, tag, created: now })
    t.equal((await send(api, members, later)).status, 200, 'the used one is forgotten')
    now -= 60_000
    t.equal((await send(api, members, used)).code(), 'ERR_HTTP_SIGNATURE')
    t.equal((await send(api, members, later)).code(), 'ERR_HTTP_SIGNATURE')
    const fresh = await sign(members, { ...own!, tag, created: now })
    t.equal((await send(api, members, fresh)).status, 200)
  })
})
