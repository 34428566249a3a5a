import {
  decodeMessage,
  encodeMessage,
  messageSignBytes,
  type BlockProposal,
  type Message,
  type SignedMessage,
  type Unsigned
} from '@vitalchain/consensus'
import { blockHash, sha256, toHex, type Block, type Certificate } from '@vitalchain/core'
import t from 'tap'
import { createTransport, LINK_GRACE_MS, type Transport } from '../../src/consensus/transport.ts'
import type { Candidate } from '../../src/ledger/execute.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { GossipVerdict } from '../../src/network/index.ts'
import type { LinkListener } from '../../src/network/types.ts'
import {
  buildNext,
  certify,
  ledgerWithDevice,
  memberOf,
  type TestDevice,
  type TestNetwork
} from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'

const SELF = 0

/** A network whose links a test takes up and down. */
class Wires extends FakeNetwork {
  readonly published: Uint8Array[] = []
  readonly told: string[] = []
  readonly down = new Set<string>()
  readonly members: Uint8Array[] = []
  readonly #up: LinkListener[] = []

  override onLinkUp(listener: LinkListener): void {
    this.#up.push(listener)
  }
  override send(member: Uint8Array, encoded: Uint8Array): boolean {
    if (this.down.has(toHex(member))) return false
    this.told.push(`${toHex(member)} ${decodeMessage(encoded).type}`)
    return super.send(member, encoded)
  }
  override async publish(_topic?: string, bytes?: Uint8Array): Promise<void> {
    if (bytes !== undefined) this.published.push(bytes)
  }
  override links() {
    return this.members.map(member => ({ member })) as never
  }

