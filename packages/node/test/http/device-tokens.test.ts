import t from 'tap'
import { deviceId, signSession, utf8, sha256, type Session } from '@vitalchain/core'
import { ledgerWithDevice, testSigner } from '../ledger/fixture.ts'
import {
  CHALLENGE_MS,
  createDeviceTokens,
  DEVICE_TOKEN_MS,
  DEVICE_TOKENS_MAX
} from '../../src/http/device-tokens.ts'
import { ask, deviceToken, openSession, postSession, startService } from './service.ts'

const TRANSPORT_KEY = sha256(utf8('a transport key'))

/** Tokens over a ledger with one device, whose clock the test sets. */
async function tokensWithDevice(): Promise<{
  clock: { time: number }
  tokens: ReturnType<typeof createDeviceTokens>
  device: Uint8Array
  sign: (challenge: Uint8Array, fields?: Partial<Session>, signer?: string) => Promise<Uint8Array>
}> {
  const { network, ledger, device } = await ledgerWithDevice()
  const clock = { time: 1_000_000 }
  const ground = { network: network.id, transportKey: TRANSPORT_KEY, state: ledger.state }
  const tokens = createDeviceTokens(ground, () => clock.time)
  return {
    clock,
    tokens,
    device: device.id,
    sign: (challenge, fields = {}, signer = 'device') =>
      signSession(testSigner(signer), {
        network: network.id,
        device: device.id,
        challenge,
        node: TRANSPORT_KEY,
        ...fields
      })
  }
}

t.test('a device that signs the challenge gets a token that names it', async t => {
  const { tokens, device, sign } = await tokensWithDevice()
  const { token, expiresInMs } = tokens.open(await sign(tokens.challenge()))
  t.equal(expiresInMs, DEVICE_TOKEN_MS)
  t.same(tokens.find(token), device)
  t.equal(tokens.find(`${token.slice(0, -1)}!`), undefined)
  t.equal(tokens.find(token.split('.')[0]!), undefined, 'the challenge alone opens nothing')
})

t.test('a token ends after its time', async t => {
  const { clock, tokens, sign } = await tokensWithDevice()
  const { token } = tokens.open(await sign(tokens.challenge()))
  clock.time += DEVICE_TOKEN_MS - 1
  t.ok(tokens.find(token))
  clock.time += 1
  t.equal(tokens.find(token), undefined)
})

t.test('a challenge is good once', async t => {
  const { clock, tokens, sign } = await tokensWithDevice()
  const session = await sign(tokens.challenge())
  tokens.open(session)
  t.throws(() => tokens.open(session), { code: 'ERR_SESSION' })
  clock.time += CHALLENGE_MS - 1
  t.throws(() => tokens.open(session), { code: 'ERR_SESSION' })
})

t.test('a challenge is good for its time, also when the clock is set back', async t => {
  const { clock, tokens, sign } = await tokensWithDevice()
  const [last, late, early] = await Promise.all(
    [tokens.challenge(), tokens.challenge(), tokens.challenge()].map(each => sign(each))
  )
  clock.time += CHALLENGE_MS - 1
  t.ok(tokens.open(last!).token)
  clock.time += 1
  t.throws(() => tokens.open(late!), { code: 'ERR_SESSION' })
  clock.time -= 2 * CHALLENGE_MS
  t.throws(() => tokens.open(early!), { code: 'ERR_SESSION' })
})

t.test('a challenge with any bit flipped is not ours', async t => {
  const { tokens, sign } = await tokensWithDevice()
  const challenge = tokens.challenge()
  for (let bit = 0; bit < 8 * challenge.length; bit++) {
    const flipped = Uint8Array.from(challenge)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const session = await sign(flipped)
    t.throws(() => tokens.open(session), { code: 'ERR_SESSION' }, `bit ${bit}`)
  }
})

t.test(
  'a challenge of another node, or of this one before it started again, is not ours',
  async t => {
    const [here, there] = [await tokensWithDevice(), await tokensWithDevice()]
    const session = await here.sign(there.tokens.challenge())
    t.throws(() => here.tokens.open(session), { code: 'ERR_SESSION' })
  }
)

t.test('a session for another network or node is refused', async t => {
  const { tokens, sign } = await tokensWithDevice()
  for (const fields of [{ network: new Uint8Array(32) }, { node: new Uint8Array(32) }]) {
    const session = await sign(tokens.challenge(), fields)
    t.throws(() => tokens.open(session), { code: 'ERR_SESSION' })
  }
})

t.test("a session that another key signed in the device's name is refused", async t => {
  const { tokens, sign } = await tokensWithDevice()
  const challenge = tokens.challenge()
  const forged = await sign(challenge, {}, 'a forger')
  t.throws(() => tokens.open(forged), { code: 'ERR_SIGNATURE' })
  const damaged = await sign(challenge)
  damaged[damaged.length - 1]! ^= 1
  t.throws(() => tokens.open(damaged), { code: 'ERR_SIGNATURE' })
  t.ok(tokens.open(await sign(challenge)).token, "and does not use up the device's challenge")
})

t.test('a device that nobody registered gets no token', async t => {
  const { tokens, sign } = await tokensWithDevice()
  const device = deviceId(testSigner('a stranger').publicKey)
  const session = await sign(tokens.challenge(), { device }, 'a stranger')
  t.throws(() => tokens.open(session), { code: 'ERR_DEVICE_UNKNOWN' })
})

t.test(
  'a device that connects without end gets so many tokens in a minute, and then new ones for its oldest',
  async t => {
    const { clock, tokens, sign } = await tokensWithDevice()
    const given = []
    for (let k = 0; k < DEVICE_TOKENS_MAX; k++)
      given.push(tokens.open(await sign(tokens.challenge())).token)
    const next = await sign(tokens.challenge())
    t.throws(() => tokens.open(next), { code: 'ERR_BUSY', retryable: true })
    t.ok(
      given.every(token => tokens.find(token)),
      'what it has stays good'
    )
    clock.time += CHALLENGE_MS
    t.ok(tokens.find(tokens.open(await sign(tokens.challenge())).token))
    t.same(
      given.map(token => tokens.find(token) !== undefined),
      given.map((_, k) => k > 0)
    )
    clock.time += DEVICE_TOKEN_MS
    t.ok(tokens.open(await sign(tokens.challenge())).token)
  }
)

t.test('sessions over HTTP', async t => {
  const service = await startService(t, 1)
  const { first } = service
  const device = await service.device('a monitor')

  const opened = await openSession(first, device, testSigner('a monitor'))
  t.equal(opened.status, 201)
  t.match(opened.json(), { token: String, expiresInMs: DEVICE_TOKEN_MS })
  t.ok(await deviceToken(first, device, 'a monitor'))

  const stranger = await service.device('a stranger', { register: false })
  const refused = await openSession(first, stranger, testSigner('a stranger'))
  t.match(refused.json(), { status: 403, code: 'ERR_DEVICE_UNKNOWN' })

  t.match((await postSession(first.api, new Uint8Array(2_000))).json(), { code: 'ERR_TOO_LARGE' })
  t.match((await postSession(first.api, Uint8Array.of(0x80))).json(), { code: 'ERR_SCHEMA' })
  const otherType = await ask(first.api, 'POST', '/v1/sessions', {
    headers: { 'content-type': 'application/cbor' },
    body: Uint8Array.of(0x80)
  })
  t.match(otherType.json(), { status: 415, code: 'ERR_MEDIA_TYPE' })
  t.equal((await ask(first.api, 'POST', '/v1/sessions')).status, 415, 'nothing is no session')
})
