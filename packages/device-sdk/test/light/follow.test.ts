import t from 'tap'
import { blockHash, isVitalchainError, toHex } from '@vitalchain/core'
import { createLightClient, type LightClientInit } from '../../src/light/index.ts'
import { virtualTimers } from '../virtual-timers.ts'
import { fakeNetwork, json } from './fake-peers.ts'
import { client, headAt, untilPeer } from './following.ts'
import { FOUNDERS, ForkableLedger, MEMBERS } from './forkable-ledger.ts'

t.test('a client follows the ledger over changes of its validators', async t => {
  const ledger = new ForkableLedger().grow(3)
  ledger.addBlock({ next: [...FOUNDERS, MEMBERS[4]!] })
  ledger.grow(2)
  ledger.addBlock({ next: MEMBERS.slice(1, 6) })
  ledger.grow(2)
  const following = client(t, fakeNetwork(ledger))
  t.equal(following.head, undefined)
  following.start()
  const head = await following.ready()
  t.equal(head.header.height, 9)
  t.same(head.blockHash, blockHash(ledger.header(9)))
  t.equal(head.handOvers, 2)
  t.equal(head.trust, 'genesis-only')
  t.same(following.pin(), ledger.pin(9))
  ledger.addBlock({ next: FOUNDERS })
  ledger.grow(1)
  await headAt(following, 11)
  t.equal(following.head?.handOvers, 3)
  t.equal(following.anchor()?.handOvers.length, 3)
})

t.test('what a client fetches grows with the changes, not with the blocks', async t => {
  const fetched: number[] = []
  for (const blocks of [20, 150]) {
    const ledger = new ForkableLedger().grow(5)
    ledger.addBlock({ next: MEMBERS.slice(1, 6) })
    ledger.grow(blocks)
    const network = fakeNetwork(ledger)
    const following = client(t, network)
    following.start()
    await following.ready()
    await following.stop()
    fetched.push(network.peers[0]!.asked.reduce((sum, { bytes }) => sum + bytes, 0))
    t.ok(network.peers[0]!.asked.length <= 4, `${network.peers[0]!.asked.length} requests`)
  }
  t.ok(fetched[1]! < fetched[0]! + 32, `${fetched.join(' and ')} bytes`)
})

t.test('nothing is asked before the start, and nothing is left after the end', async t => {
  const network = fakeNetwork(new ForkableLedger().grow(2), new ForkableLedger().grow(2))
  const timers = virtualTimers(t, { jump: false })
  const following = client(t, network, { timers })
  await timers.settle()
  t.same(network.peers[0]!.asked, [])
  t.equal(following.status().state, 'idle')
  following.start()
  t.throws(() => following.start(), { code: 'ERR_LIGHT_STARTED' })
  t.equal(following.status().state, 'following')
  await following.ready()
  network.peers[0]!.lie = () => new Promise(() => undefined)
  timers.skip(5_000)
  while (network.open === 0) await timers.settle()
  await following.stop()
  await following.stop()
  t.equal(network.open, 0)
  t.equal(timers.pending, 0)
  t.equal(following.status().state, 'stopped')
  await t.rejects(following.ready(), { code: 'ERR_LIGHT_STOPPED' })
  t.throws(() => following.start(), { code: 'ERR_LIGHT_STOPPED' })
})

t.test(
  'aborting the signal of the start stops the client, and waiting ends with a signal',
  async t => {
    const network = fakeNetwork(new ForkableLedger())
    const following = client(t, network)
    const started = new AbortController()
    const waiting = new AbortController()
    following.start({ signal: started.signal })
    const ready = following.ready({ signal: waiting.signal })
    waiting.abort(new Error('tired'))
    await t.rejects(ready, { message: 'tired' })
    const heads = following.heads()[Symbol.asyncIterator]().next()
    const proof = following.stateProof(new Uint8Array(3))
    started.abort()
    t.equal((await heads).done, true)
    await t.rejects(proof, { code: 'ERR_LIGHT_STOPPED' })
    t.equal(following.status().state, 'stopped')
  }
)

