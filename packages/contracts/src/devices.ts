import {
  checkPublicKey,
  comparePlaces,
  concatBytes,
  deviceId,
  equalBytes,
  hash32,
  optional,
  publicKeyCodec,
  STATEMENT_FLAG,
  statementId,
  text,
  toHex,
  tuple,
  u32,
  u8,
  uint,
  VitalchainError,
  type Codec,
  type PublicKey,
  type Statement
} from '@vitalchain/core'
import {
  encodeArgs,
  method,
  type BlockContext,
  type ConflictTransaction,
  type Contract,
  type State,
  type StateReader,
  type StatementTransaction
} from './contract.ts'
import { getMember } from './member-records.ts'
import { table, type Table } from './table.ts'

/** Characters of a device's model name. */
export const MODEL_CHARACTERS_MAX: number = 64

const DAY_MS = 86_400_000
const NO_STATEMENT = new Uint8Array(32)

/** A device as the ledger knows it. */
export interface Device {
  /** The member whose operator registered it. */
  readonly owner: Uint8Array
  readonly publicKey: PublicKey
  readonly model: string
  /** SHA-256 of the firmware, if the operator stated it. */
  readonly firmware: Uint8Array | undefined
  readonly registeredHeight: number
  /** From this height on none of its statements is taken; undefined while it is not revoked. */
  readonly revokedHeight: number | undefined
}

/** Where a lane of a device stands. */
export interface Lane {
  readonly boot: number
  readonly seq: number
  /** What the next statement must name as its previous. */
  readonly head: Uint8Array
  /** The height at which the device was caught contradicting itself in this lane; undefined when it was not. */
  readonly quarantinedHeight: number | undefined
}

/** The arguments of `devices.register`. */
export interface RegisterDevice {
  readonly publicKey: PublicKey
  readonly model: string
  readonly firmware: Uint8Array | undefined
}

/** The arguments of `devices.revoke`. */
export interface RevokeDevice {
  readonly device: Uint8Array
}

const records: Table<Device> = table(
  'devices',
  'device',
  tuple({
    owner: hash32,
    publicKey: publicKeyCodec,
    model: text(MODEL_CHARACTERS_MAX),
    firmware: optional(hash32),
    registeredHeight: uint(),
    revokedHeight: optional(uint())
  })
)

const lanes: Table<Lane> = table(
  'devices',
  'lane',
  tuple({ boot: u32, seq: uint(), head: hash32, quarantinedHeight: optional(uint()) })
)

const usage: Table<{ readonly day: number; readonly payloadBytes: number }> = table(
  'devices',
  'usage',
  tuple({ day: uint(), payloadBytes: uint() })
)

/** How the arguments of `devices.register` are written. */
export const registerDeviceCodec: Codec<RegisterDevice> = tuple({
  publicKey: publicKeyCodec,
  model: text(MODEL_CHARACTERS_MAX),
  firmware: optional(hash32)
})

/** How the arguments of `devices.revoke` are written. */
export const revokeDeviceCodec: Codec<RevokeDevice> = tuple({ device: hash32 })

/** The bytes of the arguments of `devices.register`. */
export function registerDeviceArgs(args: RegisterDevice): Uint8Array {
  return encodeArgs(registerDeviceCodec, args)
}

/** The bytes of the arguments of `devices.revoke`. */
export function revokeDeviceArgs(args: RevokeDevice): Uint8Array {
  return encodeArgs(revokeDeviceCodec, args)
}

/** Devices: registered and revoked by a member's operator, and the chains of their statements. spec D-1 to D-8. */
export const devices: Contract = {
  name: 'devices',
  version: 1,
  methods: {
    // spec D-1
    register: method(registerDeviceCodec, (state, { publicKey, model, firmware }, call, block) => {
      if (getMember(state, call.author) === undefined)
        throw new VitalchainError('ERR_NOT_A_MEMBER', 'only a member registers devices')
      checkPublicKey(publicKey)
      const id = deviceId(publicKey)
      if (records.get(state, id) !== undefined)
        throw refused('ERR_DEVICE_EXISTS', 'the device is registered already', id)
      records.put(state, id, {
        owner: call.author,
        publicKey,
        model,
        firmware,
        registeredHeight: block.height,
        revokedHeight: undefined
      })
    }),
    // spec D-2
    revoke: method(revokeDeviceCodec, (state, { device: id }, call, block) => {
      if (getMember(state, call.author) === undefined)
        throw new VitalchainError('ERR_NOT_A_MEMBER', 'only a member revokes devices')
      const device = knownDevice(state, id)
      // Devices outlive the membership of their owner: somebody must be able to stop them.
      const isOrphan = getMember(state, device.owner) === undefined
      if (!isOrphan && !equalBytes(device.owner, call.author))
        throw refused('ERR_NOT_THE_OWNER', 'only the member that owns a device revokes it', id)
      if (device.revokedHeight !== undefined)
        throw refused('ERR_DEVICE_REVOKED', 'the device is revoked already', id)
      records.put(state, id, { ...device, revokedHeight: block.height })
    })
  },
  statement: applyStatement,
  statementHead: (state, { statement }) =>
    lanes.get(state, laneId(statement))?.head ?? NO_STATEMENT,
  conflict: applyConflict
}

