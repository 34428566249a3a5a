import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { PAYLOAD_BYTES_MAX } from '../../src/ledger/limits.ts'
import {
  comparePlaces,
  READINGS_MAX,
  STATEMENT_FLAG,
  statementFormat,
  statementId,
  type GapStatement,
  type ReadingStatement
} from '../../src/ledger/statement.ts'
import type { CborValue } from '../../src/encoding/cbor.ts'
import { refusesField } from './fields.ts'
import { verifyRotationProof, type RotationStatement } from '../../src/ledger/rotation.ts'
import type { StreamStatement } from '../../src/ledger/stream-statement.ts'
import { seed, TestDevice, testSigner } from './small-ledger.ts'

const device = new TestDevice(seed('network'), 'ed25519', 'monitor')
const { statement: readings } = device.readings()
const { statement: second } = device.readings()
const gap = device.gap(3)
const next = testSigner('es256', 'next')
const rotation = await device.rotation(next)
const binding = device.binding(seed('stream').subarray(0, 16), 7)
const release = device.binding(undefined, 0)
const hashes: readonly CborValue[] = [new Uint8Array(31), new Uint8Array(33), null]

t.test('statements come back from their bytes; the identity is the hash of the bytes', async t => {
  for (const statement of [readings, second, gap, rotation, binding, release]) {
    const encoded = statementFormat.encode(statement)
    t.strictSame(statementFormat.decode(encoded), statement)
    t.equal(toHex(statementId(encoded)), toHex(sha256(encoded)))
  }
  t.strictSame(second.previous, statementId(statementFormat.encode(readings)))
})

t.test('the largest statements fit their limit', async t => {
  const far = Number.MAX_SAFE_INTEGER
  const largest: ReadingStatement = {
    ...readings,
    lane: 1,
    boot: 0xffff_ffff,
    seq: 0,
    from: Number.MIN_SAFE_INTEGER,
    to: far,
    clock: { offset: Number.MIN_SAFE_INTEGER, uncertainty: far },
    count: READINGS_MAX,
    generation: 0xffff_ffff,
    epoch: 0xffff_ffff,
    flags:
      STATEMENT_FLAG.historyLost | STATEMENT_FLAG.gatewayAttested | STATEMENT_FLAG.arrivalTimes,
    retention: 15,
    contentFormat: 0xffff,
    payloadSize: PAYLOAD_BYTES_MAX
  }
  t.strictSame(statementFormat.decode(statementFormat.encode(largest)), largest)
  const largestGap: GapStatement = {
    ...gap,
    boot: 0xffff_ffff,
    seq: far,
    last: { boot: 0xffff_ffff, seq: far },
    lastDropped: statementFormat.encode({ ...largest, lane: 0, flags: 0, seq: far }),
    count: far,
    reason: 1,
    time: far
  }
  t.strictSame(statementFormat.decode(statementFormat.encode(largestGap)), largestGap)
  const { network, device: id, previous } = readings
  const place = { network, device: id, lane: 1, boot: 0xffff_ffff, seq: far, previous } as const
  for (const statement of [
    { ...rotation, ...place },
    { ...binding, ...place, generation: 0xffff_ffff }
  ]) {
    t.strictSame(statementFormat.decode(statementFormat.encode(statement)), statement)
  }
})

const placeLimits: readonly (readonly [name: string, at: number, refused: readonly CborValue[]])[] =
  [
    ['kind', 0, ['vitalchain/call', 'vitalchain/reading']],
    ['network', 1, hashes],
    ['device', 2, hashes],
    ['lane', 3, [2]],
    ['boot', 4, [2 ** 32]],
    ['seq', 5, [null]],
    ['previous', 6, hashes]
  ]
