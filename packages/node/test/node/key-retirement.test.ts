import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { approveArgs, listChanges, proposeArgs } from '@vitalchain/contracts'
import { ed25519PublicKey, memberId, networkId, toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { isRetired, proveRetirement, verifyRetirement } from '../../src/consensus/key-retirement.ts'
import { serveSigner } from '../../src/consensus/signer-server.ts'
import { openVoteSigner } from '../../src/consensus/vote-signer.ts'
import { openVoteStore } from '../../src/consensus/vote-store.ts'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'
import {
  createLedgerNode,
  createVoteState,
  type LedgerNode,
  type LedgerNodeOptions
} from '../../src/index.ts'
import {
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { until } from './wait.ts'

const LEAVER = 4

/** Five hospitals, the last of which is to leave. Keys that its node reports as retired. */
class Hospitals {
  readonly founded: FoundedNetwork = foundNetwork({
    names: ['A', 'B', 'C', 'D', 'E'],
    created: Date.now()
  })
  readonly nodes: LedgerNode[] = []
  readonly retired: string[] = []
  readonly logged: string[] = []
  readonly #dir: string

  constructor(t: Test) {
    this.#dir = t.testdir({})
    t.teardown(() => Promise.all(this.nodes.map(node => node.stop())))
  }

  get key(): Uint8Array {
    return ed25519PublicKey(this.founded.members[LEAVER]!.consensus)
  }

  async start(k: number, options: Partial<LedgerNodeOptions> = {}): Promise<LedgerNode> {
    const secrets = this.founded.members[k]!
    await createVoteState(join(this.#dir, String(k)), ed25519PublicKey(secrets.consensus))
    const node = createLedgerNode({
      genesis: this.founded.document,
      keys: {
        transport: secrets.transport,
        consensus: secrets.consensus,
        operator: operatorSigner(secrets)
      },
      dataDir: join(this.#dir, String(k)),
      bootstrap: this.nodes.flatMap(each => each.addresses()),
      onKeyRetired: (kind, key) => void this.retired.push(`${k} ${kind} ${toHex(key)}`),
      log: event => k === LEAVER && this.logged.push(event),
      ...options
    })
    this.nodes[k] = node
    await node.start()
    return node
  }

  /** The others take the leaver out. */
  async remove(): Promise<void> {
    const others = this.nodes.slice(0, LEAVER)
    const member = memberId(operatorSigner(this.founded.members[LEAVER]!).publicKey)
    const change = { type: 'remove', member } as const
    await others[0]!.call('members.propose', proposeArgs({ change, forced: false }))
    const { id } = listChanges(others[0]!.state).at(-1)!
    for (const node of others.slice(1)) {
      await until('it knows the change', () =>
        listChanges(node.state).some(each => toHex(each.id) === toHex(id))
      )
      await node.call('members.approve', approveArgs({ change: id })).catch(() => undefined)
    }
    await until('all four know', () => others.every(node => node.ledger.validators().length === 4))
  }
}

t.test('a node destroys its consensus key when a hand-over takes it out of force', async t => {
  const hospitals = new Hospitals(t)
  for (const k of [0, 1, 2, 3, 4]) await hospitals.start(k)
  const secret = Uint8Array.from(hospitals.founded.members[LEAVER]!.consensus)
  await hospitals.remove()
  const told = `${LEAVER} consensus ${toHex(hospitals.key)}`
  await until('it is destroyed', () => hospitals.logged.some(event => event.includes('destroyed')))
  t.same(hospitals.retired, [told], 'that one key, once')
  t.same(hospitals.founded.members[LEAVER]!.consensus, secret, "the caller's copy is the caller's")
  const leaver = hospitals.nodes[LEAVER]!
  t.match(leaver.status(), { votes: false, membership: 'removed' })

  await leaver.stop()
  await leaver.start()
  t.match(leaver.status(), { votes: false, membership: 'removed' }, 'also without the key')

  const { ledger } = hospitals.nodes[0]!
  const network = networkId(hospitals.founded.document)
  t.ok(isRetired(ledger, hospitals.key))
  const proof = proveRetirement(ledger, hospitals.key)
  verifyRetirement(proof, network, hospitals.key)
  const inForce = ed25519PublicKey(hospitals.founded.members[0]!.consensus)
  t.notOk(isRetired(ledger, inForce))
  t.throws(() => proveRetirement(ledger, inForce), { code: 'ERR_NOT_RETIRED' })
  t.throws(() => verifyRetirement(proof, network, inForce), { code: 'ERR_NOT_RETIRED' })
  const stranger = ed25519PublicKey(hospitals.founded.members[0]!.checkpoint)
  t.throws(() => verifyRetirement(proof, network, stranger), { code: 'ERR_NOT_RETIRED' })
  t.throws(() => verifyRetirement(proof, stranger, hospitals.key), { code: 'ERR_OTHER_NETWORK' })
  for (let at = 0; at < proof.length; at += 97) {
    const damaged = Uint8Array.from(proof)
    damaged[at]! ^= 1
    t.throws(() => verifyRetirement(damaged, network, hospitals.key), `byte ${at}`)
  }
})

t.test('what was cut off in the middle is done at the next start', async t => {
  const hospitals = new Hospitals(t)
  for (const k of [0, 1, 2, 3]) await hospitals.start(k)
  const failing = await hospitals.start(LEAVER, {
    onKeyRetired: () => Promise.reject(new Error('the disk is full'))
  })
  await hospitals.remove()
  await until('it failed', () => hospitals.logged.some(event => event.includes('not destroyed')))
  await failing.stop()
  await hospitals.start(LEAVER)
  await until('it is done', () => hospitals.retired.length === 1)
})

t.test('a signer in another process destroys the key by the proof alone', async t => {
  const hospitals = new Hospitals(t)
  for (const k of [0, 1, 2, 3]) await hospitals.start(k)
  const dir = await mkdtemp(join(tmpdir(), 'vc-retire-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const store = await openVoteStore('memory')
  const key = createNodeSigner(hospitals.founded.members[LEAVER]!.consensus)
  await store.of(hospitals.key).begin(1)
  const path = join(dir, 's')
  const events: string[] = []
  const server = await serveSigner({
    signer: await openVoteSigner(key, store),
    scope: { network: networkId(hospitals.founded.document), recoveryEpoch: 0 },
    path,
    onRetired: async () => void events.push('file destroyed'),
    log: event => events.push(event)
  })
  t.teardown(() => server.stop())
  const { transport } = hospitals.founded.members[LEAVER]!
  const node = await hospitals.start(LEAVER, { keys: { transport }, signer: path })
  await until('it votes', () => node.status().votes)
  await hospitals.remove()
  await server.retired
  await until('the node knows', () => hospitals.retired.length === 1)
  t.ok(events.includes('file destroyed'))
  await t.rejects(key.sign(new Uint8Array(1)), { code: 'ERR_KEY_RETIRED' })
  t.equal(node.status().votes, false)
})
