import { equalBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import type { CborValue } from '../encoding/cbor.ts'
import {
  bytes,
  format,
  hash32,
  milliseconds,
  optional,
  tagged,
  tuple,
  u32,
  uint,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { PAYLOAD_BYTES_MAX } from './limits.ts'
import { comparePlaces, placeFields, type Place, type StatementPlace } from './place.ts'
import { ROTATION, rotationCodec, type RotationStatement } from './rotation.ts'
import { STREAM, streamStatementCodec, type StreamStatement } from './stream-statement.ts'

export { comparePlaces, laneCodec, type Place, type StatementPlace } from './place.ts'

/** Lanes of a device: each is a chain of its own, so that an alarm never waits behind a backlog. */
export const LANE: { readonly readings: 0; readonly urgent: 1 } = { readings: 0, urgent: 1 }

/** Bits of {@link ReadingStatement.flags}. A statement with any other bit is refused. */
export const STATEMENT_FLAG: {
  readonly historyLost: 1
  readonly gatewayAttested: 2
  readonly arrivalTimes: 4
} = {
  /** The device lost its outbox and went on from the head that the ledger knew. */
  historyLost: 1,
  /** A gateway signed for a device that cannot sign. */
  gatewayAttested: 2,
  /** The times are those at which the gateway received the readings: the sensor gave none. Only with `gatewayAttested`. */
  arrivalTimes: 4
}

/** CoAP content format (RFC 7252 section 12.3) of a payload before encryption: 112 is SenML in CBOR. */
export const CONTENT_FORMAT_SENML_CBOR: number = 112

/**
 * What a device signs about a batch of readings. It says nothing about the patient: the readings are in an
 * encrypted payload beside it, named by two hashes of which neither is one of personal data in clear. spec F-11.
 */
export interface ReadingStatement extends StatementPlace {
  readonly type: 'readings'
  /** Time of the first reading by the device's clock, ms since 1970, as the clock said it. */
  readonly from: number
  /** Time of the last reading by the device's clock. */
  readonly to: number
  /**
   * What the device knew of its clock: network time minus device time and how wrong that may be, both in ms.
   * Undefined when it was never told, and for times of a sensor behind a gateway, whose clock nobody asks.
   */
  readonly clock: { readonly offset: number; readonly uncertainty: number } | undefined
  /** How many readings the payload holds. */
  readonly count: number
  /** The stream (one patient, one class of data): 16 random bytes, a pseudonym. */
  readonly stream: Uint8Array
  /** Which key tree of the stream, and which leaf of it, the payload's key comes from. */
  readonly generation: number
  readonly epoch: number
  /** Bits of {@link STATEMENT_FLAG}. */
  readonly flags: number
  /** The retention class, an index into the genesis's `retentionDays`. */
  readonly retention: number
  /** CoAP content format of the payload before encryption. */
  readonly contentFormat: number
  /** Bytes of the encrypted payload. */
  readonly payloadSize: number
  /** SHA-256 of the encrypted payload: what a node without keys checks. */
  readonly payloadDigest: Uint8Array
  /** HMAC-SHA-256 of the payload in clear under a key derived with the payload's: what a court checks. */
  readonly commitment: Uint8Array
}

/** Stands for statements that a full outbox dropped. `boot` and `seq` are those of the first one. spec F-12. */
export interface GapStatement extends StatementPlace {
  readonly type: 'gap'
  /** The place of the last dropped statement; the next one follows it. */
  readonly last: Place
  /**
   * The bytes of the last dropped statement, one of readings of this lane that stands at {@link last}. The next one names
   * it as its previous; because it is shown, no gap can lead back to a statement that is on the ledger.
   */
  readonly lastDropped: Uint8Array
  /** How many readings were dropped. */
  readonly count: number
  /** Why: 1 = the outbox was full. */
  readonly reason: number
  /** The device's clock when it dropped the last one, ms since 1970. */
  readonly time: number
}

/** What a device signs. */
export type Statement = ReadingStatement | GapStatement | RotationStatement | StreamStatement

/** Readings in one statement: a payload of 64 KiB holds fewer. */
export const READINGS_MAX: number = 65_535

/** Bytes of a statement that a gap holds: one of readings takes about 330. */
const DROPPED_BYTES_MAX = 1_024

const STATEMENT_BYTES_MAX = 1_536
const FLAGS_KNOWN =
  STATEMENT_FLAG.historyLost | STATEMENT_FLAG.gatewayAttested | STATEMENT_FLAG.arrivalTimes

const READINGS = 'vitalchain/readings'
const GAP = 'vitalchain/gap'

const readings = tagged([READINGS], {
  ...placeFields,
  from: milliseconds,
  to: milliseconds,
  clock: optional(tuple({ offset: milliseconds, uncertainty: uint() })),
  count: uint(READINGS_MAX, 1),
  stream: bytes(16),
  generation: u32,
  epoch: u32,
  flags: uint(FLAGS_KNOWN),
  retention: uint(15),
  contentFormat: uint(0xffff),
  payloadSize: uint(PAYLOAD_BYTES_MAX, 1),
  payloadDigest: hash32,
  commitment: hash32
})

const gap = tagged([GAP], {
  ...placeFields,
  last: tuple({ boot: u32, seq: uint() }),
  lastDropped: bytes(1, DROPPED_BYTES_MAX),
  count: uint(),
  reason: uint(1, 1),
  time: milliseconds
})

const statement: Codec<Statement> = {
  write(value) {
    switch (value.type) {
      case 'readings':
        return readings.write(value)
      case 'gap':
        return gap.write(value)
      case 'rotation':
        return rotationCodec.write(value)
      case 'stream':
        return streamStatementCodec.write(value)
    }
  },
  read(value, path) {
    switch (Array.isArray(value) ? value[0] : undefined) {
      case GAP:
        return readGap(value, path)
      case ROTATION:
        return requireStart({ type: 'rotation', ...rotationCodec.read(value, path) }, path)
      case STREAM:
        return requireStart({ type: 'stream', ...streamStatementCodec.read(value, path) }, path)
      default:
        return requireStart(readReadings(value, path), path)
    }
  }
}

function readGap(value: CborValue, path: string): GapStatement {
  const rest = gap.read(value, path)
  if (comparePlaces(rest.last, rest) < 0)
    throw new VitalchainError('ERR_SCHEMA', `${path}.last: expected a place at or behind the first`)
  const dropped = droppedFormat.decode(rest.lastDropped)
  const isOfLane =
    equalBytes(dropped.network, rest.network) &&
    equalBytes(dropped.device, rest.device) &&
    dropped.lane === rest.lane
  if (!isOfLane || comparePlaces(dropped, rest.last) !== 0) {
    throw new VitalchainError(
      'ERR_SCHEMA',
      `${path}.lastDropped: expected the statement at the last place`
    )
  }
  return { type: 'gap', ...rest }
}

function readReadings(value: CborValue, path: string): ReadingStatement {
  const rest = readings.read(value, path)
  if (rest.to < rest.from)
    throw new VitalchainError('ERR_SCHEMA', `${path}.to: expected a time not before the first`)
  if (has(rest, 'arrivalTimes') && !has(rest, 'gatewayAttested'))
    throw new VitalchainError('ERR_SCHEMA', `${path}.flags: only a gateway knows times of arrival`)
  return { type: 'readings', ...rest }
}

function has({ flags }: { readonly flags: number }, flag: keyof typeof STATEMENT_FLAG): boolean {
  return (flags & STATEMENT_FLAG[flag]) !== 0
}

function requireStart<T extends Exclude<Statement, GapStatement>>(value: T, path: string): T {
  if (lostHistory(value) && value.seq !== 0) {
    throw new VitalchainError(
      'ERR_SCHEMA',
      `${path}.flags: history can be lost only at the start of a boot`
    )
  }
  return value
}

/** Whether a statement says that its device lost its outbox and goes on from what the ledger knew. */
export function lostHistory(value: Statement): boolean {
  return value.type !== 'gap' && has(value, 'historyLost')
}

/** The bytes of a statement and back. */
export const statementFormat: Format<Statement> = format(
  'statement',
  STATEMENT_BYTES_MAX,
  statement
)

const droppedFormat: Format<ReadingStatement> = format('dropped statement', DROPPED_BYTES_MAX, {
  write: value => readings.write(value),
  read: (value, path) => requireStart(readReadings(value, path), path)
})

/**
 * A statement's identity: SHA-256 of its bytes. Not of its signature: ES256 gives another one each time. spec F-11.
 */
export function statementId(encodedStatement: Uint8Array): Uint8Array {
  return sha256(encodedStatement)
}