t.test('heads go on behind a cursor, and a slow reader gets the newest', async t => {
  const ledger = new ForkableLedger().grow(1)
  const following = client(t, fakeNetwork(ledger))
  following.start()
  const slow = following.heads()[Symbol.asyncIterator]()
  const first = await slow.next()
  t.equal(first.done === true ? undefined : first.value.cursor, '1')
  for (const height of [2, 3, 4]) {
    ledger.addBlock()
    await headAt(following, height)
  }
  const next = await slow.next()
  t.equal(next.done === true ? undefined : next.value.cursor, '4')
  const behind = following.heads({ from: '4' })[Symbol.asyncIterator]().next()
  ledger.addBlock()
  t.equal((await behind).value?.header.height, 5)
  for (const from of ['', '-1', '1.0', 'x', '1'.repeat(16)])
    t.throws(() => following.heads({ from }), { code: 'ERR_CURSOR' }, from)
})

t.test('with all headers each one is checked to follow the one before', async t => {
  const ledger = new ForkableLedger().grow(3)
  ledger.addBlock({ next: MEMBERS.slice(1, 6) })
  ledger.grow(300)
  const network = fakeNetwork(ledger)
  const following = client(t, network, { headers: 'all' })
  following.start()
  await headAt(following, 304)
  t.equal(network.peers[0]!.asked.filter(({ path }) => path.startsWith('/v1/headers')).length, 2)
  await following.stop()

  const holed = ledger.copy(280)
  holed.addBlock({ header: { previous: new Uint8Array(32) } })
  holed.grow(3)
  for (const [headers, code] of [
    ['newest', undefined],
    ['all', 'ERR_HEADER_CHAIN']
  ] as const) {
    const other = client(t, fakeNetwork(holed), { headers })
    other.start()
    await untilPeer(other, 0, status => status.state !== 'new')
    t.equal(other.status().peers[0]?.code, code, headers)
  }
})

t.test('with all headers a pin is reached from the first block on', async t => {
  const ledger = new ForkableLedger().grow(540)
  const following = client(t, fakeNetwork(ledger), { headers: 'all', pin: ledger.pin(520) })
  following.start()
  await headAt(following, 540)
  t.equal(following.head?.trust, `pinned@${ledger.pin(520).size}`)
})

t.test('with a pin everything must continue it', async t => {
  const ledger = new ForkableLedger().grow(9)
  const pin = ledger.pin(6)
  const following = client(t, fakeNetwork(ledger), { pin })
  following.start()
  t.equal((await following.ready()).trust, `pinned@${pin.size}`)
  t.equal(following.anchor()?.consistency?.size, pin.size)

  const wrong = client(t, fakeNetwork(ledger), { pin: { ...pin, root: new Uint8Array(32) } })
  wrong.start()
  await untilPeer(wrong, 0, ({ code }) => code === 'ERR_CONSISTENCY')
  t.equal(wrong.head, undefined)
  const behind = client(t, fakeNetwork(ledger.copy(4)), { pin })
  behind.start()
  await untilPeer(behind, 0, ({ state }) => state === 'failing')
  t.equal(behind.head, undefined)
  const at = client(t, fakeNetwork(ledger), { pin: ledger.pin(9) })
  at.start()
  t.equal((await at.ready()).header.height, 9)
})

t.test('history that a retired quorum forged misleads without a pin and not with one', async t => {
  const ledger = new ForkableLedger().grow(3)
  const forged = ledger.copy()
  ledger.addBlock({ next: MEMBERS.slice(3) })
  ledger.grow(5)
  forged.grow(9, { mark: 'forged' })
  const trusting = client(t, fakeNetwork(forged))
  trusting.start()
  t.equal((await trusting.ready()).trust, 'genesis-only')
  const pinned = client(t, fakeNetwork(forged, ledger), { pin: ledger.pin(7) })
  pinned.start()
  await headAt(pinned, 9)
  await untilPeer(pinned, 0, ({ state }) => state === 'failing')
  t.same(pinned.head?.blockHash, blockHash(ledger.header(9)))
  t.equal(pinned.status().state, 'following', 'what the pin rules out is no fork')
})

