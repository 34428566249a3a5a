import { concatBytes, equalBytes, u8, utf8 } from '../bytes.ts'
import type { PublicKey } from '../crypto/signatures.ts'
import { decodeCbor } from '../encoding/cbor.ts'
import { hash32, optional, tuple, u32, uint, type Codec } from '../encoding/schema.ts'
import { STATE_VALUE_BYTES_MAX } from './limits.ts'
import { publicKeyCodec } from './public-key.ts'
import { comparePlaces, statementId, type Place, type Statement } from './statement.ts'
import { streamBindingCodec, type StreamBinding } from './stream-statement.ts'

/** What the state holds of a lane of a device: where it stands. spec F-17 */
export interface LaneRecord extends Place {
  /** What the next statement must name as its previous. */
  readonly head: Uint8Array
  /** The height at which the device was caught contradicting itself in this lane; undefined when it was not. */
  readonly quarantinedHeight: number | undefined
  /** The key that signs the next statement, if a rotation brought it; undefined: the key of the device's record. */
  readonly publicKey: PublicKey | undefined
  /** What the readings of the lane belong to, as its newest stream statement said; undefined: it had none, any stream goes. */
  readonly binding: StreamBinding | undefined
}

/** How a lane's record is written. */
export const laneRecordCodec: Codec<LaneRecord> = tuple({
  boot: u32,
  seq: uint(),
  head: hash32,
  quarantinedHeight: optional(uint()),
  publicKey: optional(publicKeyCodec),
  binding: optional(streamBindingCodec)
})

const KEY_PREFIX = utf8('devices/lane/')

/** What a lane's record stands under in its table: the device's identifier and the lane's number. */
export function laneRecordId(device: Uint8Array, lane: 0 | 1): Uint8Array {
  return concatBytes([device, u8(lane)])
}

/** The key of a lane's record in the state, for state proofs. */
export function laneStateKey(device: Uint8Array, lane: 0 | 1): Uint8Array {
  return concatBytes([KEY_PREFIX, laneRecordId(device, lane)])
}

/** The record of a lane from the state's value. @throws VitalchainError as a format's `decode` does */
export function decodeLaneRecord(value: Uint8Array): LaneRecord {
  return laneRecordCodec.read(decodeCbor(value, STATE_VALUE_BYTES_MAX), 'devices/lane')
}

/** Where a lane stands after a statement, and what the next one must name as its previous. spec D-4, D-5 */
export interface LaneEnd extends Place {
  readonly head: Uint8Array
}

/** Where a lane stands after this statement, whose identity is `id`. spec D-4, D-5 */
export function laneAfter(statement: Statement, id: Uint8Array): LaneEnd {
  return statement.type === 'gap'
    ? { ...statement.last, head: statementId(statement.lastDropped) }
    : { boot: statement.boot, seq: statement.seq, head: id }
}

/** Whether a statement stands at the next place of a lane and names what the lane ends with. spec D-4 */
export function followsIn(lane: LaneEnd, next: Place & { readonly previous: Uint8Array }): boolean {
  const nextNumber = next.boot === lane.boot && next.seq === lane.seq + 1
  const newBoot = next.seq === 0 && comparePlaces(next, lane) > 0
  return (nextNumber || newBoot) && equalBytes(next.previous, lane.head)
}
