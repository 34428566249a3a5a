import { concatBytes, fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  type DeviceAnswer,
  type DeviceRequest
} from '../../src/device/messages.ts'
import { signSession } from '../../src/device/session.ts'
import { signTime, type TimeAnswer } from '../../src/device/time.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import { openCose, signCose, signedBytes } from '../../src/ledger/cose.ts'
import { deviceId, memberId } from '../../src/ledger/identity.ts'
import { PAYLOAD_BYTES_MAX } from '../../src/ledger/limits.ts'
import { statementFormat, statementId, type Statement } from '../../src/ledger/statement.ts'
import {
  callFormat,
  callTransaction,
  conflictTransaction,
  decodeTransaction,
  statementTransaction,
  type Call
} from '../../src/ledger/transaction.ts'
import { epochKey } from '../../src/payload/epoch-key.ts'
import { sealPayload } from '../../src/payload/seal.ts'
import { itemsOf } from './fields.ts'
import { FOUNDERS, seed, TestDevice, testSigner } from './small-ledger.ts'
import { type Json, toJson, codeOf } from './vector-json.ts'

export async function statementVectors(): Promise<Json> {
  const network = seed('network')
  const vectors: Json[] = []
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const device = new TestDevice(network, algorithm, 'vector')
    for (const statement of [
      device.readings().statement,
      device.readings().statement,
      device.gap(3),
      device.readings({ boot: 2, seq: 0, flags: 1 }).statement,
      device.binding(seed('stream').subarray(0, 16), 7),
      device.binding(undefined, 0),
      await device.rotation(testSigner(algorithm, 'next'))
    ]) {
      const bytes = statementFormat.encode(statement)
      const cose = await signCose(device.signer, bytes)
      vectors.push(
        toJson({
          algorithm,
          publicKey: device.signer.publicKey.bytes,
          statement,
          bytes,
          id: statementId(bytes),
          signedBytes: signedBytes(openCose(cose)),
          cose,
          transaction: statementTransaction(cose)
        })
      )
    }
  }
  const call: Call = {
    network,
    author: memberId(FOUNDERS[0]!.operator.publicKey),
    previous: new Uint8Array(32),
    method: 'devices.revoke',
    args: encodeCbor([seed('device')])
  }
  const callCose = await signCose(FOUNDERS[0]!.operator, callFormat.encode(call))
  const twin = new TestDevice(network, 'es256', 'vector')
  const { statement } = twin.readings()
  const twins = await Promise.all(
    [statement, { ...statement, count: 3 }].map(each =>
      signCose(twin.signer, statementFormat.encode(each))
    )
  )
  const conflict = conflictTransaction(twins[0]!, twins[1]!)
  return {
    purpose:
      'Statements of devices (F-11, F-12), their signatures (F-3), and the transactions that carry them, a call and a conflict (F-13). The signatures are deterministic here (RFC 8032, RFC 6979); a device may sign ES256 with randomness.',
    statements: vectors,
    calls: [
      toJson({
        call,
        bytes: callFormat.encode(call),
        id: sha256(callFormat.encode(call)),
        cose: callCose,
        transaction: callTransaction(callCose)
      })
    ],
    conflicts: [
      toJson({ statements: twins, transaction: conflict, id: decodeTransaction(conflict).id })
    ],
    invalid: invalidStatements(statement, new TestDevice(network, 'es256', 'vector').gap(2))
  }
}

/** 64 bytes in the place of a signature. */
function proof64(): Uint8Array {
  return concatBytes([seed('half'), seed('other half')])
}

function at(statement: Statement, index: number, value: CborValue): Uint8Array {
  return encodeCbor(
    itemsOf(decodeCbor(statementFormat.encode(statement), 1_024)).with(index, value)
  )
}

function invalidStatements(readings: Statement, gap: Statement): Json {
  const { network, device, lane, boot, seq, previous } = readings
  const place = { network, device, lane, boot, seq, previous }
  const newKey = testSigner('ed25519', 'next').publicKey
  const rotation = { ...place, type: 'rotation', flags: 0, newKey, proof: proof64() } as const
  const cases: Readonly<Record<string, Uint8Array>> = {
    'an unknown kind': at(readings, 0, 'vitalchain/other'),
    'lane 2': at(readings, 3, 2),
    'boot 2^32': at(readings, 4, 2 ** 32),
    'a previous of 31 bytes': at(readings, 6, new Uint8Array(31)),
    'an end before the beginning': at(readings, 8, 0),
    'no readings': at(readings, 10, 0),
    'an unknown flag': at(readings, 14, 4),
    'lost history within a boot': at({ ...readings, seq: 5 }, 14, 1),
    'retention class 16': at(readings, 15, 16),
    'a payload of 65 537 bytes': at(readings, 17, 65_537),
    'a gap that ends before it begins': at({ ...gap, seq: 5 }, 7, [1, 4]),
    'an unknown reason': at(gap, 10, 3),
    'a dropped statement of another place': at(gap, 8, statementFormat.encode(readings)),
    'a gap as the dropped statement': at(gap, 8, statementFormat.encode(gap)),
    'a dropped statement that is none': at(gap, 8, new Uint8Array(32)),
    'a generation without a stream': at(
      { ...place, type: 'stream', flags: 0, stream: undefined, generation: 0 },
      9,
      1
    ),
    'a stream of 15 bytes': at(
      { ...place, type: 'stream', flags: 0, stream: new Uint8Array(16), generation: 0 },
      8,
      new Uint8Array(15)
    ),
    'a rotation with the mark of a gateway': at(rotation, 7, 2),
    'history lost by a rotation within a boot': at({ ...rotation, seq: 5 }, 7, 1),
    'a proof of 63 bytes': at(rotation, 9, new Uint8Array(63))
  }
  return Object.entries(cases).map(([why, bytes]) => ({
    why,
    bytes: toHex(bytes),
    code: codeOf(() => statementFormat.decode(bytes), why)
  }))
}

