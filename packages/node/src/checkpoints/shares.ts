import {
  bytes,
  checkpointShareFormat,
  format,
  list,
  mapped,
  VALIDATORS_MAX,
  type CheckpointShare,
  type Format
} from '@vitalchain/core'

/** Shares in one list: those of a quorum's checkpoint, and one newer share of each validator. */
export const SHARES_MAX: number = 2 * VALIDATORS_MAX

/** The bytes of some shares and back, for the wire and the store: 100 of them take 36 kB. */
export const sharesFormat: Format<readonly CheckpointShare[]> = format(
  'checkpoint shares',
  SHARES_MAX * (checkpointShareFormat.bytesMax + 3) + 16,
  list(
    mapped(
      bytes(1, checkpointShareFormat.bytesMax),
      encoded => checkpointShareFormat.decode(encoded),
      share => checkpointShareFormat.encode(share)
    ),
    SHARES_MAX
  )
)
