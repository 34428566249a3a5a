import t, { type Test } from 'tap'
import { toHex, type Statement } from '@vitalchain/core'
import {
  findDeviceSigns,
  type DeviceSignFinder,
  type DeviceSigns
} from '../../src/dashboard/device-signs.ts'
import type { CommittedEvent } from '../../src/ledger/events.ts'
import type { LedgerReader } from '../../src/ledger/ledger.ts'

const START = 1_700_000_000_000
const DAY_MS = 86_400_000

const ONE = new Uint8Array(32).fill(1)
const OTHER = new Uint8Array(32).fill(2)

/** Part of a statement: what is looked at. */
type Said = Partial<Statement> & { readonly device?: Uint8Array }

/** A batch of a minute, `minutes` after the start. */
function batch(minutes: number, rest: Said = {}): Said {
  const from = START + 60_000 * minutes
  return {
    type: 'readings',
    device: ONE,
    lane: 0,
    flags: 0,
    from,
    to: from + 60_000,
    ...rest
  } as Said
}

/** Looks through a ledger with one statement in each block; `conflict` stands for two at one place. */
async function find(t: Test, said: readonly (Said | 'conflict')[]): Promise<DeviceSignFinder> {
  const found = said.map((each, k): CommittedEvent => {
    const statement = each === 'conflict' ? batch(0) : each
    const id = new Uint8Array(32).fill(100 + k)
    const transaction =
      each === 'conflict'
        ? { type: 'conflict', id, first: { statement } }
        : { type: 'statement', id, statement }
    const place = { cursor: `${k + 1}.0`, height: k + 1, index: 0, leaf: k, time: START + k }
    return { ...place, transaction, bytes: id } as unknown as CommittedEvent
  })
  const ledger = {
    head: { height: said.length, history: { size: said.length } },
    heightOf: (leaf: number) => leaf + 1,
    header: () => undefined,
    async *events({ from }: { readonly from: string }) {
      t.equal(from, '0.0')
      yield* found
    }
  } as unknown as LedgerReader
  const finder = findDeviceSigns(ledger, new AbortController().signal)
  await finder.caughtUp
  t.ok(finder.upToDate)
  return finder
}

function counts({ counts }: DeviceSigns): readonly (readonly [string, number])[] {
  return Object.entries(counts).filter(([, count]) => count > 0)
}

t.test('a device that goes on as it should has no signs', async t => {
  const finder = await find(t, [batch(0), batch(1), batch(2)])
  t.strictSame(finder.list(10), [])
  t.match(finder, { fromHeight: 1, toHeight: 3 })
})

t.test('each sign is told with the transaction that shows it', async t => {
  const finder = await find(t, [
    batch(0),
    { type: 'gap', device: ONE, lane: 0, count: 480 },
    batch(1, { flags: 1, seq: 0 }),
    { type: 'rotation', device: ONE, lane: 0, flags: 0 },
    'conflict',
    batch(0, { device: OTHER })
  ])
  const signs = finder.of(toHex(ONE))!
  t.strictSame(counts(signs), [
    ['gap', 1],
    ['history-lost', 1],
    ['conflict', 1],
    ['key-change', 1]
  ])
  t.match(
    signs.newest.map(({ kind, height, size }) => `${kind} ${height} ${size}`),
    ['conflict 5 0', 'key-change 4 0', 'history-lost 3 0', 'gap 2 480']
  )
  t.equal(signs.newest[0]?.transaction, toHex(new Uint8Array(32).fill(104)))
  t.equal(finder.of(toHex(OTHER)), undefined)
  t.equal(finder.list(10).length, 1)
})

t.test(
  'dates that go back, or ahead by weeks, are a sign; a lane of its own time is none',
  async t => {
    const weeks = 8 * 1_440
    const finder = await find(t, [
      batch(10),
      batch(5),
      batch(5, { lane: 1 }),
      batch(6 + weeks),
      batch(0, { device: OTHER, to: START + 9 * DAY_MS })
    ])
    const sizes = (device: Uint8Array): readonly number[] =>
      finder.of(toHex(device))!.newest.map(({ size }) => size)
    t.strictSame(sizes(ONE), [weeks * 60_000, -6 * 60_000])
    t.strictSame(sizes(OTHER), [9 * DAY_MS])
  }
)