export function payloadVectors(): Json {
  const root = seed('root')
  const epochs = [0, 1, 0x8000_0000, 0xdead_beef, 0xffff_ffff]
  const device = new TestDevice(seed('network'), 'ed25519', 'monitor')
  const clear = utf8('not SenML, but any bytes are sealed alike')
  const place = {
    ...device.readings().statement,
    boot: 0xffff_fffe,
    seq: Number.MAX_SAFE_INTEGER,
    lane: 1 as const
  }
  const key = epochKey(root, 7)
  const salt = seed('salt').subarray(0, 16)
  const own = device.readings()
  return {
    purpose:
      'Keys of epochs (P-2), sealed payloads (P-3), and payloads that were compressed before (P-4), which writers need not reproduce: they open to `clear`.',
    epochKeys: toJson(epochs.map(epoch => ({ root, epoch, key: epochKey(root, epoch) }))),
    sealed: toJson([
      {
        place: placeOf(place),
        epochKey: key,
        salt,
        clear,
        ...sealPayload(clear, place, key, salt)
      },
      {
        place: placeOf(own.statement),
        epochKey: own.key,
        salt: own.payload.subarray(1, 17),
        clear: own.clear,
        payload: own.payload,
        payloadDigest: own.statement.payloadDigest,
        commitment: own.statement.commitment
      }
    ]),
    compressed: toJson(
      [utf8('spec P-4 '.repeat(100)), new Uint8Array(PAYLOAD_BYTES_MAX - 33)].map(content => ({
        place: placeOf(place),
        epochKey: key,
        ...sealPayload(content, place, key, salt, { compress: true }),
        clear: content.length > 1_000 ? { zeros: content.length } : content
      }))
    )
  }
}

function placeOf({ network, device, lane, boot, seq }: Statement): object {
  return { network, device, lane, boot, seq }
}

function signedTime(network: Uint8Array, nonce: Uint8Array): Promise<TimeAnswer> {
  const signer = testSigner('ed25519', 'checkpoint 0')
  return signTime({ network, nonce }, { member: seed('member'), clock: 1_800_000_000_000, signer })
}

export async function messageVectors(): Promise<Json> {
  const signer = testSigner('es256', 'device vector')
  const [network, node, challenge, id] = ['network', 'node', 'challenge', 'id'].map(seed)
  const session = await signSession(signer, {
    network: network!,
    device: deviceId(signer.publicKey),
    challenge: challenge!,
    node: node!
  })
  const requests: readonly DeviceRequest[] = [
    { type: 'session', request: 1, session },
    { type: 'submit', request: 2, transaction: fromHex('0102'), payload: fromHex('0304') },
    { type: 'submit', request: 3, transaction: fromHex('0102'), payload: undefined },
    { type: 'head', request: 4, lane: 1 },
    { type: 'receipt', request: 5, id: id! },
    { type: 'time', request: 6, nonce: challenge! }
  ]
  const answers: readonly DeviceAnswer[] = [
    { type: 'hello', network: network!, node: node!, challenge: challenge! },
    { type: 'done', request: 2 },
    {
      type: 'refused',
      request: 3,
      code: 'ERR_PLACE_TAKEN',
      message: 'a statement stands at this place already',
      retryable: false
    },
    { type: 'head', request: 4, lane: undefined },
    { type: 'head', request: 4, lane: { boot: 1, seq: 9, head: id! } },
    { type: 'receipt', id: id!, receipt: fromHex('0506') },
    { type: 'time', request: 6, answers: [] },
    { type: 'time', request: 6, answers: [await signedTime(network!, challenge!)] }
  ]
  return {
    purpose:
      'Messages between a device and a node, S-3, without the four bytes of length in front.',
    requests: requests.map(message => ({
      message: toJson(message),
      bytes: toHex(deviceRequestFormat.encode(message))
    })),
    answers: answers.map(message => ({
      message: toJson(message),
      bytes: toHex(deviceAnswerFormat.encode(message))
    }))
  }
}
