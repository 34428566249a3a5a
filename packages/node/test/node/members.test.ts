import {
  approveArgs,
  listChanges,
  listMembers,
  previewChange,
  proposeArgs,
  type MemberChange
} from '@vitalchain/contracts'
import { ed25519PublicKey, memberId, toHex, verifyReceipt } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createLedgerNode, createVoteState, type LedgerNode } from '../../src/index.ts'
import { signReady } from '../../src/members/ready.ts'
import {
  describeMember,
  foundNetwork,
  memberSecrets,
  operatorSigner,
  type FoundedNetwork,
  type MemberSecrets
} from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './wait.ts'

const NAMES = ['A', 'B', 'C', 'D', 'E', 'F']

/** Nodes that come and go, each with its directory, and what they logged. */
class Hospitals {
  readonly founded: FoundedNetwork
  readonly running: LedgerNode[] = []
  readonly #dir: string
  readonly #logs = new Map<string, string[]>()

  constructor(t: Test, founders: number) {
    this.founded = foundNetwork({ names: NAMES.slice(0, founders), created: Date.now() })
    this.#dir = t.testdir({})
    t.teardown(() => Promise.all(this.running.map(node => node.stop())))
  }

  /** Starts the node with these keys. */
  async start(secrets: MemberSecrets): Promise<LedgerNode> {
    const name = toHex(secrets.transport).slice(0, 16)
    const logged = this.logged(secrets)
    // Each key is new here; at a later start the note finds the votes begun.
    await createVoteState(`${this.#dir}/${name}`, ed25519PublicKey(secrets.consensus))
    const node = createLedgerNode({
      genesis: this.founded.document,
      keys: {
        transport: secrets.transport,
        consensus: secrets.consensus,
        operator: operatorSigner(secrets)
      },
      dataDir: `${this.#dir}/${name}`,
      bootstrap: this.running.flatMap(each => each.addresses()),
      log: event => logged.push(event)
    })
    this.running.push(node)
    await node.start()
    return node
  }

  async startFounders(): Promise<LedgerNode[]> {
    const nodes: LedgerNode[] = []
    for (const secrets of this.founded.members) nodes.push(await this.start(secrets))
    return nodes
  }

  async stop(node: LedgerNode): Promise<void> {
    this.running.splice(this.running.indexOf(node), 1)
    await node.stop()
  }

  /** What a node logged, by name. */
  logged(secrets: MemberSecrets): string[] {
    const name = toHex(secrets.transport)
    const logged = this.#logs.get(name) ?? []
    this.#logs.set(name, logged)
    return logged
  }
}

/** Proposes a change at the first node and approves it at the others. */
async function vote(
  [first, ...others]: readonly LedgerNode[],
  change: MemberChange
): Promise<Uint8Array> {
  await first!.call('members.propose', proposeArgs({ change, forced: false }))
  const id = listChanges(first!.state).at(-1)!.id
  for (const node of others) {
    await until('it knows the change', () =>
      listChanges(node.state).some(each => toHex(each.id) === toHex(id))
    )
    await node.call('members.approve', approveArgs({ change: id }))
  }
  return id
}

async function ready(node: LedgerNode, secrets: MemberSecrets, change: Uint8Array): Promise<void> {
  await until('it is approved', () => node.status().membership === 'approved')
  const keys = { ...secrets, operator: operatorSigner(secrets) }
  const { height } = node.status()
  await node.call('members.ready', await signReady(keys, { network: node.network, change, height }))
}

async function write(node: LedgerNode, device: TestDevice): Promise<Uint8Array> {
  const { candidate, payload } = await device.read()
  return node.committed(await node.submit({ transaction: candidate.bytes, payload }))
}

/** A device registered at a node. */
async function deviceAt(node: LedgerNode, name: string): Promise<TestDevice> {
  const device = new TestDevice({ id: node.network }, name)
  await node.registerDevice({ publicKey: device.publicKey, model: 'monitor', firmware: undefined })
  return device
}

function names(node: LedgerNode): string {
  return listMembers(node.state)
    .map(each => each.name)
    .join('')
}

function agree(nodes: readonly LedgerNode[]): boolean {
  return new Set(nodes.map(node => `${node.status().head} ${node.status().stateRoot}`)).size === 1
}

