import t, { type Test } from 'tap'
import { toHex } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  checkGenesis,
  genesisFormat,
  genesisValidators,
  networkId,
  type Genesis
} from '../../src/ledger/genesis.ts'
import { memberId } from '../../src/ledger/identity.ts'
import { GENESIS_BYTES_MAX, VALIDATORS_MAX } from '../../src/ledger/limits.ts'
import { refusesField, withField } from './fields.ts'
import { FOUNDERS, testGenesis, testMember, testSigner } from './small-ledger.ts'

const genesis = testGenesis()
const encoded = genesisFormat.encode(genesis)

function refuses(t: Test, changed: Genesis, code: string, message: RegExp): void {
  t.throws(() => checkGenesis(changed), { code, message })
  t.throws(() => genesisFormat.decode(genesisFormat.encode(changed)), { code, message })
}

t.test('a genesis comes back from its bytes, and their SHA-256 is the network id', async t => {
  t.strictSame(genesisFormat.decode(encoded), genesis)
  t.equal(toHex(networkId(encoded)), toHex(sha256(encoded)))
})

t.test('the first validators are the founders in their order', async t => {
  t.strictSame(
    genesisValidators(genesis),
    FOUNDERS.map(({ operator, genesisMember: { consensusKey, checkpointKey } }) => ({
      member: memberId(operator.publicKey),
      consensusKey,
      checkpointKey
    }))
  )
})

t.test('the largest genesis fits its limit', async t => {
  const many = Array.from({ length: VALIDATORS_MAX }, (_, k) =>
    testMember(`${k} ${'x'.repeat(60)}`)
  )
  const largest: Genesis = {
    ...testGenesis(many, 'y'.repeat(64)),
    recovery: {
      threshold: 16,
      keys: Array.from({ length: 16 }, (_, k) => testSigner('es256', `r${k}`).publicKey)
    },
    contracts: Array.from({ length: 32 }, (_, k) => ({
      name: `${k}`.padStart(32, 'c'),
      version: 0xffff_ffff
    }))
  }
  const bytes = genesisFormat.encode(largest)
  t.ok(bytes.length <= GENESIS_BYTES_MAX, `${bytes.length} bytes`)
  t.strictSame(genesisFormat.decode(bytes), largest)
})

t.test('one key cannot stand in two places', async t => {
  const [a, b] = genesis.members
  const twice = /one key stands in two places/
  const withSecond = (change: Partial<typeof a>): Genesis => ({
    ...genesis,
    members: genesis.members.with(1, { ...b!, ...change })
  })
  refuses(t, withSecond({ consensusKey: a!.consensusKey }), 'ERR_GENESIS', twice)
  refuses(t, withSecond({ checkpointKey: b!.consensusKey }), 'ERR_GENESIS', twice)
  refuses(t, withSecond({ transportKey: a!.operatorKey.bytes }), 'ERR_GENESIS', twice)
  refuses(
    t,
    { ...genesis, recovery: { threshold: 1, keys: [a!.operatorKey] } },
    'ERR_GENESIS',
    twice
  )
})

t.test('a key that is no key of prime order is refused', async t => {
  const neutral = new Uint8Array(32).with(0, 1)
  const [a] = genesis.members
  refuses(
    t,
    { ...genesis, members: genesis.members.with(0, { ...a!, consensusKey: neutral }) },
    'ERR_KEY_INVALID',
    /key/
  )
  const offCurve = { algorithm: 'es256', bytes: new Uint8Array(33).fill(0xff).with(0, 2) } as const
  refuses(t, { ...genesis, recovery: { threshold: 1, keys: [offCurve] } }, 'ERR_KEY_INVALID', /key/)
})

t.test('a threshold of recovery keys can be met and is never zero of some', async t => {
  const { keys } = genesis.recovery
  const no = /recovery keys cannot be asked for/
  refuses(t, { ...genesis, recovery: { threshold: 4, keys } }, 'ERR_GENESIS', no)
  refuses(t, { ...genesis, recovery: { threshold: 0, keys } }, 'ERR_GENESIS', no)
  refuses(t, { ...genesis, recovery: { threshold: 1, keys: [] } }, 'ERR_GENESIS', no)
  t.doesNotThrow(() => checkGenesis({ ...genesis, recovery: { threshold: 0, keys: [] } }))
})

t.test('fewer than four members need the flag that says so', async t => {
  const few: Genesis = { ...genesis, members: genesis.members.slice(0, 3) }
  refuses(t, few, 'ERR_GENESIS', /tolerate no fault/)
  t.doesNotThrow(() =>
    checkGenesis({ ...few, parameters: { ...few.parameters, unsafeSmallNetwork: true } })
  )
})

t.test('one contract cannot stand twice', async t => {
  refuses(
    t,
    { ...genesis, contracts: [...genesis.contracts, { name: 'members', version: 2 }] },
    'ERR_GENESIS',
    /contract stands twice/
  )
})

t.test("the limits of a genesis's fields hold", async t => {
  const [first] = genesis.members
  const member = (changes: object): readonly unknown[] =>
    Object.values({ ...first!, operatorKey: [-8, first!.operatorKey.bytes], ...changes })
  t.equal(member({}).length, 5)
  const text = ['x'.repeat(65), 'a\u001b[2J']
  const fields: readonly (readonly [
    way: readonly number[],
    refused: readonly (string | number | boolean | null | readonly [])[]
  ])[] = [
    [[0], ['vitalchain/header']],
    [[1], [0, 2]],
    [[2], text],
    [[3], [null]],
    [[4], [null]],
    [[4, 0, 0], text],
    [[4, 0, 1], [null]],
    [[4, 0, 2], [null]],
    [[4, 0, 3], [null]],
    [[4, 0, 4], [null]],
    [[5, 0], [17]],
    [[6, 0], [2 ** 32]],
    [[6, 1], [2 ** 32]],
    [[6, 2], [null]],
    [[6, 3, 0], [2 ** 32]],
    [
      [6, 4],
      [0, 1]
    ],
    [[7, 0, 0], ['x'.repeat(33)]],
    [[7, 0, 1], [2 ** 32]]
  ]
  for (const [way, refused] of fields) refusesField(t, genesisFormat, encoded, way, refused)
  refusesField(t, genesisFormat, encoded, [6, 3], [Array.from({ length: 17 }, () => 1)])
  refusesField(t, genesisFormat, encoded, [7], [Array.from({ length: 33 }, (_, k) => [`c${k}`, 1])])
  const tooMany = withField(
    genesisFormat,
    encoded,
    [4],
    Array.from({ length: VALIDATORS_MAX + 1 }, () => 0)
  )
  t.throws(() => genesisFormat.decode(tooMany), {
    code: 'ERR_SCHEMA',
    values: { path: 'genesis.members' }
  })
})
