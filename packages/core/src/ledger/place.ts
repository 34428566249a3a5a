import { hash32, mapped, u32, uint, type Codec } from '../encoding/schema.ts'

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

/** The codec of a lane's number. */
export const laneCodec: Codec<0 | 1> = mapped(
  uint(1),
  (value): 0 | 1 => (value === 0 ? 0 : 1),
  value => value
)

/** The fields of a {@link StatementPlace} in the order in which every statement begins with them. spec F-11. */
export const placeFields: { readonly [K in keyof StatementPlace]: Codec<StatementPlace[K]> } = {
  network: hash32,
  device: hash32,
  lane: laneCodec,
  boot: u32,
  seq: uint(),
  previous: hash32
}

/** Negative, zero or positive as `a` stands before, at or behind `b`. */
export function comparePlaces(a: Place, b: Place): number {
  return a.boot === b.boot ? a.seq - b.seq : a.boot - b.boot
}
