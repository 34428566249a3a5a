import { concatBytes, u32be, u64be, u8, utf8 } from '../bytes.ts'

/** Where a consensus signature is valid: nowhere else. */
export interface VotePlace {
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
  /** How often the network was recovered by its recovery keys. */
  readonly recoveryEpoch: number
  readonly height: number
  readonly view: number
}

/** What a consensus signature says. */
export type VoteContent =
  | {
      readonly type: 'proposal'
      readonly blockHash: Uint8Array
      /** SHA-256 of the justification, or 32 zero bytes in view 0. */
      readonly justificationHash: Uint8Array
    }
  | { readonly type: 'prepare'; readonly blockHash: Uint8Array }
  | { readonly type: 'commit'; readonly blockHash: Uint8Array }
  | {
      readonly type: 'view-change'
      /** The view of the prepared certificate that the signer holds, or -1. `view` of the place is the new view. */
      readonly preparedView: number
      /** The block of that certificate, or 32 zero bytes. */
      readonly preparedHash: Uint8Array
    }
  | {
      readonly type: 'status'
      /** Hash of the newest block, 32 bytes; `height` of the place is its height. */
      readonly headHash: Uint8Array
      /** The signer's clock, ms since 1970. */
      readonly clock: number
    }
  | {
      readonly type: 'ready'
      /** The change of members that the signer is ready for, 32 bytes; `height` of the place is its newest block's, the view is 0. */
      readonly changeId: Uint8Array
    }

const PREFIX = utf8('vc-pbft/v1\0')

/** The byte that tells the kinds of consensus signature apart. */
export const VOTE_TYPE: Readonly<Record<VoteContent['type'], number>> = {
  proposal: 1,
  prepare: 2,
  commit: 3,
  'view-change': 4,
  status: 5,
  ready: 6
}

/**
 * The exact bytes that a consensus key signs: `"vc-pbft/v1\0" || type u8 || network 32 || recoveryEpoch u32 ||
 * height u64 || view u32 || fields`, all fixed-width and big-endian, so that no two contents share their bytes. spec F-10.
 */
export function voteSignBytes(place: VotePlace, content: VoteContent): Uint8Array {
  return concatBytes([
    PREFIX,
    u8(VOTE_TYPE[content.type]),
    place.network,
    u32be(place.recoveryEpoch),
    u64be(place.height),
    u32be(place.view),
    ...fields(content)
  ])
}

/**
 * What the keys of a newcomer sign to say that they are held and its node is up to date: sign-bytes of type 6, view 0,
 * recovery epoch 0. Signed by the consensus key, the checkpoint key and, where the call is not its own, the operator's. spec F-10, M-10.
 *
 * @param changeId - the identity of the call that proposed the change, 32 bytes
 * @param height - the height of the newest block that the newcomer holds
 */
export function readySignBytes(
  network: Uint8Array,
  changeId: Uint8Array,
  height: number
): Uint8Array {
  return voteSignBytes({ network, recoveryEpoch: 0, height, view: 0 }, { type: 'ready', changeId })
}

function fields(content: VoteContent): Uint8Array[] {
  switch (content.type) {
    case 'proposal':
      return [content.blockHash, content.justificationHash]
    case 'prepare':
    case 'commit':
      return [content.blockHash]
    case 'view-change':
      return [i32be(content.preparedView), content.preparedHash]
    case 'status':
      return [content.headHash, u64be(content.clock)]
    case 'ready':
      return [content.changeId]
  }
}

function i32be(value: number): Uint8Array {
  return u32be(value < 0 ? value + 0x1_0000_0000 : value)
}