/** The members whose commit votes certify the newest block of a node. */
function signersOf(node: LedgerNode): string[] {
  const { ledger } = node
  const { height } = ledger.head
  const validators = ledger.validators(height)
  const members = listMembers(node.state)
  return ledger.certificate(height)!.signers.map(index => {
    const id = toHex(validators[index]!.member)
    return members.find(each => toHex(each.id) === id)?.name ?? '?'
  })
}

t.test('four hospitals become five by their vote, and the fifth votes', async t => {
  const hospitals = new Hospitals(t, 4)
  const nodes = await hospitals.startFounders()
  const device = await deviceAt(nodes[0]!, 'device')
  await write(nodes[0]!, device)

  const secrets = memberSecrets('E')
  const fifth = await hospitals.start(secrets)
  const log = hospitals.logged(secrets)
  await until('it says that it waits', () => log.includes('not yet a member: waiting for approval'))
  t.match(fifth.status(), { membership: 'waiting', votes: false, height: 0, links: [] })

  const change: MemberChange = { type: 'add', member: describeMember(secrets) }
  const { before, after } = previewChange(nodes[0]!.state, hospitals.founded.genesis, change)
  t.same([before.quorum, after.quorum], [3, 4])
  const id = await vote(nodes.slice(0, 3), change)
  t.equal(names(nodes[0]!), 'ABCD', 'approved is not yet in force')
  await ready(fifth, secrets, id)
  await until('all know the fifth', () => [...nodes, fifth].every(node => names(node) === 'ABCDE'))
  t.equal(nodes[0]!.ledger.validators().length, 5)
  await until('it takes part', () => fifth.status().votes && fifth.status().links.length === 4)

  // Four of five are a quorum: with one founder gone every block needs the fifth.
  await hospitals.stop(nodes[1]!)
  const receipt = await write(nodes[0]!, device)
  t.ok(signersOf(nodes[0]!).includes('E'))
  const proven = verifyReceipt(receipt, { genesis: hospitals.founded.document })
  t.equal(proven.transaction.type, 'statement', 'the hand-over leads from genesis to the receipt')
  await until(
    'it holds all',
    () => agree([nodes[0]!, fifth]) && fifth.ledger.wantedPayloads(1).length === 0
  )
  await write(fifth, await deviceAt(fifth, 'device of the fifth'))
})

t.test(
  'five become four; the one that left sees it, does not vote and keeps what it has',
  async t => {
    const hospitals = new Hospitals(t, 5)
    const nodes = await hospitals.startFounders()
    const device = await deviceAt(nodes[0]!, 'device')
    const kept = await write(nodes[0]!, device)
    const leaver = nodes[4]!
    await until('it has the reading', () => agree(nodes))

    const member = memberId(operatorSigner(hospitals.founded.members[4]!).publicKey)
    await vote(nodes.slice(0, 4), { type: 'remove', member })
    await until('it knows', () => leaver.status().membership === 'removed')
    t.match(leaver.status(), { votes: false, links: [] })
    const log = hospitals.logged(hospitals.founded.members[4]!)
    t.ok(log.some(event => event.startsWith('no member any more')))
    const { height } = leaver.status()
    await write(nodes[0]!, device)
    await until('the four go on', () => agree(nodes.slice(0, 4)))
    t.equal(leaver.status().height, height, 'what came after is not for it')
    t.equal(nodes[0]!.ledger.validators().length, 4)
    t.same(
      leaver.receipt(verifyReceipt(kept, { genesis: hospitals.founded.document }).transaction.id)
        .length > 0,
      true
    )
    t.notOk(nodes[0]!.status().links.includes('E'))
    await t.rejects(
      leaver.submit({ transaction: (await device.read()).candidate.bytes, payload: undefined })
    )
  }
)

t.test('a member that was away when it was removed is told so when it comes back', async t => {
  const hospitals = new Hospitals(t, 5)
  const nodes = await hospitals.startFounders()
  const device = await deviceAt(nodes[0]!, 'device')
  const secrets = hospitals.founded.members[4]!
  await hospitals.stop(nodes[4]!)
  await vote(nodes.slice(0, 4), {
    type: 'remove',
    member: memberId(operatorSigner(secrets).publicKey)
  })
  await until('all four know', () => agree(nodes.slice(0, 4)) && names(nodes[0]!) === 'ABCD')
  const last = nodes[0]!.status().height
  await write(nodes[0]!, device)

  const back = await hospitals.start(secrets)
  await until('it knows', () => back.status().membership === 'removed')
  t.match(back.status(), { height: last, votes: false }, 'it read up to its removal and no further')
})

