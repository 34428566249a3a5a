import {
  approveArgs,
  proposeArgs,
  readyArgs,
  type MemberChange,
  type MemberKeys
} from '@vitalchain/contracts'
import {
  createSigner,
  memberId,
  readySignBytes,
  receiptFormat,
  sha256,
  utf8,
  verifyReceipt,
  type Signer
} from '@vitalchain/core'
import t from 'tap'
import type { Candidate } from '../../src/ledger/execute.ts'
import {
  certify,
  memberOf,
  testLedger,
  testNetwork,
  testSigner,
  TestDevice,
  TestOperator,
  type TestMember
} from './fixture.ts'

/** A hospital that joins, or a founder with other keys. */
interface Party extends TestMember {
  readonly checkpoint: Signer
  readonly transport: Signer
}

function party(name: string, operator: Signer = testSigner(`${name} operator`)): Party {
  const key = (purpose: string): Signer =>
    createSigner('ed25519', sha256(utf8(`${name} ${purpose}`)))
  return {
    id: memberId(operator.publicKey),
    operator,
    consensus: key('consensus'),
    checkpoint: key('checkpoint'),
    transport: key('transport')
  }
}

function keysOf(of: Party): MemberKeys {
  return {
    operatorKey: of.operator.publicKey,
    consensusKey: of.consensus.publicKey.bytes,
    checkpointKey: of.checkpoint.publicKey.bytes,
    transportKey: of.transport.publicKey.bytes
  }
}

t.test('receipts lead through members that join, leave and replace their keys by vote', async t => {
  const network = testNetwork()
  const ledger = await testLedger(network)
  t.teardown(() => ledger.close())
  const operators = network.members.map((_, index) => new TestOperator(network, index))
  let validators: readonly TestMember[] = network.members

  /** One block, certified by the validators in force. */
  const commit = async (candidates: readonly Candidate[]): Promise<void> => {
    const origin = { view: 0, proposer: 0, time: ledger.head.time + 1 }
    const { block, executed, refused } = ledger.build(candidates, origin)
    t.same(
      refused.map(({ error }) => error.code),
      []
    )
    await ledger.commit(executed, await certify(network, block.header, { validators }))
  }
  /** A change with the approvals of the first founders, in one block. */
  const vote = async (change: MemberChange, by: readonly number[]): Promise<Uint8Array> => {
    const [first, ...others] = by.map(index => operators[index]!)
    const proposed = await first!.call('members.propose', proposeArgs({ change, forced: false }))
    const { id } = proposed.transaction
    const approvals = others.map(each => each.call('members.approve', approveArgs({ change: id })))
    await commit([proposed, ...(await Promise.all(approvals))])
    return id
  }
  const ready = async (of: Party, change: Uint8Array, by: TestOperator): Promise<void> => {
    const { height } = ledger.head
    const message = readySignBytes(network.id, change, height)
    const [consensus, checkpoint, operator] = await Promise.all(
      [of.consensus, of.checkpoint, of.operator].map(key => key.sign(message))
    )
    const proofs = { consensus: consensus!, checkpoint: checkpoint!, operator }
    await commit([await by.call('members.ready', readyArgs({ change, height, proofs }))])
  }

  const newcomer = party('Newcomer')
  const add = { type: 'add', member: { name: 'Newcomer', ...keysOf(newcomer) } } as const
  await ready(newcomer, await vote(add, [0, 1, 2]), operators[3]!)
  validators = [...validators, newcomer]

  const renewed = party('Renewed', memberOf(network, 1).operator)
  const replace = { type: 'replace', member: renewed.id, keys: keysOf(renewed) } as const
  await ready(renewed, await vote(replace, [0, 1, 2, 3]), operators[1]!)
  validators = validators.with(1, renewed)

  await vote({ type: 'remove', member: memberOf(network, 0).id }, [0, 1, 2, 3])
  const former = validators
  validators = validators.slice(1)

  const registration = await operators[1]!.register(new TestDevice(network))
  const { block, executed } = ledger.build([registration], {
    view: 0,
    proposer: 0,
    time: ledger.head.time + 1
  })
  const old = await certify(network, block.header, { validators: former })
  await t.rejects(ledger.commit(executed, old), { code: 'ERR_CERTIFICATE' })
  await ledger.commit(executed, await certify(network, block.header, { validators }))

  const { size } = ledger.head.history
  const changesBefore = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3]
  // A receipt of an old transaction is for the header of its block, and leads there by the hand-overs until then.
  const handOvers = Array.from(
    { length: size },
    (_, index) => receiptFormat.decode(ledger.receipt(index)).handOvers.length
  )
  t.same(handOvers, changesBefore)
  for (let index = 0; index < size; index += 1) {
    const proven = verifyReceipt(ledger.receipt(index), { genesis: network.genesis })
    t.equal(proven.handOvers, handOvers[index])
  }
})
