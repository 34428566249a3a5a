import {
  boolean,
  bytes,
  format,
  hash32,
  laneCodec,
  optional,
  PAYLOAD_BYTES_MAX,
  publicKeyCodec,
  TRANSACTION_BYTES_MAX,
  tuple,
  u32,
  uint,
  union,
  decodeTransaction,
  VitalchainError,
  type Codec,
  type Format,
  type Place
} from '@vitalchain/core'
import {
  outboxEntry,
  tipWith,
  type LaneMemory,
  type OutboxEntry,
  type OutboxRecord,
  type OutboxTip
} from '../outbox.ts'

/** What is kept of a lane beside its entries. */
export interface LaneState {
  readonly tip: OutboxTip | undefined
  readonly known: boolean
  readonly sent: Place | undefined
}

/** Everything but the entries, as it is at some point. */
export interface OutboxState {
  readonly type: 'state'
  readonly boot: number
  readonly epoch: number | undefined
  readonly lanes: { readonly 0: LaneState; readonly 1: LaneState }
}

/** An entry. All that is not here its transaction says. */
export interface StoredEntry {
  readonly type: 'entry'
  readonly memory: LaneMemory
  readonly transaction: Uint8Array
  readonly payload: Uint8Array | undefined
}

/** What an outbox writes. */
export type LogRecord =
  | OutboxState
  | StoredEntry
  | ({ readonly type: 'removed'; readonly lane: 0 | 1 } & Place)

/** Bytes of a record: the largest transaction and payload, and what is said beside them. */
export const OUTBOX_RECORD_BYTES_MAX: number = TRANSACTION_BYTES_MAX + PAYLOAD_BYTES_MAX + 1_024

const place = { boot: u32, seq: uint() }
const memory = {
  key: optional(publicKeyCodec),
  binding: optional(tuple({ stream: optional(bytes(16)), generation: u32 }))
}

const laneState: Codec<LaneState> = tuple({
  tip: optional(tuple({ ...place, head: hash32, ...memory })),
  known: boolean,
  sent: optional(tuple(place))
})

const codec: Codec<LogRecord> = union<LogRecord>({
  state: [0, { boot: u32, epoch: optional(u32), lanes: tuple({ 0: laneState, 1: laneState }) }],
  entry: [
    1,
    {
      memory: tuple(memory),
      transaction: bytes(1, TRANSACTION_BYTES_MAX),
      payload: optional(bytes(1, PAYLOAD_BYTES_MAX))
    }
  ],
  removed: [2, { lane: laneCodec, ...place }]
})

/** How a record is written. */
export const outboxRecordFormat: Format<LogRecord> = format(
  'outbox',
  OUTBOX_RECORD_BYTES_MAX,
  codec
)

/** Before the first statement. */
export const EMPTY_LANE: LaneState = { tip: undefined, known: false, sent: undefined }

/** Before the first start. */
export const EMPTY_STATE: OutboxState = {
  type: 'state',
  boot: 0,
  epoch: undefined,
  lanes: [EMPTY_LANE, EMPTY_LANE]
}

/** The entry of a record. @throws VitalchainError `ERR_OUTBOX_CORRUPT`, or as `decodeTransaction` */
export function decodeOutboxEntry({ memory, transaction, payload }: StoredEntry): OutboxEntry {
  const decoded = decodeTransaction(transaction)
  if (decoded.type !== 'statement')
    throw new VitalchainError('ERR_OUTBOX_CORRUPT', 'the outbox holds what is no statement')
  return outboxEntry(decoded.statement, { id: decoded.id, transaction, payload }, memory)
}

/** The state with what is known of one lane replaced. */
export function withLane(state: OutboxState, lane: 0 | 1, changed: LaneState): OutboxState {
  const [readings, urgent] = [state.lanes[0], state.lanes[1]]
  return { ...state, lanes: lane === 0 ? [changed, urgent] : [readings, changed] }
}

/** The state with one more entry. */
export function withEntry(state: OutboxState, record: OutboxRecord): OutboxState {
  const lane = state.lanes[record.lane]
  const next = withLane(state, record.lane, { ...lane, tip: tipWith(lane.tip, record) })
  return record.epoch === undefined
    ? next
    : { ...next, epoch: Math.max(state.epoch ?? 0, record.epoch) }
}

/** The state at the next start: it counts as one more boot than any that it knows of. */
export function withNextBoot(state: OutboxState): OutboxState {
  const { boot, lanes } = state
  return { ...state, boot: 1 + Math.max(boot, lanes[0].tip?.boot ?? 0, lanes[1].tip?.boot ?? 0) }
}
