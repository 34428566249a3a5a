import { genesisValidators, memberId, text, tuple, VitalchainError } from '@vitalchain/core'
import {
  createRules,
  devices,
  encodeArgs,
  getMember,
  listMembers,
  members,
  method,
  table,
  type Contract
} from '@vitalchain/contracts'
import t from 'tap'
import { mapState, signer, World } from './fixture.ts'

const noteCodec = tuple({ text: text(100) })
const notes = table('notes', 'note', noteCodec)

/** A contract as an embedding developer writes it. */
const notebook: Contract = {
  name: 'notes',
  version: 3,
  methods: {
    write: method(noteCodec, (state, note, call) => {
      if (note.text === 'forbidden') throw new VitalchainError('ERR_NOTE', 'not this')
      notes.put(state, call.author, note)
    })
  }
}

t.test('the genesis makes members with accounts and the validator set', t => {
  const world = new World()
  t.same(
    world.rules.validators(world.state).map(each => each.member),
    genesisValidators(world.genesis).map(each => each.member)
  )
  t.equal(listMembers(world.state).length, 4)
  t.equal(getMember(world.state, memberId(world.operators[2]!.publicKey))?.name, 'Hospital 3')
  t.equal(getMember(world.state, new Uint8Array(32)), undefined)
  t.end()
})

t.test('a contract of an embedding developer takes calls and keeps state', async t => {
  const world = new World([members, devices, notebook])
  const [operator] = world.operators
  world.apply(await world.call(operator!, 'notes.write', encodeArgs(noteCodec, { text: 'hello' })))
  t.same(notes.get(world.state, memberId(operator!.publicKey)), { text: 'hello' })
  const refused = await world.call(
    operator!,
    'notes.write',
    encodeArgs(noteCodec, { text: 'forbidden' })
  )
  t.throws(() => world.apply(refused), { code: 'ERR_NOTE' })
})

t.test('a call takes effect once: its replay, and one that skips a call, are refused', async t => {
  const world = new World([members, devices, notebook])
  const [operator] = world.operators
  const first = await world.call(operator!, 'notes.write', encodeArgs(noteCodec, { text: 'one' }))
  world.apply(first)
  t.throws(() => world.apply(first), { code: 'ERR_CHAIN_AHEAD' })
  const skipped = await world.call(
    operator!,
    'notes.write',
    encodeArgs(noteCodec, { text: 'two' }),
    new Uint8Array(32).fill(3)
  )
  t.throws(() => world.apply(skipped), { code: 'ERR_CHAIN_AHEAD' })
})

t.test('methods and arguments that do not exist are refused', async t => {
  const world = new World([members, devices, notebook])
  const [operator] = world.operators
  for (const name of [
    'notes.erase',
    'nothing.write',
    'write',
    'notes.constructor',
    'notes.',
    'notes.write.x'
  ]) {
    const call = await world.call(operator!, name, encodeArgs(noteCodec, { text: 'x' }))
    t.throws(() => world.apply(call), { code: 'ERR_METHOD_UNKNOWN' }, name)
  }
  const malformed = await world.call(operator!, 'notes.write', Uint8Array.of(0x01))
  t.throws(() => world.apply(malformed), { code: 'ERR_SCHEMA' })
})

t.test(
  "a call signed by another key than its author's is refused, and so is a stranger's own",
  async t => {
    const world = new World([members, devices, notebook])
    const args = encodeArgs(noteCodec, { text: 'x' })
    const author = memberId(world.operators[0]!.publicKey)
    const forged = await world.call(
      signer('nobody'),
      'notes.write',
      args,
      new Uint8Array(32),
      author
    )
    t.throws(() => world.apply(forged), { code: 'ERR_SIGNATURE' })
    const stranger = await world.call(signer('nobody'), 'notes.write', args)
    t.throws(() => world.apply(stranger), { code: 'ERR_AUTHOR_UNKNOWN' })
  }
)

t.test('a node refuses a genesis with other contracts than it runs', t => {
  const world = new World([members, devices, notebook])
  t.throws(() => createRules([members, devices]).genesis(mapState(), world.genesis), {
    code: 'ERR_CONTRACTS'
  })
  t.throws(() => createRules([devices]).validators(mapState()), { code: 'ERR_CONTRACTS' })
  t.end()
})
