import { concatBytes, fromHex, u32be, u64be, u8, utf8 } from '../../src/bytes.ts'
import { hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.ts'
import { createSigner, type Signer } from '../../src/crypto/keys.ts'
import { claimId, claimSigner, claimText } from '../../src/device/claim.ts'
import {
  ENROL_METHOD,
  enrolDeviceCodec,
  enrolProofBytes,
  enrolTransaction
} from '../../src/device/enrolment.ts'
import { greetingBytes, signGreeting } from '../../src/device/greeting.ts'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  type DeviceAnswer,
  type DeviceRequest
} from '../../src/device/messages.ts'
import { signSession } from '../../src/device/session.ts'
import { signTime, timeSignBytes } from '../../src/device/time.ts'
import { decodeCbor, encodeCbor } from '../../src/encoding/cbor.ts'
import { openCose, signCose, signedBytes } from '../../src/ledger/cose.ts'
import { deviceId } from '../../src/ledger/identity.ts'
import { publicKeyCodec } from '../../src/ledger/public-key.ts'
import { makeRotation, rotationProofBytes } from '../../src/ledger/rotation.ts'
import {
  CONTENT_FORMAT_SENML_CBOR,
  statementFormat,
  statementId,
  type ReadingStatement,
  type Statement,
  type StatementPlace
} from '../../src/ledger/statement.ts'
import {
  callFormat,
  decodeTransaction,
  statementTransaction,
  transactionBody
} from '../../src/ledger/transaction.ts'
import { epochKey } from '../../src/payload/epoch-key.ts'
import type { Reading } from '../../src/payload/reading.ts'
import { sealPayload } from '../../src/payload/seal.ts'
import { encodeReadings } from '../../src/payload/senml.ts'
import { seed } from '../ledger/small-ledger.ts'
import { toJson, type Json } from '../ledger/vector-json.ts'

// One device's life, so that whoever writes a device in another language can follow it with every value in between: its
// keys are Ed25519, whose signatures are the same everywhere. ES256 is in statements.json and enrolment.json.

const network = seed('network')
const secretKey = seed('device guide')
const signer = createSigner('ed25519', secretKey)
const device = deviceId(signer.publicKey)
const node = createSigner('ed25519', seed('node guide'))
const streamSecret = seed('stream guide')
const stream = seed('stream name').subarray(0, 16)
const EPOCH = 9

const READINGS: readonly Reading[] = [
  { name: '8867-4', unit: '/min', time: 1_790_000_000_000, value: 72 },
  { name: '8867-4', unit: '/min', time: 1_790_000_000_250, value: 71.5 },
  { name: '59408-5', unit: '%', time: 1_790_000_000_250, value: 0, flag: 'sensor-off' }
]

const OTHER_READINGS: readonly (readonly [what: string, readings: readonly Reading[]])[] = [
  ['a device whose clock was never set', [{ name: '8310-5', unit: 'Cel', time: 17, value: 36.6 }]],
  ['a clock before 1970', [{ name: '8310-5', unit: 'Cel', time: -1_500, value: -0.5 }]],
  ['no unit, true', [{ name: 'ward/lead-off', time: 0, value: true }]],
  ['text', [{ name: 'note', time: 1_790_000_000_000, value: 'Grüße' }]],
  [
    'an integer beyond 2^32, and one beyond 2^53 as a float',
    [
      { name: 'n', time: 0, value: 4_294_967_296 },
      { name: 'n', time: 0, value: 2 ** 60 }
    ]
  ]
]

function place(changes: Partial<StatementPlace>): StatementPlace {
  return { network, device, lane: 0, boot: 3, seq: 0, previous: new Uint8Array(32), ...changes }
}

/** The test vectors of `test/vectors/device` by file name, without their JSON ending. The same every time. */
export async function makeDeviceVectors(): Promise<Readonly<Record<string, Json>>> {
  return {
    enrolment: await enrolment(),
    readings: readings(),
    payload: payload(),
    statements: await statements(),
    session: await session(),
    messages: await messages()
  }
}

