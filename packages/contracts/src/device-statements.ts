import {
  checkPublicKey,
  comparePlaces,
  equalBytes,
  laneAfter,
  laneRecordId,
  lostHistory,
  statementId,
  tuple,
  uint,
  verifyRotationProof,
  VitalchainError,
  type LaneRecord,
  type PublicKey,
  type Statement
} from '@vitalchain/core'
import { equalKeys } from './accounts.ts'
import type { BlockContext, ConflictTransaction, State, StatementTransaction } from './contract.ts'
import {
  getLane,
  knownDevice,
  laneKey,
  laneRecords,
  ownerAt,
  refused,
  type Device
} from './device-records.ts'
import { bindingAt, requireAllowed, requireBound } from './device-streams.ts'
import { table, type Table } from './table.ts'

const DAY_MS = 86_400_000

/** What a lane's first statement names as the one before. */
export const NO_STATEMENT: Uint8Array = new Uint8Array(32)

const usage: Table<{ readonly day: number; readonly payloadBytes: number }> = table(
  'devices',
  'usage',
  tuple({ day: uint(), payloadBytes: uint() })
)

/** Takes a statement as the next of its lane. spec D-2 to D-7, D-11, D-14 to D-16 */
export function applyStatement(
  state: State,
  { statement, signed }: StatementTransaction,
  block: BlockContext
): void {
  const id = statement.device
  const device = knownDevice(state, id)
  if (device.revokedHeight !== undefined)
    throw refused('ERR_DEVICE_REVOKED', 'the device is revoked', id) // spec D-2
  if (device.retired !== undefined && statement.boot >= device.retired.boot)
    throw refused('ERR_DEVICE_RETIRED', 'the device is retired before this boot', id) // spec D-16
  const lane = getLane(state, id, statement.lane)
  if (lane?.quarantinedHeight !== undefined) {
    throw refused(
      'ERR_CHAIN_QUARANTINED',
      'the device contradicted itself in this lane; its operator must re-key it',
      id
    ) // spec D-6
  }
  requireHead(statement, lane)
  requireKey(laneKey(device, lane), signed.publicKey, id)
  requireNext(statement, lane)
  const end = laneAfter(statement, statementId(signed.payload))
  laneRecords.put(state, laneRecordId(id, statement.lane), {
    ...end,
    quarantinedHeight: undefined,
    publicKey: lane?.publicKey,
    binding: bindingAt(device, lane, end.boot),
    ...carryOut(state, statement, signed.publicKey, { device, lane, block })
  })
}

/** What a statement does beyond taking its place. */
function carryOut(
  state: State,
  statement: Statement,
  key: PublicKey,
  {
    device,
    lane,
    block
  }: {
    readonly device: Device
    readonly lane: LaneRecord | undefined
    readonly block: BlockContext
  }
): Partial<LaneRecord> {
  const { device: id, boot } = statement
  switch (statement.type) {
    case 'readings':
      if (statement.retention >= block.genesis.parameters.retentionDays.length)
        throw refused('ERR_RETENTION', 'the genesis has no such retention class', id)
      requireBound(statement, bindingAt(device, lane, boot))
      countPayload(state, ownerAt(device, boot), statement.payloadSize, block)
      return {}
    case 'gap':
      return {}
    case 'rotation':
      // spec D-11
      checkPublicKey(statement.newKey)
      if (equalKeys(statement.newKey, key))
        throw refused('ERR_NOTHING_CHANGES', 'a rotation needs another key', id)
      if (!verifyRotationProof(statement, key))
        throw refused('ERR_KEY_PROOF', 'the new key did not sign the rotation', id)
      return { publicKey: statement.newKey }
    case 'stream':
      requireAllowed(state, device, statement)
      return { binding: { stream: statement.stream, generation: statement.generation } }
  }
}

/** Before its key is looked at: a rotation may be among the statements that are still to come. spec D-3, D-4 */
function requireHead(statement: Statement, lane: LaneRecord | undefined): void {
  if (lane !== undefined && comparePlaces(statement, lane) <= 0) return
  if (!equalBytes(statement.previous, lane?.head ?? NO_STATEMENT))
    throw new VitalchainError(
      'ERR_CHAIN_AHEAD',
      'the statement before this one is not on the ledger yet',
      { retryable: true }
    )
}

/** A statement follows the one before at the next place: the next number, or the start of a later boot. spec D-4 */
function requireNext(statement: Statement, lane: LaneRecord | undefined): void {
  const { device, boot, seq } = statement
  if (lane !== undefined && comparePlaces(statement, lane) <= 0)
    throw refused('ERR_PLACE_TAKEN', 'a statement stands at this place already', device)
  const nextNumber = lane !== undefined && boot === lane.boot && seq === lane.seq + 1
  const newBoot = seq === 0 && (lane === undefined || boot > lane.boot)
  if (!nextNumber && !newBoot)
    throw refused(
      'ERR_PLACE_SKIPPED',
      'a statement must stand at the next place of its lane',
      device
    )
  if (lostHistory(statement) && lane === undefined)
    throw refused('ERR_PLACE_SKIPPED', 'a lane without statements has no history to lose', device)
}

/** Counts a day of block time at a time: what a member's devices may add to everybody's disks. spec D-7 */
function countPayload(
  state: State,
  owner: Uint8Array,
  size: number,
  { time, genesis }: BlockContext
): void {
  const day = Math.floor(time / DAY_MS)
  const used = usage.get(state, owner)
  const payloadBytes = (used?.day === day ? used.payloadBytes : 0) + size
  if (payloadBytes > genesis.parameters.payloadBytesPerMemberDay) {
    throw new VitalchainError('ERR_QUOTA', "the member's payload bytes of the day are used up", {
      retryable: true,
      values: { payloadBytes }
    })
  }
  usage.put(state, owner, { day, payloadBytes })
}

/** Two statements of one device at one place, both signed by its key: the lane is closed, nothing committed is undone. spec D-6 */
export function applyConflict(
  state: State,
  { first, second }: ConflictTransaction,
  block: BlockContext
): void {
  const [a, b] = [first.statement, second.statement]
  const device = knownDevice(state, a.device)
  if (
    !equalBytes(a.device, b.device) ||
    // A device may drop what it did not send.
    (a.type === 'gap') !== (b.type === 'gap') ||
    a.lane !== b.lane ||
    comparePlaces(a, b) !== 0
  ) {
    throw refused('ERR_NO_CONFLICT', 'the two statements do not stand at one place', a.device)
  }
  const lane = getLane(state, a.device, a.lane) ?? {
    boot: 0,
    seq: 0,
    head: NO_STATEMENT,
    quarantinedHeight: undefined,
    publicKey: undefined,
    binding: undefined
  }
  // The key of today: whoever steals a key that was rotated away must not be able to close the lane with it.
  requireKey(laneKey(device, lane), first.signed.publicKey, a.device)
  requireKey(laneKey(device, lane), second.signed.publicKey, a.device)
  if (lane.quarantinedHeight !== undefined)
    throw refused('ERR_CHAIN_QUARANTINED', 'the lane is quarantined already', a.device)
  laneRecords.put(state, laneRecordId(a.device, a.lane), {
    ...lane,
    quarantinedHeight: block.height
  })
}

/**
 * Not `ERR_SIGNATURE`, which an honest node never relays: that a key is not the lane's today depends on how far the
 * ledger of who says it has come. spec D-3
 */
function requireKey(expected: PublicKey, key: PublicKey, device: Uint8Array): void {
  if (!equalKeys(expected, key))
    throw refused('ERR_DEVICE_KEY', "the statement is not signed by the lane's key", device)
}
