import t from 'tap'
import {
  blockHash,
  consistencyPathFormat,
  equalBytes,
  headersPageFormat,
  isVitalchainError
} from '@vitalchain/core'
import {
  createLightClient,
  forkReportFormat,
  verifyForkReport,
  type Branch,
  type LightClient
} from '../../src/light/index.ts'
import { fakeNetwork, json } from './fake-peers.ts'
import { client, headAt, untilPeer } from './following.ts'
import { ForkableLedger, MEMBERS } from './forkable-ledger.ts'

function branch(of: ForkableLedger, height: number): Branch {
  return {
    ...of.blocks[height - 1]!,
    handOvers: of.handOvers.filter(({ header }) => header.height < height)
  }
}

/** Waits until the client stops at a fork. */
async function forked(following: LightClient): Promise<Uint8Array> {
  try {
    for await (const head of following.heads()) void head
  } catch (error) {
    if (isVitalchainError(error) && error.code === 'ERR_FORK') return following.fork!
    throw error
  }
  throw new Error('the heads ended')
}

t.test('a client that sees two ledgers stops and proves the height at which they part', async t => {
  const ledger = new ForkableLedger().grow(2)
  ledger.addBlock({ next: MEMBERS.slice(1, 6) })
  ledger.grow(3)
  const other = ledger.copy()
  // Validators 1 and 2 of five sign both: more than the one that may lie.
  ledger.addBlock({ signers: [0, 1, 2, 3] })
  ledger.grow(5)
  other.addBlock({ mark: 'other', signers: [1, 2, 3, 4], view: 1 })
  other.grow(9, { mark: 'other' })
  const logged: string[] = []
  const network = fakeNetwork(ledger, other)
  const following = client(t, network, { log: event => logged.push(event) })
  following.start()
  const report = await forked(following)
  const fork = verifyForkReport(report, { genesis: ledger.genesis })
  t.equal(fork.height, 7)
  t.ok(fork.splitHere)
  t.same(fork.network, ledger.network)
  t.same(
    new Set([fork.first.blockHash.join(), fork.second.blockHash.join()]),
    new Set([ledger, other].map(each => blockHash(each.header(7)).join()))
  )
  t.same(
    fork.signedBoth.map(member => member.join()),
    MEMBERS.slice(2, 5).map(({ validator }) => validator.member.join())
  )
  t.equal(fork.first.handOvers, 1)

  t.equal(following.status().state, 'forked')
  t.ok(logged.includes('the ledger is forked'))
  const { height } = following.status()
  await t.rejects(following.ready(), { code: 'ERR_FORK' })
  await t.rejects(following.stateProof(new Uint8Array(1)), { code: 'ERR_FORK' })
  await t.rejects(following.verifyReceipt(new Uint8Array(1)), { code: 'ERR_FORK' })
  await following.stop()
  t.equal(network.open, 0)
  t.equal(following.status().state, 'forked', 'also when it is stopped')
  t.equal(following.status().height, height)

  const resumed = client(t, fakeNetwork(ledger), { resume: following.save()! })
  t.equal(resumed.status().state, 'forked', 'and after a restart')
  t.same(resumed.fork, report)
  t.throws(() => resumed.start(), { code: 'ERR_FORK' })
})

t.test('a fork is seen whatever the two ledgers have in common', async t => {
  const ledger = new ForkableLedger().grow(12)
  const sameTree = ledger.copy(8)
  sameTree.addBlock({ header: { stateRoot: new Uint8Array(32).fill(7) } })
  const cases: readonly (readonly [string, ForkableLedger, number])[] = [
    ['the other is longer', ledger.copy(10).grow(8, { mark: 'x' }), 11],
    ['the other is as long', ledger.copy(11).grow(1, { mark: 'x' }), 12],
    ['the other is behind', ledger.copy(5).grow(3, { mark: 'x' }), 6],
    ['all transactions are the same', sameTree, 9],
    ['they part at the first block', ledger.copy(0).grow(4, { mark: 'x' }), 1]
  ]
  for (const [what, other, height] of cases) {
    // A third peer is honest, so that a lagging one is compared with somebody.
    for (const order of [
      [ledger, other, ledger],
      [other, ledger, ledger]
    ]) {
      const following = client(t, fakeNetwork(...order))
      following.start()
      const fork = verifyForkReport(await forked(following), { genesis: ledger.genesis })
      t.equal(fork.height, height, what)
      t.ok(fork.splitHere, what)
    }
  }
})

t.test('a fork with other validators on each side is proved by the hand-overs of each', async t => {
  const ledger = new ForkableLedger().grow(2)
  const other = ledger.copy()
  ledger.addBlock({ next: MEMBERS.slice(1, 5) })
  ledger.grow(4)
  other.addBlock({ next: MEMBERS.slice(4, 8) })
  other.grow(4)
  const network = fakeNetwork(ledger, other)
  // Who shows nothing but the newest headers cannot be asked for the first difference.
  for (const peer of network.peers)
    peer.lie = (url, truth) => {
      const hidden = url.pathname === '/v1/headers' && Number(url.searchParams.get('from')) < 7
      return hidden ? { status: 200, body: headersPageFormat.encode([]) } : truth
    }
  const following = client(t, network)
  following.start()
  const fork = verifyForkReport(await forked(following), { genesis: ledger.genesis })
  t.equal(fork.height, 7)
  t.notOk(fork.splitHere)
  t.same([fork.first.handOvers, fork.second.handOvers], [1, 1])
  t.same(fork.signedBoth, [], 'nobody certified both')
})