async function enrolment(): Promise<Json> {
  const secret = seed('claim guide').subarray(0, 16)
  const claim = claimSigner(secret)
  const id = claimId(claim.publicKey)
  const description = {
    model: 'Bedside monitor',
    firmware: seed('firmware'),
    metrics: ['8867-4']
  }
  const proofBytes = enrolProofBytes(network, id, signer.publicKey, description)
  const transaction = await enrolTransaction(network, claim, signer, description)
  const cose = transactionBody(transaction)
  const { payload: call } = openCose(cose)
  const { args } = callFormat.decode(call)
  return {
    purpose:
      'A device makes its key and enrols with a claim: identifiers (F-4), the text and the key of a claim (F-29), the call (F-30, F-13, F-3).',
    device: toJson({
      secretKey,
      publicKey: signer.publicKey.bytes,
      identifierPreimage: encodeCbor(['vitalchain/device', publicKeyCodec.write(signer.publicKey)]),
      identifier: device
    }),
    claim: toJson({
      network,
      secret,
      text: claimText(network, secret),
      keyPreimage: encodeCbor(['vitalchain/claim-key', secret]),
      secretKey: sha256(encodeCbor(['vitalchain/claim-key', secret])),
      publicKey: claim.publicKey.bytes,
      identifier: id
    }),
    enrolment: toJson({
      method: ENROL_METHOD,
      ...description,
      proofBytes,
      proof: enrolDeviceCodec.read(decodeCbor(args, 4_096), 'args').proof,
      args,
      call,
      id: decodeTransaction(transaction).id,
      ...signedParts(cose),
      transaction
    })
  }
}

function readings(): Json {
  return {
    purpose:
      'Readings and the SenML packs in CBOR that the SDK makes of them (P-1). A reader takes other encodings too, so a device need not make these bytes; it must make bytes that mean the same.',
    packs: ([['a batch', READINGS], ...OTHER_READINGS] as const).map(([what, each]) =>
      toJson({ what, readings: each, bytes: encodeReadings(each) })
    )
  }
}

/** The first batch of the device with everything on the way. */
function sealed(): { readonly statement: ReadingStatement; readonly steps: object } {
  const at = place({})
  const clear = encodeReadings(READINGS)
  const salt = seed('salt guide').subarray(0, 16)
  const key = epochKey(streamSecret, EPOCH)
  const made = sealPayload(clear, at, key, salt)
  const info = concatBytes([
    utf8('vitalchain/payload/1\0'),
    network,
    device,
    u8(at.lane),
    u32be(at.boot),
    u64be(at.seq)
  ])
  const keys = hkdfSha256(key, salt, info, 64)
  const statement: ReadingStatement = {
    type: 'readings',
    ...at,
    from: READINGS[0]?.time ?? 0,
    to: READINGS.at(-1)?.time ?? 0,
    clock: { offset: -1_200, uncertainty: 85 },
    count: READINGS.length,
    stream,
    generation: 1,
    epoch: EPOCH,
    flags: 0,
    retention: 0,
    contentFormat: CONTENT_FORMAT_SENML_CBOR,
    payloadSize: made.payload.length,
    payloadDigest: made.payloadDigest,
    commitment: made.commitment
  }
  const { lane, boot, seq } = at
  return {
    statement,
    steps: {
      streamSecret,
      epoch: EPOCH,
      // The path from the root: after 1, 2, 8, 31 and all 32 bits of the epoch.
      nodes: [1, 2, 8, 31, 32].map(depth => ({ depth, key: nodeAt(streamSecret, EPOCH, depth) })),
      epochKey: key,
      salt,
      place: { network, device, lane, boot, seq },
      info,
      encryptionKey: keys.subarray(0, 32),
      commitmentKey: keys.subarray(32),
      clear,
      ...made
    }
  }
}

/** The node of the key tree that the first `depth` bits of an epoch lead to. */
function nodeAt(root: Uint8Array, epoch: number, depth: number): Uint8Array {
  let key = root
  for (let bit = 31; bit >= 32 - depth; bit--) key = hmacSha256(key, u8((epoch >>> bit) & 1))
  return key
}

function payload(): Json {
  return {
    purpose:
      'How a pack is sealed, step by step: the key of the epoch (P-2) and the payload (P-3).',
    sealed: [toJson(sealed().steps)]
  }
}

