import {
  createSigner,
  decodeTransaction,
  sha256,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  toHex,
  u32be,
  utf8,
  type Place,
  type Statement
} from '@vitalchain/core'
import {
  outboxEntry,
  outboxRecord,
  type LaneMemory,
  type OutboxContents,
  type OutboxEntry,
  type OutboxRecord,
  type OutboxStore
} from '../outbox.ts'

/** What the contract needs to know of a store. */
export interface OutboxContractOptions {
  /**
   * Makes a store on the medium of this name, which is empty when it is named first. Stores on one medium are those of
   * one device before and after a restart.
   */
  readonly open: (medium: string) => OutboxStore
  /** Whether the medium survives the process: then it counts boots and one store at a time opens it. */
  readonly durable: boolean
}

/**
 * The tests that every outbox store passes, for makers who bring their own: a flash chip, a database.
 *
 * @param test - registers a test: that of any test runner. Names are sentences; a test that fails rejects.
 */
export function outboxContract(
  test: (name: string, run: () => Promise<void>) => unknown,
  { open, durable }: OutboxContractOptions
): void {
  let media = 0
  const medium = (): string => `contract-${++media}`
  const opened = async (name: string): Promise<readonly [OutboxStore, OutboxContents]> => {
    const store = open(name)
    return [store, await store.load()]
  }
  /** What a medium holds for the next start. */
  const reopened = async (
    store: OutboxStore,
    name: string
  ): Promise<readonly [OutboxStore, OutboxContents]> => {
    await store.close()
    return opened(name)
  }

  test('a new outbox is empty', async () => {
    const [store, contents] = await opened(medium())
    for (const { tip, entries, known, sent } of contents.lanes)
      same([tip, entries, known, sent], [undefined, [], false, undefined])
    same(contents.epoch, undefined)
    await store.close()
  })

  test('what was appended comes back in order, byte for byte', async () => {
    const name = medium()
    const [store] = await opened(name)
    const chain = await chainOf(0, 5)
    const alarm = (await chainOf(1, 1))[0]
    for (const entry of [...chain.slice(0, 3), alarm, ...chain.slice(3)]) await keep(store, entry)
    const [again, { lanes, epoch }] = await reopened(store, name)
    same(lanes[0].entries, chain.map(outboxRecord))
    same(lanes[1].entries, [alarm].flatMap(each => each ?? []).map(outboxRecord))
    same(placeOf(lanes[0].tip), placeOf(chain[4]?.after))
    same(epoch, 4)
    for (const entry of chain) same(await again.read(outboxRecord(entry)), entry)
    await again.close()
  })

  test('what was removed does not come back, and the tip stays', async () => {
    const name = medium()
    const [store] = await opened(name)
    const chain = await chainOf(0, 3)
    for (const entry of chain) await keep(store, entry)
    for (const entry of chain) await store.remove(outboxRecord(entry))
    const [again, { lanes, epoch }] = await reopened(store, name)
    same(lanes[0].entries, [])
    same(placeOf(lanes[0].tip), placeOf(chain[2]?.after))
    same(epoch, 2)
    await again.close()
  })

  test('removing what is not there is no fault', async () => {
    const [store] = await opened(medium())
    const [entry] = await chainOf(0, 1)
    await store.remove(recordOf(entry))
    await keep(store, entry)
    await store.remove(recordOf(entry))
    await store.remove(recordOf(entry))
    await store.close()
  })

  test('a gap takes the place of what it stands for, and of nothing else', async () => {
    const name = medium()
    const [store] = await opened(name)
    const chain = await chainOf(0, 6)
    const alarms = await chainOf(1, 6)
    for (const entry of [...chain, ...alarms]) await keep(store, entry)
    const gap = await gapOver(chain.slice(2, 4))
    await store.append(gap)
    same(await store.read(outboxRecord(gap)), gap)
    const [again, { lanes }] = await reopened(store, name)
    const left = [...chain.slice(0, 2), gap, ...chain.slice(4)]
    same(lanes[0].entries, left.map(outboxRecord))
    same(lanes[1].entries, alarms.map(outboxRecord))
    same(placeOf(lanes[0].tip), placeOf(chain[5]?.after))
    for (const entry of left) same(await again.read(outboxRecord(entry)), entry)
    await again.close()
  })

  test('a wider gap takes the place of a gap', async () => {
    const name = medium()
    const [store] = await opened(name)
    const chain = await chainOf(0, 6)
    for (const entry of chain) await keep(store, entry)
    await store.append(await gapOver(chain.slice(0, 3)))
    const wider = await gapOver(chain)
    await store.append(wider)
    const [again, { lanes }] = await reopened(store, name)
    same(lanes[0].entries, [outboxRecord(wider)])
    same(placeOf(lanes[0].tip), placeOf(chain[5]?.after))
    await again.remove(outboxRecord(wider))
    const [last, empty] = await reopened(again, name)
    same(empty.lanes[0].entries, [])
    await last.close()
  })

  test('an entry that is appended twice is there once', async () => {
    const name = medium()
    const [store] = await opened(name)
    const [entry] = await chainOf(0, 1)
    await keep(store, entry)
    await keep(store, entry)
    const [again, { lanes }] = await reopened(store, name)
    same(lanes[0].entries, [recordOf(entry)])
    await again.close()
  })

  test('the largest payload fits', async () => {
    const name = medium()
    const [store] = await opened(name)
    const [entry] = await chainOf(0, 1, 64 * 1024)
    await keep(store, entry)
    const [again] = await reopened(store, name)
    same(await again.read(recordOf(entry)), entry)
    await again.close()
  })

  test('calls that overlap see what those before them did', async () => {
    const name = medium()
    const [store] = await opened(name)
    const chain = await chainOf(0, 20)
    await Promise.all(
      chain.flatMap((entry, k) => [
        store.append(entry),
        store.read(outboxRecord(entry)),
        ...(k % 2 === 0 ? [store.remove(outboxRecord(entry))] : [])
      ])
    )
    const [again, { lanes }] = await reopened(store, name)
    same(lanes[0].entries, chain.filter((_, k) => k % 2 === 1).map(outboxRecord))
    await again.close()
  })

  test('marks of each lane are kept, and say that its history is known', async () => {
    const name = medium()
    const [store] = await opened(name)
    await store.mark(0, { boot: 1, seq: 63 })
    await store.mark(0, { boot: 2, seq: Number.MAX_SAFE_INTEGER })
    const [again, { lanes }] = await reopened(store, name)
    same([lanes[0].known, lanes[0].sent], [true, { boot: 2, seq: Number.MAX_SAFE_INTEGER }])
    same([lanes[1].known, lanes[1].sent], [false, undefined])
    await again.mark(1, undefined)
    const [last, then] = await reopened(again, name)
    same([then.lanes[1].known, then.lanes[1].sent], [true, undefined])
    await last.close()
  })

  test('the newest key and stream of a lane outlive the statements that said them', async () => {
    const name = medium()
    const [store] = await opened(name)
    const key = createSigner('ed25519', sha256(utf8('rotated'))).publicKey
    const binding = { stream: new Uint8Array(16).fill(3), generation: 2 }
    const memories: readonly LaneMemory[] = [{ key }, { binding }, {}]
    const chain = (await chainOf(0, 3)).map((entry, k) => ({ ...entry, ...memories[k] }))
    for (const entry of chain) await keep(store, entry)
    for (const entry of chain) await store.remove(outboxRecord(entry))
    const [again, { lanes }] = await reopened(store, name)
    same([lanes[0].tip?.key, lanes[0].tip?.binding], [key, binding])
    await again.close()
  })

  if (!durable) return

  test('each opening counts one boot more, above all that it keeps', async () => {
    const name = medium()
    const [first, one] = await opened(name)
    const [second, two] = await reopened(first, name)
    if (one.boot === undefined || two.boot === undefined || two.boot <= one.boot)
      throw new Error(`${one.boot} then ${two.boot}`)
    const [entry] = await chainOf(0, 1, 100, 50)
    await keep(second, entry)
    await second.remove(recordOf(entry))
    const [third, { boot }] = await reopened(second, name)
    same(boot, 51)
    await third.close()
  })

  test('one at a time', async () => {
    const name = medium()
    const [store] = await opened(name)
    const second = open(name)
    const error: unknown = await second.load().then(
      () => undefined,
      (thrown: unknown) => thrown
    )
    same(error instanceof Error && 'code' in error ? error.code : error, 'ERR_OUTBOX_IN_USE')
    await second.close()
    const [third] = await reopened(store, name)
    await third.close()
  })
}