t.test(
  'a certified header that leads nowhere is held to its peer when the others come so far',
  async t => {
    const ledger = new ForkableLedger().grow(5)
    const forged = ledger.copy().grow(3, { mark: 'forged' }).blocks.at(-1)!
    const network = fakeNetwork(ledger, ledger)
    const liar = network.peers[1]!
    let shown = 0
    liar.lie = (url, truth) => {
      if (shown > 0) return truth
      if (url.pathname === '/v1/status')
        return { status: 200, body: new TextEncoder().encode('{"height":8}') }
      if (url.pathname === '/v1/headers' && url.searchParams.get('from') === '8')
        return { status: 200, body: headersPageFormat.encode([forged]) }
      if (url.pathname === '/v1/consistency') shown++
      return truth
    }
    const following = client(t, network)
    following.start()
    await headAt(following, 5)
    await untilPeer(following, 1, ({ state }) => state === 'failing')
    t.equal(following.status().state, 'following')
    ledger.grow(4)
    const fork = verifyForkReport(await forked(following), { genesis: ledger.genesis })
    t.equal(fork.height, 8, 'though the peer shows what all show by now')
  }
)

t.test(
  'a certified header does not become the head when its history does not continue the head',
  async t => {
    const ledger = new ForkableLedger().grow(5)
    const other = ledger.copy(3).grow(5, { mark: 'other' })
    const network = fakeNetwork(ledger, ledger)
    const liar = network.peers[1]!
    const following = client(t, network)
    following.start()
    await headAt(following, 5)
    await untilPeer(following, 1, ({ state }) => state === 'agrees')
    liar.lie = (url, truth) => {
      if (url.pathname === '/v1/status') return json({ height: 8 })
      const body =
        url.pathname === '/v1/headers'
          ? headersPageFormat.encode(other.blocks.slice(-1))
          : consistencyPathFormat.encode(other.consistency(10, 16))
      return url.pathname === '/v1/hand-overs' ? truth : { status: 200, body }
    }
    await untilPeer(following, 1, ({ code }) => code === 'ERR_CONSISTENCY')
    t.equal(following.status().height, 5)
  }
)

t.test('what contradicts the pin, or lacks a quorum, is no fork but a peer that lies', async t => {
  const ledger = new ForkableLedger().grow(3)
  const old = ledger.copy()
  ledger.addBlock({ next: MEMBERS.slice(3, 7) })
  ledger.grow(5)
  old.grow(4, { mark: 'forged by the retired' })
  const few = ledger.copy(7).grow(2, { mark: 'forged by one', signers: [0] })
  const pin = ledger.pin(6)
  const following = client(t, fakeNetwork(ledger, old, few), { pin })
  following.start()
  await headAt(following, 9)
  await untilPeer(following, 1, ({ state }) => state === 'failing' || state === 'behind')
  await untilPeer(following, 2, ({ code }) => code === 'ERR_CERTIFICATE')
  ledger.grow(2)
  await headAt(following, 11)
  t.equal(following.status().state, 'following')
  t.equal(following.fork, undefined)
})

t.test('a fork report is refused when it proves no fork, and with any byte changed', async t => {
  const ledger = new ForkableLedger().grow(1)
  ledger.addBlock({ next: MEMBERS.slice(1, 5) })
  const other = ledger.copy().grow(1, { mark: 'x' })
  ledger.grow(2)
  const { genesis, network } = ledger
  const first = branch(ledger, 3)
  const second = branch(other, 3)
  const good = forkReportFormat.encode({ genesis, first, second })
  t.equal(verifyForkReport(good, { genesis: network }).height, 3)
  const refused = (changed: Partial<Parameters<typeof forkReportFormat.encode>[0]>): unknown =>
    verifyForkReport(forkReportFormat.encode({ genesis, first, second, ...changed }), { genesis })
  t.throws(() => refused({ second: first }), { code: 'ERR_NO_FORK' })
  t.throws(() => refused({ first: branch(ledger, 4) }), { code: 'ERR_NO_FORK' })
  t.throws(() => refused({ second: { ...second, certificate: first.certificate } }), {
    code: 'ERR_CERTIFICATE'
  })
  t.throws(() => refused({ second: { ...second, handOvers: [] } }), { code: 'ERR_HANDOVER' })
  t.throws(() => verifyForkReport(good, { genesis: new Uint8Array(32) }), {
    code: 'ERR_OTHER_NETWORK'
  })
  const taken: number[] = []
  for (let at = 0; at < good.length; at += 5) {
    const damaged = good.slice()
    damaged[at]! ^= 1 << (at % 8)
    try {
      verifyForkReport(damaged, { genesis })
      taken.push(at)
    } catch (error) {
      if (!isVitalchainError(error)) throw error
    }
  }
  t.same(taken, [])
})

t.test('a state with a report that proves nothing is refused', async t => {
  const ledger = new ForkableLedger().grow(2)
  const network = fakeNetwork(ledger, ledger.copy(1).grow(1, { mark: 'x' }))
  const following = client(t, network)
  following.start()
  const report = await forked(following)
  const saved = following.save()!
  const at = saved.findIndex((_, k) => equalBytes(saved.subarray(k, k + report.length), report))
  const damaged = saved.slice()
  damaged[at + report.length - 1]! ^= 1
  t.throws(
    () => createLightClient({ genesis: ledger.genesis, peers: network.addresses, resume: damaged }),
    { code: 'ERR_CERTIFICATE' }
  )
})
