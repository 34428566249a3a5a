import { setImmediate } from 'node:timers/promises'
import {
  comparePlaces,
  completenessFormat,
  COMPLETENESS_STATEMENTS_MAX,
  decodeLaneRecord,
  decodeTransaction,
  equalBytes,
  followsIn,
  inclusionProofs,
  laneAfter,
  laneStateKey,
  leafHash,
  RECEIPT_BYTES_MAX,
  verifyInclusions,
  VitalchainError,
  type Anchor,
  type Completeness,
  type CompletenessStatement,
  type Header,
  type LaneEnd,
  type NodeReader,
  type Place,
  type Statement
} from '@vitalchain/core'
import type { StoreRange, StoreRecord } from '../store/store.ts'
import { placeKey, readNumber } from '../store/tables.ts'
import { createNodeMemory } from './node-memory.ts'
import { damaged, type TransactionRecord } from './records.ts'

/** Statements that are read, or get their paths, before other work of the node has its turn: about 10 ms. */
const PART_STATEMENTS = 128

const FIRST_PLACE: Place = { boot: 0, seq: 0 }
const LAST_PLACE: Place = { boot: 0xffff_ffff, seq: Number.MAX_SAFE_INTEGER }

/** Which statements shall be shown to be all. */
export interface CompletenessRequest {
  readonly device: Uint8Array
  readonly lane: 0 | 1
  /** The proof begins with the first statement at this place or behind it. Default: the start of the lane. */
  readonly from?: Place | undefined
  /**
   * The proof ends with the last statement at this place or before it. Default: with the newest one, and it is shown that
   * this is the newest.
   */
  readonly to?: Place | undefined
  /** Size of a checkpoint that the verifier trusts. */
  readonly pin?: number | undefined
}

/** What completeness proofs are made from. */
export interface CompletenessSource {
  /** The records of the places table. */
  readonly places: (range: StoreRange) => Promise<readonly StoreRecord[]>
  readonly size: () => number
  readonly committed: (index: number) => TransactionRecord
  readonly readNode: NodeReader
  /** The newest block's header, tied to the genesis and a pin. */
  readonly newest: (pin: number | undefined) => Anchor
  /** The value of a key of the state after the newest block, with its proof; undefined when there is none. */
  readonly proven: (key: Uint8Array) => Completeness['head']
}

/** The statements of a part of a lane, and where the lane stands behind them. */
interface Part {
  readonly leaves: readonly { readonly index: number; readonly transaction: Uint8Array }[]
  readonly end: LaneEnd | undefined
}

/**
 * The bytes of a completeness proof, against the newest header. When the range has more statements than one proof holds,
 * it ends earlier: the next one begins behind it.
 *
 * @throws VitalchainError `ERR_NOT_FOUND` when there is no statement in the range, `ERR_TREE_RANGE` as for receipts,
 * `ERR_DAMAGED`
 */
export async function makeCompleteness(
  source: CompletenessSource,
  request: CompletenessRequest,
  statementsMax: number = COMPLETENESS_STATEMENTS_MAX,
  bytesMax: number = RECEIPT_BYTES_MAX
): Promise<Uint8Array> {
  for (let max = statementsMax; ; max = Math.ceil(max / 2)) {
    const proof = await make(source, request, max)
    // Only long statements, long paths and many hand-overs together are too much.
    if (proof.length <= bytesMax || max === 1) return proof
  }
}