t.test('a client that resumes goes on where it was, without asking for what it has', async t => {
  const ledger = new ForkableLedger().grow(3)
  ledger.addBlock({ next: MEMBERS.slice(1, 6) })
  ledger.grow(3)
  const pin = ledger.pin(2)
  const first = client(t, fakeNetwork(ledger), { pin })
  t.equal(first.save(), undefined)
  first.start()
  await first.ready()
  await first.stop()
  const saved = first.save()!
  ledger.grow(4)
  const network = fakeNetwork(ledger)
  const second = client(t, network, { pin, resume: saved })
  t.equal(second.head?.header.height, 7, 'before anything is asked')
  t.same(second.save(), saved)
  second.start()
  await headAt(second, 11)
  t.ok(network.peers[0]!.asked.some(({ path }) => path === '/v1/hand-overs?after=4'))
  t.equal(second.head?.trust, `pinned@${pin.size}`)

  const { genesis } = ledger
  const peers = network.addresses
  const again = (init: Partial<LightClientInit>): unknown =>
    createLightClient({ genesis, peers, resume: saved, ...init })
  t.throws(() => again({}), { code: 'ERR_LIGHT_STATE' })
  t.throws(() => again({ pin: ledger.pin(8) }), { code: /ERR_LIGHT_STATE|ERR_PIN_UNPROVEN/ })
  t.throws(() => again({ pin, genesis: new ForkableLedger('other').genesis }), {
    code: 'ERR_OTHER_NETWORK'
  })
})

t.test('a stored state with any byte changed is refused', async t => {
  const ledger = new ForkableLedger().grow(1)
  ledger.addBlock({ next: MEMBERS.slice(1, 5) })
  ledger.grow(2)
  const pin = ledger.pin(1)
  const network = fakeNetwork(ledger)
  const following = client(t, network, { pin })
  following.start()
  await following.ready()
  await following.stop()
  const saved = following.save()!
  const taken: number[] = []
  // Every byte of the frame and of the fields between the headers, and each 7th of the rest.
  for (let at = 0; at < saved.length; at += at < 40 || at > saved.length - 150 ? 1 : 7) {
    const damaged = saved.slice()
    damaged[at]! ^= 1 << (at % 8)
    try {
      createLightClient({ genesis: ledger.genesis, pin, peers: network.addresses, resume: damaged })
      taken.push(at)
    } catch (error) {
      if (!isVitalchainError(error)) throw error
    }
  }
  t.same(taken, [])
})

t.test('a lagging peer is only said to be behind', async t => {
  const ledger = new ForkableLedger().grow(6)
  const following = client(t, fakeNetwork(ledger.copy(4), ledger))
  following.start()
  await headAt(following, 6)
  await untilPeer(following, 0, ({ state }) => state === 'behind')
  t.equal(following.status().state, 'following')
})

t.test(
  'a peer that says nothing is given up in time, and one that talks too much is cut off',
  async t => {
    const ledger = new ForkableLedger().grow(2)
    const network = fakeNetwork(ledger, ledger, ledger, ledger)
    const [silent, endless, elsewhere] = network.peers
    silent!.lie = () => new Promise(() => undefined)
    endless!.lie = () => ({ status: 200, body: new Uint8Array(3_000_000) })
    elsewhere!.lie = () => json({ code: 'ERR_FORK', detail: 'x', retryable: true }, 503)
    const following = client(t, network)
    following.start()
    await headAt(following, 2)
    await untilPeer(following, 0, ({ code }) => code === 'ERR_PEER_UNREACHABLE')
    await untilPeer(following, 1, ({ code }) => code === 'ERR_TOO_LARGE')
    await untilPeer(following, 2, ({ code }) => code === 'ERR_PEER_REFUSED')
    t.equal(following.status().state, 'following', 'a code that a peer sends is no verdict')
    silent!.lie = (_url, truth) => truth
    await untilPeer(following, 0, ({ state }) => state === 'agrees')
  }
)

