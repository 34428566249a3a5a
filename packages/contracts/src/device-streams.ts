import {
  bytes,
  concatBytes,
  equalBytes,
  hash32,
  optional,
  tuple,
  u32,
  uint,
  type Codec,
  type LaneRecord,
  type ReadingStatement,
  type StreamBinding,
  type StreamStatement
} from '@vitalchain/core'
import { encodeArgs, method, type Method, type StateReader } from './contract.ts'
import {
  knownDevice,
  ownerAt,
  refused,
  requireInForce,
  requireMember,
  type Device
} from './device-records.ts'
import { table, type Table } from './table.ts'

/** The arguments of `devices.associate`: the device may record for this stream. */
export interface AssociateStream {
  readonly device: Uint8Array
  /** 16 bytes, a pseudonym. */
  readonly stream: Uint8Array
  readonly generation: number
}

/** The arguments of `devices.dissociate`. */
export interface DissociateStream {
  readonly device: Uint8Array
  readonly stream: Uint8Array
}

/** What a member allowed a device. */
export interface StreamAllowance {
  readonly generation: number
  readonly allowedHeight: number
  /** From this height on the device may not begin the stream; undefined while it may. */
  readonly endedHeight: number | undefined
}

const NO_STREAM: StreamBinding = { stream: undefined, generation: 0 }

const allowances: Table<StreamAllowance> = table(
  'devices',
  'stream',
  tuple({ generation: u32, allowedHeight: uint(), endedHeight: optional(uint()) })
)

/** How the arguments of `devices.associate` are written. */
export const associateStreamCodec: Codec<AssociateStream> = tuple({
  device: hash32,
  stream: bytes(16),
  generation: u32
})

/** How the arguments of `devices.dissociate` are written. */
export const dissociateStreamCodec: Codec<DissociateStream> = tuple({
  device: hash32,
  stream: bytes(16)
})

/** The bytes of the arguments of `devices.associate`. */
export function associateStreamArgs(args: AssociateStream): Uint8Array {
  return encodeArgs(associateStreamCodec, args)
}

/** The bytes of the arguments of `devices.dissociate`. */
export function dissociateStreamArgs(args: DissociateStream): Uint8Array {
  return encodeArgs(dissociateStreamCodec, args)
}

/** What a member allowed a device about a stream, or undefined for nothing. */
export function getStreamAllowance(
  state: StateReader,
  { device, member, stream }: Readonly<Record<'device' | 'member' | 'stream', Uint8Array>>
): StreamAllowance | undefined {
  return allowances.get(state, concatBytes([device, member, stream]))
}

/** The methods by which an owner says for which streams a device may record. spec D-13 */
export const streamMethods: Readonly<Record<'associate' | 'dissociate', Method>> = {
  associate: method(
    associateStreamCodec,
    (state, { device, stream, generation }, { author }, { height }) => {
      requireTenant(state, device, author)
      const known = getStreamAllowance(state, { device, member: author, stream })
      if (known !== undefined && known.endedHeight === undefined && known.generation === generation)
        throw refused(
          'ERR_NOTHING_CHANGES',
          'the device may record for this stream already',
          device
        )
      if (known !== undefined && generation < known.generation)
        throw refused('ERR_STREAM', 'generations of a stream only go up', device)
      allowances.put(state, concatBytes([device, author, stream]), {
        generation,
        allowedHeight: height,
        endedHeight: undefined
      })
    }
  ),
  dissociate: method(dissociateStreamCodec, (state, { device, stream }, { author }, { height }) => {
    requireTenant(state, device, author)
    const known = getStreamAllowance(state, { device, member: author, stream })
    if (known === undefined || known.endedHeight !== undefined)
      throw refused('ERR_NOTHING_CHANGES', 'the device may not record for this stream', device)
    allowances.put(state, concatBytes([device, author, stream]), { ...known, endedHeight: height })
  })
}

/** What a lane is bound to at a boot: with a new owner's first boot every binding of the former's ends. spec D-15 */
export function bindingAt(
  device: Device,
  lane: LaneRecord | undefined,
  boot: number
): StreamBinding | undefined {
  if (lane?.binding === undefined) return undefined
  const isTaken = lane.boot < device.ownerFromBoot && boot >= device.ownerFromBoot
  return isTaken ? NO_STREAM : lane.binding
}

/**
 * A lane binds itself only to what the owner of that boot allows.
 *
 * @throws VitalchainError `ERR_STREAM`, retryable: the owner may allow it (again), and until then the device waits. spec D-14
 */
export function requireAllowed(
  state: StateReader,
  device: Device,
  statement: StreamStatement
): void {
  const { device: id, stream, generation, boot } = statement
  if (stream === undefined) return
  const allowed = getStreamAllowance(state, { device: id, member: ownerAt(device, boot), stream })
  if (
    allowed === undefined ||
    allowed.endedHeight !== undefined ||
    allowed.generation !== generation
  )
    throw refused('ERR_STREAM', "the device's owner did not allow it this stream", id, true)
}

/** Readings belong to the stream that their lane is bound to. @throws VitalchainError `ERR_STREAM`. spec D-14 */
export function requireBound(
  { device, stream, generation }: ReadingStatement,
  binding: StreamBinding | undefined
): void {
  if (binding === undefined) return
  if (
    binding.stream === undefined ||
    !equalBytes(binding.stream, stream) ||
    binding.generation !== generation
  )
    throw refused('ERR_STREAM', 'the lane is bound to another stream, or to none', device)
}

/** A former owner may still say what the backlog of its boots belongs to. */
function requireTenant(state: StateReader, id: Uint8Array, author: Uint8Array): void {
  requireMember(state, author)
  const device = knownDevice(state, id)
  const tenants = [device.owner, ...(device.formerOwner === undefined ? [] : [device.formerOwner])]
  if (!tenants.some(tenant => equalBytes(tenant, author)))
    throw refused('ERR_NOT_THE_OWNER', 'only the member that owns a device does this', id)
  if (equalBytes(device.owner, author)) requireInForce(device, id)
}
