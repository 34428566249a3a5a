import type { CheckpointShare, ErrorValues } from '@vitalchain/core'
import t from 'tap'
import type { ShareVerdict } from '../../src/checkpoints/collection.ts'
import { createShareExchange } from '../../src/checkpoints/exchange.ts'
import { sharesFormat } from '../../src/checkpoints/shares.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { shareOf, validator } from './history.ts'

/** A node's exchange whose collection answers what a test says. */
function exchange(has: readonly CheckpointShare[] = []): {
  readonly network: FakeNetwork
  readonly made: ReturnType<typeof createShareExchange>
  readonly taken: CheckpointShare[]
  readonly logged: string[]
  readonly time: { now: number; verdict: ShareVerdict }
} {
  const network = new FakeNetwork()
  const taken: CheckpointShare[] = []
  const logged: string[] = []
  const time = { now: 0, verdict: 'taken' as ShareVerdict }
  const made = createShareExchange({
    network,
    has: () => has,
    take(share) {
      taken.push(share)
      return time.verdict
    },
    log: (event: string, values: ErrorValues) => logged.push(`${event} ${values['code'] ?? ''}`),
    clock: () => time.now
  })
  return { network, made, taken, logged, time }
}

const FROM = validator(1).member

t.test(
  'only what is new and signed is sent on, and only a forgery is held against the sender',
  async t => {
    const { network, time } = exchange()
    const encoded = sharesFormat.encode([await shareOf(0, 3)])
    for (const [verdict, answer] of [
      ['taken', 'accept'],
      ['held', 'accept'],
      ['split', 'accept'],
      ['old', 'ignore'],
      ['known', 'ignore'],
      ['stranger', 'ignore'],
      ['forged', 'reject']
    ] as const) {
      time.verdict = verdict
      t.equal(await network.gossip?.(encoded, FROM), answer, verdict)
    }
  }
)

t.test('what is no list of one share is rejected unread', async t => {
  const { network, taken } = exchange()
  const share = await shareOf(0, 3)
  for (const encoded of [
    new Uint8Array(0),
    Uint8Array.of(0x80),
    sharesFormat.encode([share, share]),
    sharesFormat.encode([share]).subarray(1),
    new Uint8Array(sharesFormat.bytesMax + 1)
  ])
    t.equal(await network.gossip?.(encoded, FROM), 'reject')
  t.same(taken, [])
})

t.test('a validator that floods is not looked at for a while, and takes nobody along', async t => {
  const { network, taken, time } = exchange()
  const tell = async (k: number, size: number): Promise<unknown> =>
    network.gossip?.(sharesFormat.encode([await shareOf(k, size)]), FROM)
  for (let size = 1; size <= 16; size++) t.equal(await tell(0, size), 'accept')
  t.equal(await tell(0, 17), 'ignore')
  t.equal(taken.length, 16)
  t.equal(await tell(1, 17), 'accept', 'another one')
  time.now = 1_000
  for (let size = 20; size < 24; size++) t.equal(await tell(0, size), 'accept')
  t.equal(await tell(0, 24), 'ignore')
  time.now = 60_000
  time.verdict = 'forged'
  for (let k = 0; k < 30; k++) t.equal(await tell(0, 30), 'reject')
  time.verdict = 'taken'
  t.equal(await tell(0, 31), 'accept', 'what others forge in its name uses nothing up')
})

t.test(
  'who asks gets what there is, and a member that answers with a forgery answers for it',
  async t => {
    const shares = [await shareOf(0, 3), await shareOf(1, 3)]
    const { network, made, taken, time, logged } = exchange(shares)
    const parts = []
    for await (const part of network.ask('checkpoints', new Uint8Array(0))) parts.push(part)
    t.same(
      parts.flatMap(part => sharesFormat.decode(part)),
      shares
    )

    const { signal } = new AbortController()
    network.link(FROM, 'checkpoints', () => [sharesFormat.encode(shares)])
    await made.ask(FROM, signal)
    t.same(taken, shares)
    t.same(network.offences, [])
    time.verdict = 'forged'
    await made.ask(FROM, signal)
    t.equal(network.offences.length, 1)
    network.link(FROM, 'checkpoints', () => [Uint8Array.of(1)])
    await made.ask(FROM, signal)
    t.same(logged, ['checkpoints of a member not read ERR_SCHEMA'])
  }
)