  /** A link comes up, again perhaps. */
  connect(member: Uint8Array): void {
    this.down.delete(toHex(member))
    for (const listener of this.#up) listener(member)
  }

  /** What is heard by gossip, with the next number in front. */
  hear(from: Uint8Array, inner: Uint8Array, attempt = 1): Promise<GossipVerdict> {
    return Promise.resolve(
      this.gossip!(Uint8Array.of(attempt >> 8, attempt & 0xff, ...inner), from)
    )
  }
}

interface Bench {
  readonly network: TestNetwork
  readonly ledger: Ledger
  readonly device: TestDevice
  readonly wires: Wires
  readonly transport: Transport
  /** What the replica was given, and by whom. */
  readonly given: { from: number | undefined; message: Message }[]
  readonly connected: number[]
  readonly clock: { now: number }
  /** The transactions that this node knows. */
  readonly pool: Candidate[]
}

async function bench({
  holds = () => false,
  onLook = async () => undefined
}: { holds?: (message: Message) => boolean; onLook?: () => Promise<void> } = {}) {
  const { network, ledger, device } = await ledgerWithDevice()
  const wires = new Wires()
  const given: Bench['given'] = []
  const connected: number[] = []
  const clock = { now: 1_000_000 }
  const pool: Candidate[] = []
  const logged: string[] = []
  const transport = createTransport({
    ledger,
    network: wires,
    source: {
      transactions: async hashes => {
        await onLook()
        const found = hashes.flatMap(
          hash => pool.find(each => toHex(each.hash) === toHex(hash)) ?? []
        )
        return found.length === hashes.length ? found : undefined
      }
    },
    scope: { network: network.id, recoveryEpoch: 0 },
    validators: () => ledger.validators(),
    self: () => ledger.validators()[SELF],
    holds,
    onMessage: (from, message) => given.push({ from, message }),
    onConnected: peer => connected.push(peer),
    status: () => STATUS,
    log: event => logged.push(event),
    clock: () => clock.now
  })
  transport.start()
  return { network, ledger, device, wires, transport, given, connected, clock, pool, logged }
}

const STATUS: Message = {
  type: 'status',
  height: 1,
  headHash: new Uint8Array(32),
  view: 0,
  clock: 0,
  version: 1
}

async function signed(network: TestNetwork, message: Unsigned): Promise<SignedMessage> {
  const { consensus } = memberOf(network, message.sender)
  const signBytes = messageSignBytes({ network: network.id, recoveryEpoch: 0 }, message)
  return { ...message, signature: await consensus.sign(signBytes) }
}

function vote(
  { network, ledger }: Pick<Bench, 'network' | 'ledger'>,
  options: { sender?: number; height?: number; view?: number; block?: number } = {}
): Promise<SignedMessage> {
  const { sender = 1, height = ledger.head.height + 1, view = 0, block = 5 } = options
  const hash = new Uint8Array(32).fill(block)
  return signed(network, { type: 'prepare', height, view, sender, blockHash: hash })
}

function proposalOf({ header, previousCertificate, transactions }: Block): BlockProposal {
  return { header, previousCertificate, transactions: transactions.map(sha256) }
}

t.test('a message goes over the links, and nothing the way round while all are up', async t => {
  const made = await bench()
  const { wires, transport, clock, network } = made
  const message = await vote(made, { sender: SELF })
  transport.send('all', message)
  transport.send([2], message)
  clock.now += 60_000
  transport.send('all', message)
  transport.send('all', STATUS)
  t.same(wires.published, [])
  t.same(
    wires.told,
    [1, 2, 3, 2, 1, 2, 3].map(k => `${toHex(memberOf(network, k).id)} prepare`)
  )
  t.equal(decodeMessage(wires.sent.at(-1)!).type, 'status')
})

t.test('with a link down for longer than a moment, what proves itself goes round too', async t => {
  const made = await bench()
  const { wires, transport, clock, network, ledger } = made
  const cut = memberOf(network, 1).id
  wires.down.add(toHex(cut))
  const message = await vote(made, { sender: SELF })
  transport.send('all', message)
  clock.now += LINK_GRACE_MS - 1
  transport.send('all', message)
  t.same(wires.published, [], 'a restart takes a moment')
  clock.now += 1
  transport.send('all', message)
  transport.send([1], message)
  transport.send([2], message)
  transport.send('all', STATUS)
  transport.send([1], { type: 'inquiry', nonce: new Uint8Array(32) })
  t.equal(wires.published.length, 2, 'once for all, and nothing for who has a link')
  t.notSame(wires.published[0], wires.published[1], 'the same bytes would not travel twice')
  for (const each of wires.published) t.same(decodeMessage(each.subarray(2)), message)

  const certificate = await certify(network, ledger.header(1)!)
  transport.send([1], { type: 'decided', certificate })
  t.equal(wires.published.length, 3)
  wires.connect(cut)
  transport.send('all', message)
  t.equal(wires.published.length, 3, 'the link is back')
  t.same(made.connected, [1])
})

t.test('for who is silent for a minute nothing goes round but a try now and then', async t => {
  const made = await bench()
  const { wires, transport, clock, network } = made
  wires.down.add(toHex(memberOf(network, 1).id))
  const message = await vote(made, { sender: SELF })
  /** How often a message that is sent each 100 ms for a minute goes round. */
  const minute = (): number => {
    const before = wires.published.length
    for (let k = 0; k < 600; k++) {
      clock.now += 100
      transport.send('all', message)
    }
    return wires.published.length - before
  }
  minute()
  t.ok(minute() <= 70, 'a tenth')
  clock.now += 3_600_000
  const before = wires.published.length
  transport.send('all', message)
  t.equal(wires.published.length, before + 1, 'the first word after an idle hour goes round')

  await wires.hear(memberOf(network, 2).id, encodeMessage(await vote(made)))
  t.ok(minute() >= 590, 'it is there')
})

t.test(
  'f + 1 validators tell a member that is none what was decided, others each time',
  async t => {
    const { wires, transport, ledger, network } = await bench()
    const candidate = new Uint8Array(32).fill(9)
    wires.members.push(memberOf(network, 1).id, candidate)
    const certificate = await certify(network, ledger.header(1)!)
    for (let height = 1; height <= 8; height++)
      transport.announce({ ...certificate, height, view: 0 }, ledger.validators())
    t.same(wires.told, Array(4).fill(`${toHex(candidate)} decided`), 'two of four at each height')
    wires.told.length = 0
    wires.connect(candidate)
    t.same(wires.told, [`${toHex(candidate)} status`], 'and where it stands at once')
  }
)

t.test('what comes by gossip is checked, handed over and relayed', async t => {
  const made = await bench()
  const { wires, network, given } = made
  const relay = memberOf(network, 2).id
  const message = await vote(made)
  t.equal(await wires.hear(relay, encodeMessage(message)), 'accept')
  t.same(given, [{ from: undefined, message }])
  t.equal(await wires.hear(relay, encodeMessage(message), 2), 'ignore', 'a copy a moment later')
  made.clock.now += 200
  t.equal(await wires.hear(relay, encodeMessage(message), 3), 'accept', 'a resend goes on')
  t.equal(given.length, 2)
})

t.test('a neighbour answers for what it must have seen itself, and only for that', async t => {
  const made = await bench()
  const { wires, network, ledger, given } = made
  const relay = memberOf(network, 2).id
  const judge = async (message: Message | Uint8Array): Promise<GossipVerdict> =>
    wires.hear(relay, message instanceof Uint8Array ? message : encodeMessage(message))
  const next = ledger.head.height + 1
  const broken = { signature: new Uint8Array(64).fill(1) }

  t.equal(await judge(new Uint8Array(40)), 'reject', 'no message')
  t.equal(await judge(STATUS), 'reject', 'proves nothing')
  t.equal(await judge({ ...(await vote(made)), ...broken }), 'reject', 'a bad signature')
  t.equal(await judge({ ...(await vote(made)), sender: 2 }), 'reject', 'the name of another')
  t.equal(await judge({ ...(await vote(made)), sender: 50 }), 'reject', 'of nobody')
  t.equal(
    await judge({ ...(await vote(made, { height: next + 7 })), ...broken }),
    'ignore',
    'the validators of a later height are not known'
  )
  t.same(given, [])
  t.equal(await judge(await vote(made, { height: next - 1 })), 'accept', 'another may need it')
  t.equal(await judge(await vote(made, { height: next + 7 })), 'accept', 'a hint to catch up')
  t.equal(given.length, 2)

  const stale = { ...(await vote(made, { height: next - 1 })), ...broken }
  const { candidate } = await made.device.read()
  const built = ledger.build([candidate], { view: 0, proposer: 0, time: ledger.head.time + 1_000 })
  await ledger.commit(built.executed, await certify(network, built.block.header))
  t.equal(await judge(stale), 'ignore', 'old and not looked at')
})

t.test('a message of a height that is about to be reached waits for it', async t => {
  const made = await bench()
  const { ledger, network, wires, transport, given } = made
  const message = await vote(made, { height: ledger.head.height + 2 })
  const verdict = wires.hear(memberOf(network, 2).id, encodeMessage(message))
  const { candidate } = await made.device.read()
  const built = ledger.build([candidate], { view: 0, proposer: 0, time: ledger.head.time + 1_000 })
  await ledger.commit(built.executed, await certify(network, built.block.header))
  t.same(given, [])
  transport.advanced()
  t.equal(await verdict, 'accept')
  t.same(given, [{ from: undefined, message }])
})

t.test('two votes that contradict each other are relayed as evidence, a third is not', async t => {
  const made = await bench()
  const relay = memberOf(made.network, 2).id
  const verdicts: GossipVerdict[] = []
  for (const block of [1, 2, 3])
    verdicts.push(await made.wires.hear(relay, encodeMessage(await vote(made, { block }))))
  t.same(verdicts, ['accept', 'accept', 'ignore'])
})

t.test('one signer cannot use up what its relays may send', async t => {
  const made = await bench()
  const { wires, network } = made
  const relays = [2, 3].map(index => memberOf(network, index).id)
  const verdicts: GossipVerdict[] = []
  // Each is signed and new, and by itself worth a relay; each relay has points for a thousand.
  for (let view = 0; view < 1_200; view++) {
    const message = encodeMessage(await vote(made, { view }))
    verdicts.push(await wires.hear(relays[view % 2]!, message))
  }
  t.equal(verdicts.filter(each => each === 'accept').length, 1_000)
  const other = encodeMessage(await vote(made, { sender: 2 }))
  t.equal(await wires.hear(relays[0]!, other), 'accept', 'the others go on')
})

t.test('a vote that the replica holds costs no check', async t => {
  const made = await bench({ holds: () => true })
  const message = { ...(await vote(made)), signature: new Uint8Array(64) }
  t.equal(await made.wires.hear(memberOf(made.network, 2).id, encodeMessage(message)), 'accept')
  t.same(made.given, [])
})

t.test('the transactions of one proposal of a signer are looked for at a time', async t => {
  const found = Promise.withResolvers<void>()
  let looks = 0
  const made = await bench({
    onLook() {
      looks++
      return found.promise
    }
  })
  const { wires, network, ledger, device } = made
  const relay = memberOf(network, 2).id
  const block = proposalOf(buildNext(ledger, [(await device.read()).candidate]))
  const { height } = block.header
  const hear = async (view: number, sender = 1): Promise<GossipVerdict> => {
    const proposal = { type: 'proposal', height, view, sender, block } as const
    const message = await signed(network, { ...proposal, justification: undefined })
    return wires.hear(relay, encodeMessage(message))
  }
  const first = hear(0)
  for (let view = 1; view < 20; view++) t.equal(await hear(view), 'ignore')
  const other = hear(0, 3)
  found.resolve()
  t.same(await Promise.all([first, other]), ['ignore', 'ignore'], 'nobody has them')
  t.equal(looks, 2)
  await hear(20)
  t.equal(looks, 3, 'then the next')
})

t.test('a certificate is relayed when it proves itself', async t => {
  const made = await bench()
  const { wires, network, ledger, device, given } = made
  const relay = memberOf(network, 2).id
  const { header } = buildNext(ledger, [(await device.read()).candidate])
  const judge = async (certificate: Certificate): Promise<GossipVerdict> =>
    wires.hear(relay, encodeMessage({ type: 'decided', certificate }))
  const good = await certify(network, header)
  t.equal(await judge({ ...good, view: 7 }), 'reject')
  t.equal(await judge(await certify(network, header, { phase: 'prepare' })), 'reject')
  t.equal(await judge(good), 'accept')
  t.equal(given.length, 1)
  t.equal(
    await judge(await certify(network, header, { signers: [1, 2, 3] })),
    'ignore',
    'one will do'
  )
  t.equal(await judge({ ...good, height: good.height + 5 }), 'ignore')
  t.equal(await judge(await certify(network, ledger.header(1)!)), 'ignore', 'everybody has it')
})

t.test('a relay cannot change what a signature does not cover', async t => {
  const made = await bench()
  const { wires, network, ledger, device, pool, given } = made
  const relay = memberOf(network, 2).id
  const [one, two] = [await device.read(), await device.read()]
  pool.push(one.candidate, two.candidate)
  const block = buildNext(ledger, [one.candidate])
  const { height } = block.header
  const proposal = await signed(network, {
    type: 'proposal',
    height,
    view: 0,
    sender: 1,
    block: proposalOf(block),
    justification: undefined
  })
  if (proposal.type !== 'proposal') return
  const otherList = { ...proposal.block, transactions: [two.candidate.hash] }
  const altered = { ...proposal, block: otherList }
  t.equal(await wires.hear(relay, encodeMessage(altered)), 'reject', 'another list')
  const unknown = { ...proposal.block, transactions: [new Uint8Array(32)] }
  t.equal(await wires.hear(relay, encodeMessage({ ...proposal, block: unknown })), 'ignore')
  t.equal(await wires.hear(relay, encodeMessage(proposal)), 'accept')
  t.equal(given.length, 1)

  const prepared = await certify(network, block.header, { phase: 'prepare' })
  const change = await signed(network, {
    type: 'view-change',
    height,
    view: 2,
    sender: 1,
    preparedView: 0,
    preparedHash: blockHash(block.header),
    prepared
  })
  if (change.type !== 'view-change') return
  const worthless = { ...change, prepared: { ...prepared, phase: 'commit' as const } }
  t.equal(await wires.hear(relay, encodeMessage(worthless)), 'reject')
  t.equal(await wires.hear(relay, encodeMessage({ ...change, prepared: undefined })), 'reject')
  t.equal(await wires.hear(relay, encodeMessage(change)), 'accept')
  t.equal(given.length, 2)
})

t.test('a refused message counts against the member that brought it over its link', async t => {
  const made = await bench()
  const { wires, transport, network, ledger } = made
  const culprit = memberOf(network, 3).id
  const fresh = createTransport({
    ledger,
    network: wires,
    source: { transactions: async () => undefined },
    scope: { network: network.id, recoveryEpoch: 0 },
    validators: () => ledger.validators(),
    self: () => ledger.validators()[SELF],
    holds: () => false,
    onMessage: (_from, message) => {
      fresh.rejected(message.type === 'decided' ? 'certificate' : 'signature')
    },
    onConnected: () => undefined,
    status: () => STATUS,
    log: () => undefined
  })
  fresh.start()
  wires.receive(culprit, encodeMessage(await vote(made)))
  const certificate = await certify(network, ledger.header(1)!)
  wires.receive(culprit, encodeMessage({ type: 'decided', certificate }))
  wires.receive(culprit, new Uint8Array(3))
  wires.receive(culprit, new Uint8Array(200_000))
  const name = toHex(culprit)
  t.same(wires.offences, [
    `${name} signature`,
    `${name} proof`,
    `${name} malformed`,
    `${name} oversize`
  ])
  await wires.hear(culprit, encodeMessage(await vote(made)))
  t.equal(wires.offences.length, 4, 'who relays it is judged by the verdict alone')
  transport.rejected('signature')
  t.equal(wires.offences.length, 4, 'what was kept from before is nobody’s')
})

t.test(
  'what older software cannot read is not held against who knows a newer protocol',
  async t => {
    const { wires, network, given, logged } = await bench()
    const newer = memberOf(network, 3).id
    wires.receive(newer, encodeMessage({ ...STATUS, version: 2 }))
    for (let k = 0; k < 2; k++) wires.receive(newer, new Uint8Array(3))
    t.same(wires.offences, [])
    t.same(logged, ['malformed message'], 'it cannot fill the log either')
    t.match(given.at(-1)?.message, { type: 'status', version: 2 })
    wires.receive(newer, encodeMessage(STATUS))
    wires.receive(newer, new Uint8Array(3))
    t.same(wires.offences, [`${toHex(newer)} malformed`])
    t.equal(logged.length, 2)
    wires.receive(newer, encodeMessage({ ...STATUS, version: 2 }))
    wires.receive(newer, new Uint8Array(3))
    t.equal(logged.length, 2, 'nor by being newer again and again')
  }
)

t.test('nothing is taken before the start and after the stop', async t => {
  const made = await bench()
  made.transport.stop()
  const message = encodeMessage(await vote(made))
  made.wires.receive(memberOf(made.network, 1).id, message)
  t.equal(await made.wires.hear(memberOf(made.network, 2).id, message), 'ignore')
  t.same(made.given, [])
})