const signer = createSigner('ed25519', sha256(utf8('outbox contract')))
const NETWORK = sha256(utf8('network'))
const DEVICE = sha256(utf8('device'))

/** Signed statements that follow each other, with payloads that say nothing. */
async function chainOf(
  lane: 0 | 1,
  length: number,
  payloadBytes: number = 100,
  boot: number = 1
): Promise<readonly OutboxEntry[]> {
  const chain: OutboxEntry[] = []
  for (let seq = 0; seq < length; seq++) {
    const payload = new Uint8Array(payloadBytes).fill(seq)
    chain.push(
      await signed(
        {
          type: 'readings',
          network: NETWORK,
          device: DEVICE,
          lane,
          boot,
          seq,
          previous: chain[seq - 1]?.id ?? new Uint8Array(32),
          from: seq,
          to: seq,
          clock: undefined,
          count: 1,
          stream: new Uint8Array(16),
          generation: 0,
          epoch: seq,
          flags: 0,
          retention: 0,
          contentFormat: 112,
          payloadSize: payload.length,
          payloadDigest: sha256(payload),
          commitment: sha256(u32be(seq))
        },
        payload
      )
    )
  }
  return chain
}

async function gapOver(dropped: readonly OutboxEntry[]): Promise<OutboxEntry> {
  const first = recordOf(dropped[0])
  const last = recordOf(dropped.at(-1))
  const lastDropped = statementBytes(dropped.at(-1))
  return signed(
    {
      type: 'gap',
      network: NETWORK,
      device: DEVICE,
      lane: first.lane,
      boot: first.boot,
      seq: first.seq,
      previous: new Uint8Array(32),
      last: { boot: last.boot, seq: last.seq },
      lastDropped,
      count: dropped.length,
      reason: 1,
      time: 0
    },
    undefined
  )
}