/** A device's record, or undefined for one that nobody registered. */
export function getDevice(state: StateReader, id: Uint8Array): Device | undefined {
  return records.get(state, id)
}

/** The key of a device's record in the state, for state proofs. */
export function deviceStateKey(id: Uint8Array): Uint8Array {
  return records.key(id)
}

/** Where a lane of a device stands, or undefined before its first statement. */
export function getLane(state: StateReader, device: Uint8Array, lane: 0 | 1): Lane | undefined {
  return lanes.get(state, laneId({ device, lane }))
}

function applyStatement(
  state: State,
  { statement, signed }: StatementTransaction,
  block: BlockContext
): void {
  const device = knownDevice(state, statement.device)
  if (device.revokedHeight !== undefined)
    throw refused('ERR_DEVICE_REVOKED', 'the device is revoked', statement.device) // spec D-2
  requireKey(device, signed.publicKey, statement.device)
  const lane = lanes.get(state, laneId(statement))
  if (lane?.quarantinedHeight !== undefined) {
    throw refused(
      'ERR_CHAIN_QUARANTINED',
      'the device contradicted itself in this lane; its operator must re-key it',
      statement.device
    ) // spec D-6
  }
  requireNext(statement, lane)
  if (statement.type === 'readings') {
    if (statement.retention >= block.genesis.parameters.retentionDays.length)
      throw refused('ERR_RETENTION', 'the genesis has no such retention class', statement.device)
    countPayload(state, device.owner, statement.payloadSize, block)
  }
  lanes.put(
    state,
    laneId(statement),
    statement.type === 'gap'
      ? { ...statement.last, head: statement.lastDropped, quarantinedHeight: undefined } // spec D-5
      : {
          boot: statement.boot,
          seq: statement.seq,
          head: statementId(signed.payload),
          quarantinedHeight: undefined
        }
  )
}

/** A statement follows the one before at the next place: the next number, or the start of a later boot. spec D-4 */
function requireNext(statement: Statement, lane: Lane | undefined): void {
  const { device, boot, seq } = statement
  const head = lane?.head ?? NO_STATEMENT
  if (lane !== undefined && comparePlaces(statement, lane) <= 0)
    throw refused('ERR_PLACE_TAKEN', 'a statement stands at this place already', device)
  if (!equalBytes(statement.previous, head))
    throw new VitalchainError(
      'ERR_CHAIN_AHEAD',
      'the statement before this one is not on the ledger yet',
      { retryable: true }
    )
  const nextNumber = lane !== undefined && boot === lane.boot && seq === lane.seq + 1
  const newBoot = seq === 0 && (lane === undefined || boot > lane.boot)
  if (!nextNumber && !newBoot)
    throw refused(
      'ERR_PLACE_SKIPPED',
      'a statement must stand at the next place of its lane',
      device
    )
  if (
    statement.type === 'readings' &&
    (statement.flags & STATEMENT_FLAG.historyLost) !== 0 &&
    lane === undefined
  ) {
    throw refused('ERR_PLACE_SKIPPED', 'a lane without statements has no history to lose', device)
  }
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

/** Two statements of one kind, one device, one place, both signed by its key: the lane is closed, nothing committed is undone. spec D-6 */
function applyConflict(
  state: State,
  { first, second }: ConflictTransaction,
  block: BlockContext
): void {
  const [a, b] = [first.statement, second.statement]
  const device = knownDevice(state, a.device)
  if (
    !equalBytes(a.device, b.device) ||
    a.type !== b.type ||
    a.lane !== b.lane ||
    comparePlaces(a, b) !== 0
  ) {
    throw refused('ERR_NO_CONFLICT', 'the two statements do not stand at one place', a.device)
  }
  requireKey(device, first.signed.publicKey, a.device)
  requireKey(device, second.signed.publicKey, a.device)
  const lane = lanes.get(state, laneId(a)) ?? {
    boot: 0,
    seq: 0,
    head: NO_STATEMENT,
    quarantinedHeight: undefined
  }
  if (lane.quarantinedHeight !== undefined)
    throw refused('ERR_CHAIN_QUARANTINED', 'the lane is quarantined already', a.device)
  lanes.put(state, laneId(a), { ...lane, quarantinedHeight: block.height })
}

function knownDevice(state: StateReader, id: Uint8Array): Device {
  const device = records.get(state, id)
  if (device === undefined) throw refused('ERR_DEVICE_UNKNOWN', 'no such device is registered', id)
  return device
}

function requireKey(device: Device, key: PublicKey, id: Uint8Array): void {
  if (
    device.publicKey.algorithm !== key.algorithm ||
    !equalBytes(device.publicKey.bytes, key.bytes)
  ) {
    throw refused('ERR_SIGNATURE', "the statement is not signed by the device's key", id)
  }
}

function laneId({
  device,
  lane
}: {
  readonly device: Uint8Array
  readonly lane: 0 | 1
}): Uint8Array {
  return concatBytes([device, u8(lane)])
}

function refused(code: string, message: string, device: Uint8Array): VitalchainError {
  return new VitalchainError(code, message, { values: { device: toHex(device) } })
}