async function make(
  source: CompletenessSource,
  request: CompletenessRequest,
  max: number
): Promise<Uint8Array> {
  let part = await gather(source, request, { leaves: [], end: undefined }, max)
  for (;;) {
    const { leaves, end } = part
    if (end === undefined)
      throw new VitalchainError('ERR_NOT_FOUND', 'no statement stands in this range of the lane')
    // Header and state are of one block as long as nothing is awaited.
    const anchor = source.newest(request.pin)
    const isToEnd = request.to === undefined && leaves.length < max
    const head = isToEnd ? source.proven(laneStateKey(request.device, request.lane)) : undefined
    if (head === undefined || isAt(end, head.value)) {
      const statements = await withPaths(source, leaves, anchor.header)
      return completenessFormat.encode({ ...anchor, statements, head })
    }
    // The device sent more in the meantime.
    part = await gather(source, request, part, max)
    if (part.leaves.length === leaves.length) throw damaged('place', leaves.length)
  }
}

/** A part with what stands behind it, as far as there is anything. */
async function gather(
  source: CompletenessSource,
  request: CompletenessRequest,
  from: Part,
  max: number
): Promise<Part> {
  let part = from
  for (;;) {
    const room = Math.min(PART_STATEMENTS, max - part.leaves.length)
    const next = await readPart(source, request, part.end, room)
    if (next.leaves.length === 0) return part
    part = { leaves: [...part.leaves, ...next.leaves], end: next.end }
  }
}

/** The next statements behind a place, each checked to follow the one before. */
async function readPart(
  { places, size, committed }: CompletenessSource,
  { device, lane, from = FIRST_PLACE, to = LAST_PLACE }: CompletenessRequest,
  behind: LaneEnd | undefined,
  max: number
): Promise<Part> {
  const start = behind === undefined ? from : { boot: behind.boot, seq: behind.seq + 1 }
  if (max === 0 || comparePlaces(start, to) > 0) return { leaves: [], end: undefined }
  const range = { from: placeKey(device, lane, start), to: placeKey(device, lane, to), max }
  const leaves = []
  let end = behind
  for (const { value } of await places(range)) {
    const index = readNumber(value)
    // Of a block that is being committed just now.
    if (index >= size()) break
    const transaction = committed(index).bytes
    const opened = decodeTransaction(transaction)
    if (
      opened.type !== 'statement' ||
      !equalBytes(opened.statement.device, device) ||
      opened.statement.lane !== lane ||
      !(end === undefined ? mayBegin(opened.statement, from) : followsIn(end, opened.statement))
    ) {
      throw damaged('place', index)
    }
    end = laneAfter(opened.statement, opened.id)
    leaves.push({ index, transaction })
  }
  return { leaves, end: leaves.length === 0 ? undefined : end }
}

/** Whether a statement can be the first behind a place: at the start of the lane it names none before it. */
function mayBegin({ previous }: Statement, from: Place): boolean {
  return from !== FIRST_PLACE || previous.every(byte => byte === 0)
}

function isAt({ boot, seq, head }: LaneEnd, record: Uint8Array): boolean {
  const lane = decodeLaneRecord(record)
  return lane.boot === boot && lane.seq === seq && equalBytes(lane.head, head)
}

/** The statements with the parts of their inclusion paths that they do not share. */
async function withPaths(
  { readNode }: CompletenessSource,
  leaves: Part['leaves'],
  { history }: Header
): Promise<CompletenessStatement[]> {
  // Neighbours share most of their paths.
  const { read } = createNodeMemory(readNode)
  const statements: CompletenessStatement[] = []
  for (let first = 0; first < leaves.length; first += PART_STATEMENTS) {
    const part = leaves.slice(first, first + PART_STATEMENTS)
    const before = first === 0 ? [] : leaves.slice(first - 1, first)
    const indices = [...before, ...part].map(({ index }) => index)
    const paths = inclusionProofs(indices, history.size, read).slice(before.length)
    for (const [k, leaf] of part.entries()) statements.push({ ...leaf, path: paths[k] ?? [] })
    await setImmediate()
  }
  const placed = statements.map(({ transaction, ...place }) => ({
    ...place,
    leafHash: leafHash(transaction)
  }))
  if (!verifyInclusions(placed, history.size, history.root))
    throw damaged('proof', leaves[0]?.index ?? 0)
  return statements
}
