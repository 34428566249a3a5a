import { sha256 } from '../crypto/hash.ts'
import {
  bytes,
  format,
  hash32,
  mapped,
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

/** Lanes of a device: each is a chain of its own, so that an alarm never waits behind a backlog. */
export const LANE: { readonly readings: 0; readonly urgent: 1 } = { readings: 0, urgent: 1 }

/** Bits of {@link ReadingStatement.flags}. A statement with any other bit is refused. */
export const STATEMENT_FLAG: { readonly historyLost: 1; readonly gatewayAttested: 2 } = {
  /** The device lost its outbox and went on from the head that the ledger knew. */
  historyLost: 1,
  /** A gateway signed for a device that cannot sign. */
  gatewayAttested: 2
}

/** CoAP content format (RFC 7252 section 12.3) of a payload before encryption: 112 is SenML in CBOR. */
export const CONTENT_FORMAT_SENML_CBOR: number = 112

/** A place in a lane: the device's count of starts, and of statements since that start. */
export interface Place {
  readonly boot: number
  readonly seq: number
}

/** What every statement says about where it stands. */
export interface StatementPlace extends Place {
  /** The network id. */
  readonly network: Uint8Array
  /** The device's identifier, see `deviceId`. */
  readonly device: Uint8Array
  readonly lane: 0 | 1
  /** SHA-256 of the statement before in this lane; 32 zero bytes for the first. */
  readonly previous: Uint8Array
}

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
   * Undefined when it was never told.
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
  /** SHA-256 of the last dropped statement, which the next one names as its previous. */
  readonly lastDropped: Uint8Array
  /** How many readings were dropped. */
  readonly count: number
  /** Why: 1 = the outbox was full, 2 = a stored statement could not be read back. */
  readonly reason: number
  /** The device's clock when it dropped the last one, ms since 1970. */
  readonly time: number
}

/** What a device signs. */
export type Statement = ReadingStatement | GapStatement

/** Readings in one statement: a payload of 64 KiB holds fewer. */
export const READINGS_MAX: number = 65_535

const STATEMENT_BYTES_MAX = 1_024
const FLAGS_KNOWN = STATEMENT_FLAG.historyLost | STATEMENT_FLAG.gatewayAttested

/** The codec of a lane's number. */
export const laneCodec: Codec<0 | 1> = mapped(
  uint(1),
  (value): 0 | 1 => (value === 0 ? 0 : 1),
  value => value
)

const place = {
  network: hash32,
  device: hash32,
  lane: laneCodec,
  boot: u32,
  seq: uint(),
  previous: hash32
}

const READINGS = 'vitalchain/readings'
const GAP = 'vitalchain/gap'

const readings = tagged([READINGS], {
  ...place,
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
  ...place,
  last: tuple({ boot: u32, seq: uint() }),
  lastDropped: hash32,
  count: uint(),
  reason: uint(2, 1),
  time: milliseconds
})

const statement: Codec<Statement> = {
  write: value => (value.type === 'gap' ? gap.write(value) : readings.write(value)),
  read(value, path) {
    if (Array.isArray(value) && value[0] === GAP) {
      const rest = gap.read(value, path)
      if (comparePlaces(rest.last, rest) < 0)
        throw new VitalchainError(
          'ERR_SCHEMA',
          `${path}.last: expected a place at or behind the first`
        )
      return { type: 'gap', ...rest }
    }
    const rest = readings.read(value, path)
    if (rest.to < rest.from)
      throw new VitalchainError('ERR_SCHEMA', `${path}.to: expected a time not before the first`)
    if ((rest.flags & STATEMENT_FLAG.historyLost) !== 0 && rest.seq !== 0) {
      throw new VitalchainError(
        'ERR_SCHEMA',
        `${path}.flags: history can be lost only at the start of a boot`
      )
    }
    return { type: 'readings', ...rest }
  }
}

/** The bytes of a statement and back. */
export const statementFormat: Format<Statement> = format(
  'statement',
  STATEMENT_BYTES_MAX,
  statement
)

/**
 * A statement's identity: SHA-256 of its bytes. Not of its signature: ES256 gives another one each time. spec F-11.
 */
export function statementId(encodedStatement: Uint8Array): Uint8Array {
  return sha256(encodedStatement)
}

/** Negative, zero or positive as `a` stands before, at or behind `b`. */
export function comparePlaces(a: Place, b: Place): number {
  return a.boot === b.boot ? a.seq - b.seq : a.boot - b.boot
}
