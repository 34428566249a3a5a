import {
  agreeOnTime,
  createSigner,
  sha256,
  signTime,
  timeAnswerFormat,
  utf8,
  VitalchainError,
  type TimeAnswer,
  type ValidatorSet
} from '@vitalchain/core'
import t from 'tap'
import { createTimeService, TIME_QUESTIONS_MAX, type TimeService } from '../../src/devices/time.ts'
import type { RequestHandler, RequestTarget } from '../../src/network/index.ts'

const NOW = 1_800_000_000_000
const seed = (name: string): Uint8Array => sha256(utf8(name))
const network = seed('network')
const nonce = seed('nonce')
const key = (k: number): ReturnType<typeof createSigner> =>
  createSigner('ed25519', seed(`checkpoint ${k}`))

const validators: ValidatorSet = Array.from({ length: 4 }, (_, k) => ({
  member: seed(`member ${k}`),
  consensusKey: createSigner('ed25519', seed(`consensus ${k}`)).publicKey.bytes,
  checkpointKey: key(k).publicKey.bytes
}))

/** What a node in place of a member answers. */
type Answer = (nonce: Uint8Array) => Promise<Uint8Array>

/** The service of node 0, or of a follower, and what asks it; others answer as told, by their place. */
function serviceOf(
  others: Readonly<Record<number, Answer>>,
  { own = 0 }: { readonly own?: number | 'none' } = {}
): { service: TimeService; handler: RequestHandler; asked: Uint8Array[] } {
  let handler: RequestHandler | undefined
  const asked: Uint8Array[] = []
  const service = createTimeService({
    ledger: { network, validators: () => validators },
    network: {
      handleRequest(_name, _limits, given) {
        handler = given
      },
      async *request(target: RequestTarget, _name, bytes, { signal }) {
        const place = validators.findIndex(({ member }) => member === target)
        asked.push(bytes)
        const answer = others[place]
        if (answer === undefined)
          throw new VitalchainError('ERR_UNREACHABLE', 'no connection', { retryable: true })
        yield await Promise.race([
          answer(bytes),
          new Promise<never>((_, reject) =>
            signal?.addEventListener('abort', () => reject(new Error('aborted')))
          )
        ])
      }
    },
    signer: own === 'none' ? undefined : key(own),
    now: () => NOW,
    log: () => undefined
  })
  return { service, handler: handler!, asked }
}

function member(k: number, clock: number = NOW): Answer {
  return async asked =>
    timeAnswerFormat.encode(
      await signTime(
        { network, nonce: asked },
        { member: validators[k]!.member, clock, signer: key(k) }
      )
    )
}

function agreed(answers: readonly TimeAnswer[]): ReturnType<typeof agreeOnTime> {
  return agreeOnTime(answers, { network, nonce, validators, roundTripMs: 10, precisionMs: 5 })
}

const signal = new AbortController().signal
const never: Answer = () => new Promise(() => undefined)
const device = seed('device')

t.test('a member answers with its own clock and key', async t => {
  const { handler } = serviceOf({})
  const answer = timeAnswerFormat.decode(
    (await handler(nonce, { peer: 'x' }, signal)) as Uint8Array
  )
  t.same(answer.member, validators[0]!.member)
  t.equal(answer.clock, NOW)
  const both = [
    answer,
    ...(await serviceOf({ 1: member(1), 2: member(2) }).service.ask(device, nonce))
  ]
  t.ok(agreed(both))
  await t.rejects(handler(nonce.subarray(1), { peer: 'x' }, signal) as Promise<unknown>, {
    code: 'ERR_SCHEMA'
  })
})

t.test('a node without a validator’s key says so, and still asks for its devices', async t => {
  for (const own of ['none', 9] as const) {
    const { handler, service } = serviceOf(
      { 0: member(0), 1: member(1), 2: member(2), 3: member(3) },
      { own }
    )
    await t.rejects(handler(nonce, { peer: 'x' }, signal) as Promise<unknown>, { code: 'ERR_TIME' })
    t.equal((await service.ask(device, nonce)).length, 4)
  }
})

t.test('2f + 1 are enough: one that is slow or gone is not waited for', async t => {
  for (const third of [never, undefined]) {
    const { service } = serviceOf({
      1: member(1),
      2: member(2),
      ...(third === undefined ? {} : { 3: third })
    })
    const answers = await service.ask(device, nonce)
    t.equal(answers.length, 3)
    t.strictSame(agreed(answers), { from: NOW - 5, to: NOW + 15 })
  }
})

t.test(
  'what is signed wrongly is not passed on, and does not count among those that are enough',
  async t => {
    for (const bad of [
      member(2),
      async () =>
        timeAnswerFormat.encode({
          member: validators[1]!.member,
          clock: NOW,
          signature: new Uint8Array(64)
        }),
      async () => new Uint8Array(3)
    ]) {
      const { service } = serviceOf({ 1: bad, 2: member(2), 3: member(3) })
      const answers = await service.ask(device, nonce)
      t.equal(answers.length, 3)
      t.notOk(answers.some(answer => answer.member === validators[1]!.member))
      t.ok(agreed(answers))
    }
  }
)

t.test(
  'too few answers are passed on as they are: the device knows that they are too few',
  async t => {
    const { service } = serviceOf({ 1: member(1) })
    const answers = await service.ask(device, nonce)
    t.equal(answers.length, 2)
    t.equal(agreed(answers), undefined)
  }
)

t.test('a device asks once at a time, and all together a bounded number', async t => {
  const release = Promise.withResolvers<void>()
  const late =
    (k: number): Answer =>
    async asked => {
      await release.promise
      return member(k)(asked)
    }
  const { service } = serviceOf({ 1: late(1), 2: late(2), 3: late(3) })
  const first = service.ask(device, nonce)
  await t.rejects(service.ask(device, nonce), { code: 'ERR_BUSY', retryable: true })
  const others = Array.from({ length: TIME_QUESTIONS_MAX - 1 }, (_, k) =>
    service.ask(seed(`device ${k}`), nonce)
  )
  await t.rejects(service.ask(seed('one more'), nonce), { code: 'ERR_BUSY' })
  release.resolve()
  for (const answers of await Promise.all([first, ...others])) t.equal(answers.length, 4)
  t.equal((await service.ask(device, nonce)).length, 4)
})