t.test(
  'others that do not remember who left refuse its node all the same, and it says so',
  async t => {
    const hospitals = new Hospitals(t, 5)
    const nodes = await hospitals.startFounders()
    const secrets = hospitals.founded.members
    await deviceAt(nodes[0]!, 'device')
    await hospitals.stop(nodes[4]!)
    const member = memberId(operatorSigner(secrets[4]!).publicKey)
    await vote(nodes.slice(0, 4), { type: 'remove', member })
    await until('all four know', () => agree(nodes.slice(0, 4)))
    for (const node of nodes.slice(0, 4)) await hospitals.stop(node)
    for (const each of secrets.slice(0, 4)) await hospitals.start(each)

    const back = await hospitals.start(secrets[4]!)
    await until('it is told', () => back.status().membership === 'refused')
    t.ok(hospitals.logged(secrets[4]!).includes('not a member: the others say so'))
    t.match(back.status(), { links: [] })
  }
)

t.test('an approved fifth that never comes up changes nothing: three of four go on', async t => {
  const hospitals = new Hospitals(t, 4)
  const nodes = await hospitals.startFounders()
  const device = await deviceAt(nodes[0]!, 'device')
  await vote(nodes.slice(0, 3), { type: 'add', member: describeMember(memberSecrets('E')) })
  await until(
    'it is approved everywhere',
    () => agree(nodes) && listChanges(nodes[0]!.state)[0]?.status === 'approved'
  )
  await hospitals.stop(nodes[3]!)
  await write(nodes[0]!, device)
  t.equal(nodes[0]!.ledger.validators().length, 4)
  t.equal(signersOf(nodes[0]!).length, 3, 'the quorum stays three')
})

t.test(
  'a newcomer that is stopped before it is ready follows again and becomes a member',
  async t => {
    const hospitals = new Hospitals(t, 4)
    const nodes = await hospitals.startFounders()
    const device = await deviceAt(nodes[0]!, 'device')
    const secrets = memberSecrets('E')
    const first = await hospitals.start(secrets)
    const id = await vote(nodes.slice(0, 3), { type: 'add', member: describeMember(secrets) })
    await until('it follows', () => first.status().membership === 'approved')
    await hospitals.stop(first)
    await write(nodes[0]!, device)

    const second = await hospitals.start(secrets)
    await until('it caught up', () => agree([nodes[0]!, second]))
    t.match(second.status(), { membership: 'approved', votes: false })
    await ready(second, secrets, id)
    await until('it votes', () => second.status().votes)
    await hospitals.stop(nodes[2]!)
    await write(nodes[0]!, device)
    t.ok(signersOf(nodes[0]!).includes('E'))
  }
)

t.test('a member moves to new keys on a second node, and the first one stops voting', async t => {
  const hospitals = new Hospitals(t, 4)
  const nodes = await hospitals.startFounders()
  const device = await deviceAt(nodes[0]!, 'device')
  const old = hospitals.founded.members[3]!
  const fresh: MemberSecrets = { ...memberSecrets('D'), operator: old.operator }
  const second = await hospitals.start(fresh)
  const { name: _, ...keys } = describeMember(fresh)
  const member = memberId(keys.operatorKey)
  const id = await vote(nodes.slice(0, 3), { type: 'replace', member, keys })
  await until('it follows', () => second.status().membership === 'approved')
  t.match(nodes[3]!.status(), { votes: true, membership: 'member' }, 'the first goes on meanwhile')
  await ready(second, fresh, id)
  await until('they changed places', () => second.status().votes && !nodes[3]!.status().votes)
  t.equal(nodes[3]!.status().membership, 'replaced')
  t.equal(names(nodes[0]!), 'ABCD')
  await hospitals.stop(nodes[3]!)
  await hospitals.stop(nodes[2]!)
  await write(nodes[0]!, device)
  t.same(signersOf(nodes[0]!), ['A', 'B', 'D'])
})
