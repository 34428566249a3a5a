import type { StoredBlock } from './chain.ts'
import { decodeVoteState, encodeVoteState, type VoteState } from './replica.ts'

/** What survives a crash of a simulated machine. Immutable, so that an old one can come back. */
export interface Disk {
  readonly chain: readonly StoredBlock[]
  readonly voteState: Uint8Array | undefined
  /** A vote state whose write a crash cut short; the one before it is still there. */
  readonly torn: Uint8Array | undefined
}

/** A new machine's disk. */
export const EMPTY_DISK: Disk = { chain: [], voteState: undefined, torn: undefined }

/** A disk after a whole write. */
export function writeVoteState(disk: Disk, state: VoteState): Disk {
  return { ...disk, voteState: encodeVoteState(state), torn: undefined }
}

/** A disk after a write of which only the first part, a fraction from 0 to 1, arrived. */
export function tearVoteState(disk: Disk, state: VoteState, part: number): Disk {
  const bytes = encodeVoteState(state)
  return { ...disk, torn: bytes.subarray(0, Math.floor(bytes.length * part)) }
}

/** The newest vote state that can be read. */
export function readVoteState(disk: Disk): VoteState | undefined {
  for (const bytes of [disk.torn, disk.voteState]) {
    if (bytes === undefined) continue
    try {
      return decodeVoteState(bytes)
    } catch {
      // Torn: the one before it counts.
    }
  }
  return undefined
}