function statementBytes(entry: OutboxEntry | undefined): Uint8Array {
  const decoded = entry && decodeTransaction(entry.transaction)
  if (decoded?.type !== 'statement') throw new Error('an entry holds a statement')
  return decoded.signed.payload
}

async function signed(statement: Statement, payload: Uint8Array | undefined): Promise<OutboxEntry> {
  const encoded = statementFormat.encode(statement)
  return outboxEntry(statement, {
    id: statementId(encoded),
    transaction: statementTransaction(await signCose(signer, encoded)),
    payload
  })
}

async function keep(store: OutboxStore, entry: OutboxEntry | undefined): Promise<void> {
  if (entry !== undefined) await store.append(entry)
}

function recordOf(entry: OutboxEntry | undefined): OutboxRecord {
  if (entry === undefined) throw new Error('no entry')
  return outboxRecord(entry)
}

function placeOf(place: Place | undefined): Place | undefined {
  return place && { boot: place.boot, seq: place.seq }
}

/** @throws Error when two values differ; bytes are equal when they hold the same, and a missing field is an undefined one */
function same(found: unknown, wanted: unknown): void {
  const [a, b] = [plain(found), plain(wanted)]
  if (a !== b) throw new Error(`expected ${b}, found ${a}`)
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Uint8Array) return toHex(each)
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each ?? null
    const fields = Object.entries(each).filter(([, field]) => field !== undefined)
    return Object.fromEntries(fields.toSorted(([x], [y]) => (x < y ? -1 : 1)))
  })
}