const readingLimits: readonly (readonly [
  name: string,
  at: number,
  refused: readonly CborValue[],
  except?: readonly CborValue[]
])[] = [
  ['from', 7, [null, 'now'], [-1]],
  ['to', 8, [null, readings.from - 1]],
  ['clock', 9, [[1], [1, -1], [1, 2, 3]]],
  ['count', 10, [0, READINGS_MAX + 1]],
  ['stream', 11, [new Uint8Array(15), new Uint8Array(17)]],
  ['generation', 12, [2 ** 32]],
  ['epoch', 13, [2 ** 32]],
  ['flags', 14, [4, 5, 8, 128]],
  ['retention', 15, [16]],
  ['contentFormat', 16, [0x10000]],
  ['payloadSize', 17, [0, PAYLOAD_BYTES_MAX + 1]],
  ['payloadDigest', 18, hashes],
  ['commitment', 19, hashes]
]
const gapLimits: typeof readingLimits = [
  ['last', 7, [[1], [gap.boot, gap.seq - 1], [gap.boot - 1, gap.seq], [2 ** 32, 0]]],
  [
    'lastDropped',
    8,
    [
      null,
      new Uint8Array(0),
      statementFormat.encode(readings),
      statementFormat.encode({ ...readings, ...gap.last, lane: 1 }),
      statementFormat.encode({ ...readings, ...gap.last, device: seed('another') }),
      statementFormat.encode({ ...readings, ...gap.last, network: seed('another') }),
      statementFormat.encode({ ...gap, ...gap.last })
    ]
  ],
  ['count', 9, [null]],
  ['reason', 10, [0, 2, 3]],
  ['time', 11, [null], [-1]]
]
const rotationLimits: typeof readingLimits = [
  ['flags', 7, [1, 2, null]],
  [
    'newKey',
    8,
    [null, [-8, new Uint8Array(33)], [-7, new Uint8Array(32)], [-6, new Uint8Array(32)]]
  ],
  ['proof', 9, [null, new Uint8Array(63), new Uint8Array(65)]]
]
const streamLimits: typeof readingLimits = [
  ['flags', 7, [1, 2, null]],
  ['stream', 8, [null, new Uint8Array(15), new Uint8Array(17)]],
  ['generation', 9, [2 ** 32, null]]
]
const documents = [
  ['readings', statementFormat.encode(readings), [...placeLimits, ...readingLimits]],
  ['gap', statementFormat.encode(gap), [...placeLimits, ...gapLimits]],
  ['rotation', statementFormat.encode(rotation), [...placeLimits, ...rotationLimits]],
  ['stream', statementFormat.encode(binding), [...placeLimits, ...streamLimits]]
] as const
for (const [kind, encoded, limits] of documents) {
  for (const [name, at, refused, except] of limits) {
    t.test(`the limits of the ${name} of a ${kind} statement hold`, async t => {
      refusesField(t, statementFormat, encoded, [at], refused, except)
    })
  }
}

t.test('history can be lost only at the start of a boot', async t => {
  const lost: ReadingStatement = { ...second, flags: STATEMENT_FLAG.historyLost }
  t.throws(() => statementFormat.decode(statementFormat.encode(lost)), {
    code: 'ERR_SCHEMA',
    message: /start of a boot/
  })
  const start = { ...lost, boot: 2, seq: 0 }
  t.strictSame(statementFormat.decode(statementFormat.encode(start)), start)
})

t.test('a gap of one statement ends where it begins', async t => {
  const last = { boot: gap.boot, seq: gap.seq }
  const one = { ...gap, last, lastDropped: statementFormat.encode({ ...readings, ...last }) }
  t.strictSame(statementFormat.decode(statementFormat.encode(one)), one)
})

t.test('places are in the order of boots, then of sequence numbers', async t => {
  const places = [
    { boot: 1, seq: 0 },
    { boot: 1, seq: 9 },
    { boot: 2, seq: 0 }
  ]
  t.same(places.toReversed().toSorted(comparePlaces), places)
  t.equal(comparePlaces(places[1]!, { ...places[1]! }), 0)
})

t.test('without a stream there is no generation: one value has one encoding', async t => {
  const wrong: StreamStatement = { ...release, generation: 1 }
  t.throws(() => statementFormat.decode(statementFormat.encode(wrong)), { code: 'ERR_SCHEMA' })
})

t.test('the new key of a rotation agrees to one place and one old key only', async t => {
  const oldKey = device.signer.publicKey
  t.ok(verifyRotationProof(rotation, oldKey))
  const others: readonly RotationStatement[] = [
    { ...rotation, network: seed('other network') },
    { ...rotation, device: seed('other device') },
    { ...rotation, lane: 1 },
    { ...rotation, boot: rotation.boot + 1 },
    { ...rotation, seq: rotation.seq + 1 },
    { ...rotation, previous: seed('other') },
    { ...rotation, newKey: testSigner('es256', 'other').publicKey }
  ]
  for (const other of others) t.notOk(verifyRotationProof(other, oldKey))
  t.notOk(verifyRotationProof(rotation, next.publicKey))
})