t.test('settings that cannot work are refused', async t => {
  const { genesis } = new ForkableLedger()
  const peers = [{ url: 'https://hospital-1.example' }]
  const bad: readonly Partial<LightClientInit>[] = [
    { genesis: new Uint8Array(32) },
    { peers: [] },
    { peers: [...peers, ...peers] },
    { peers: Array.from({ length: 65 }, (_, k) => ({ url: `https://h${k}.example` })) },
    { pollMs: 99 },
    { pollMs: Number.NaN },
    ...['', 'hospital-1', 'ftp://h.example', 'https://u:p@h.example', 'https://h.example/?a=1'].map(
      url => ({ peers: [{ url }] })
    ),
    { peers: [{ url: 'http://h.example', token: 'secret' }] }
  ]
  for (const [at, init] of bad.entries())
    t.throws(
      () => createLightClient({ genesis, peers, ...init }),
      { code: 'ERR_LIGHT_INIT' },
      `${at}`
    )
  for (const url of [
    'http://127.0.0.1:7700/',
    'http://[::1]:1',
    'http://localhost',
    'https://h.example/api'
  ])
    t.doesNotThrow(() => createLightClient({ genesis, peers: [{ url, token: 'secret' }] }), url)
})

t.test('a token is shown where a proof is asked for, and nowhere else', async t => {
  const network = fakeNetwork(new ForkableLedger().grow(2))
  let fresh = 0
  const following = client(t, network, {
    peers: network.addresses.map(({ url }) => ({ url, token: () => `token-${++fresh}` }))
  })
  following.start()
  const id = new Uint8Array(32)
  await t.rejects(following.fetchReceipt(id), {
    code: 'ERR_NO_PEER',
    retryable: true,
    values: { refusals: 'ERR_NOT_FOUND' }
  })
  await t.rejects(following.stateProof(Uint8Array.of(7)), { code: 'ERR_NO_PEER' })
  const lane = { device: id, lane: 0, from: { boot: 1, seq: 0 }, to: { boot: 1, seq: 9 } } as const
  await t.rejects(following.completeness(lane)[Symbol.asyncIterator]().next(), {
    code: 'ERR_NO_PEER'
  })
  const shown = network.peers[0]!.asked.filter(({ token }) => token !== null)
  t.same(
    shown.map(({ path, token }) => [path, token]),
    [
      [`/v1/receipts/${toHex(id)}?pin=4`, 'Bearer token-1'],
      ['/v1/state-proofs/07?pin=4', 'Bearer token-2'],
      [`/v1/devices/${toHex(id)}/lanes/0/completeness?from=1.0&to=1.9&pin=4`, 'Bearer token-3']
    ]
  )
})

t.test('one history is proved to continue another', async t => {
  const ledger = new ForkableLedger().grow(9)
  const network = fakeNetwork(ledger, ledger)
  const following = client(t, network)
  following.start()
  const first = ledger.header(3).history
  t.same(await following.consistency(first), ledger.consistency(6, 18))
  t.same(
    await following.consistency(first, { second: ledger.header(5).history }),
    ledger.consistency(6, 10)
  )
  t.same(await following.consistency(ledger.header(9).history), [])
  await t.rejects(following.consistency({ size: 6, root: new Uint8Array(32) }), {
    code: 'ERR_NO_PEER'
  })
  for (const impossible of [
    { size: 18, root: first.root },
    { size: 99, root: first.root }
  ])
    await t.rejects(following.consistency(impossible), { code: 'ERR_CONSISTENCY' })
  network.peers[0]!.lie = (url, truth) =>
    url.pathname === '/v1/consistency' ? { status: 200, body: Uint8Array.of(0x80) } : truth
  t.same(await following.consistency(first), ledger.consistency(6, 18), 'from the other peer')
})
