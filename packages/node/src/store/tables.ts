import { concatBytes, fromHex, u32be, u64be, u8, type Place, type TileId } from '@vitalchain/core'

/**
 * The tables of a node's store. Each record's key in the database is the table's letter and the key below.
 *
 * | table        | letter | key                                         | value                                                     |
 * | ------------ | ------ | ------------------------------------------- | --------------------------------------------------------- |
 * | meta         | m      | a name                                      | see `META`                                                |
 * | headers      | h      | height, u64                                 | CBOR: header bytes, certificate as decided, certificate of |
 * |              |        |                                             | the block before as included                              |
 * | transactions | t      | leaf index, u64                             | height u64, the transaction's bytes                       |
 * | tiles        | T      | tile level u8, tile index u64               | 1 to 256 hashes (C2SP tlog-tiles), partial ones rewritten |
 * | state        | s      | a contract's key                            | a contract's value                                        |
 * | nodes        | n      | position in the state tree                  | the node's record                                         |
 * | ids          | i      | identity of a statement, call or conflict   | leaf index, u64                                           |
 * | places       | p      | device 32, lane u8, boot u32, seq u64       | leaf index, u64                                           |
 * | validators   | v      | first height in force, u64                  | CBOR: the validator set                                   |
 * | payloads     | P      | SHA-256 of the payload                      | the encrypted payload                                     |
 * | payloadMeta  | r      | SHA-256 of the payload                      | CBOR: retention class, stored at (ms), at height, size    |
 * | wanted       | w      | SHA-256 of a payload that is missing here   | its retention class, u8                                   |
 * | named        | N      | SHA-256 of a payload that a statement names, or of the last one that a gap stands for | leaf index of the newest such statement, u64 |
 * | heard        | H      | height, u64                                 | what was heard at a height and no block tells, for blame  |
 * | checkpoints  | c      | `latest`, `newest` or `split`               | CBOR: shares of checkpoints, see `checkpoints/keeper.ts`  |
 *
 * All integers are big-endian, so that the order of the keys is theirs.
 */
export const TABLES: Readonly<Record<TableName, string>> = {
  meta: 'm',
  headers: 'h',
  transactions: 't',
  tiles: 'T',
  state: 's',
  nodes: 'n',
  ids: 'i',
  places: 'p',
  validators: 'v',
  payloads: 'P',
  payloadMeta: 'r',
  wanted: 'w',
  named: 'N',
  heard: 'H',
  checkpoints: 'c'
}

/** The name of a table. */
export type TableName =
  | 'meta'
  | 'headers'
  | 'transactions'
  | 'tiles'
  | 'state'
  | 'nodes'
  | 'ids'
  | 'places'
  | 'validators'
  | 'payloads'
  | 'payloadMeta'
  | 'wanted'
  | 'named'
  | 'heard'
  | 'checkpoints'

/** Keys of the meta table. */
export const META: Readonly<Record<'format' | 'genesis' | 'head' | 'leadership', Uint8Array>> = {
  /** Version of this layout, u32. */
  format: new TextEncoder().encode('format'),
  /** The bytes of the genesis document. */
  genesis: new TextEncoder().encode('genesis'),
  /** Height of the newest block, u64; 0 when there is only the genesis. */
  head: new TextEncoder().encode('head'),
  /** What the chain says about leaders of the next height, see `Leadership` in the consensus package. */
  leadership: new TextEncoder().encode('leadership')
}

/** Key of a record that is found by a number: a height or a leaf index. */
export function numberKey(value: number): Uint8Array {
  return u64be(value)
}

/** A number of eight big-endian bytes at the start of a record. */
export function readNumber(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0))
}

/** Key of a tile. */
export function tileKey({ tileLevel, tileIndex }: TileId): Uint8Array {
  return concatBytes([u8(tileLevel), u64be(tileIndex)])
}

/** Key of a state tree node by its position, which is hexadecimal: half as long, in the same order. */
export function nodeKey(position: string): Uint8Array {
  return fromHex(position)
}

/** Key of a place in a device's lane. */
export function placeKey(device: Uint8Array, lane: number, place: Place): Uint8Array {
  return concatBytes([device, u8(lane), u32be(place.boot), u64be(place.seq)])
}