async function statements(): Promise<Json> {
  const next = createSigner('ed25519', seed('device guide, next key'))
  const { statement: first } = sealed()
  const gapAt = place({ seq: 1, previous: idOf(first) })
  const dropped: Statement = {
    ...first,
    ...place({ seq: 40, previous: seed('the one before the last dropped') })
  }
  const gap: Statement = {
    type: 'gap',
    ...gapAt,
    last: { boot: 3, seq: 40 },
    lastDropped: statementFormat.encode(dropped),
    count: 9_600,
    reason: 1,
    time: 1_790_000_500_000
  }
  const bind: Statement = {
    type: 'stream',
    ...place({ seq: 41, previous: idOf(dropped) }),
    flags: 0,
    stream: seed('another stream').subarray(0, 16),
    generation: 0
  }
  const unbind: Statement = {
    type: 'stream',
    ...place({ seq: 42, previous: idOf(bind) }),
    flags: 0,
    stream: undefined,
    generation: 0
  }
  const rotationAt = place({ seq: 43, previous: idOf(unbind) })
  const rotation = await makeRotation(rotationAt, 0, signer.publicKey, next)
  const last: Statement = {
    ...first,
    ...place({ boot: 5, seq: 0, previous: idOf(rotation) }),
    clock: undefined,
    flags: 1
  }
  const chain: readonly (readonly [what: string, statement: Statement, by: Signer])[] = [
    ['readings, the first of a boot', first, signer],
    ['a gap in place of 40 statements', gap, signer],
    ['from here on for another stream, behind the gap', bind, signer],
    ['from here on for no stream', unbind, signer],
    ['a new key', rotation, signer],
    ['readings by the new key, after the outbox was lost', last, next]
  ]
  return {
    purpose:
      'Statements of one lane, each behind the one before: their bytes and identities (F-11, F-12, F-27, F-28), what is signed (F-3), and the transactions (F-13). The keys are Ed25519.',
    secretKey: toJson(secretKey),
    nextSecretKey: toJson(seed('device guide, next key')),
    rotationProofBytes: toJson(rotationProofBytes(rotationAt, signer.publicKey, next.publicKey)),
    statements: await Promise.all(
      chain.map(async ([what, statement, by]) => {
        const bytes = statementFormat.encode(statement)
        const cose = await signCose(by, bytes)
        return toJson({
          what,
          statement,
          bytes,
          id: statementId(bytes),
          ...signedParts(cose),
          transaction: statementTransaction(cose)
        })
      })
    )
  }
}

function idOf(statement: Statement): Uint8Array {
  return statementId(statementFormat.encode(statement))
}

/** A COSE_Sign1 with what its signature is over. */
function signedParts(cose: Uint8Array): object {
  const signed = openCose(cose)
  return { signedBytes: signedBytes(signed), signature: signed.signature, cose }
}

async function session(): Promise<Json> {
  const [nonce, challenge] = [seed('nonce'), seed('challenge')]
  const greeting = { network, node: node.publicKey.bytes, nonce, challenge }
  const cose = await signSession(signer, {
    network,
    device,
    challenge,
    node: node.publicKey.bytes
  })
  return {
    purpose:
      'How a node shows who it is, how a device does (S-2), and how the network tells the time, each with what is signed.',
    greeting: toJson({
      ...greeting,
      signedBytes: greetingBytes(greeting),
      proof: await signGreeting(node, greeting)
    }),
    session: toJson({
      network,
      device,
      challenge,
      node: node.publicKey.bytes,
      bytes: openCose(cose).payload,
      ...signedParts(cose)
    }),
    time: toJson({
      network,
      nonce,
      checkpointKey: node.publicKey.bytes,
      signedBytes: timeSignBytes(network, nonce, 1_790_000_000_000),
      answer: await timeAnswer(nonce)
    })
  }
}

function timeAnswer(nonce: Uint8Array): ReturnType<typeof signTime> {
  return signTime(
    { network, nonce },
    { member: seed('member'), clock: 1_790_000_000_000, signer: node }
  )
}

async function messages(): Promise<Json> {
  const [nonce, challenge, id] = [seed('nonce'), seed('challenge'), seed('id')]
  const hello = { network, node: node.publicKey.bytes, challenge }
  const requests: readonly DeviceRequest[] = [
    { type: 'session', request: 1, session: fromHex('d28401') },
    { type: 'submit', request: 24, transaction: fromHex('0102'), payload: fromHex('0304') },
    { type: 'submit', request: 256, transaction: fromHex('0102'), payload: undefined },
    { type: 'head', request: 4, lane: 1 },
    { type: 'receipt', request: 5, id },
    { type: 'greeting', request: 6, nonce },
    { type: 'time', request: 7, nonce }
  ]
  const answers: readonly DeviceAnswer[] = [
    { type: 'hello', ...hello },
    { type: 'done', request: 24 },
    {
      type: 'refused',
      request: 256,
      code: 'ERR_PLACE_TAKEN',
      message: 'a statement stands at this place already',
      retryable: false
    },
    { type: 'head', request: 4, lane: undefined },
    { type: 'head', request: 4, lane: { boot: 1, seq: 9, head: id } },
    { type: 'receipt', id, receipt: fromHex('0506') },
    {
      type: 'greeting',
      ...hello,
      proof: await signGreeting(node, { ...hello, nonce })
    },
    { type: 'time', request: 7, answers: [await timeAnswer(nonce)] }
  ]
  return {
    purpose:
      'Every message between a device and a node, S-3. Signed parts and receipts are shortened here to a few bytes.',
    requests: requests.map(message => ({
      message: toJson(message),
      bytes: toJson(deviceRequestFormat.encode(message))
    })),
    answers: answers.map(message => ({
      message: toJson(message),
      bytes: toJson(deviceAnswerFormat.encode(message))
    }))
  }
}
