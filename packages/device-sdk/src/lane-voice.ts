import {
  deviceId,
  equalBytes,
  VitalchainError,
  type PublicKey,
  type Signer
} from '@vitalchain/core'
import type { LaneBinding, OutboxLane } from './outbox.ts'
import type { DeviceStream } from './statement-writer.ts'

/** With what key a lane signs its next statement, and for which stream. */
export interface LaneVoice {
  signer: Signer
  /** Undefined: the lane takes no readings. */
  stream: DeviceStream | undefined
  /** What the newest stream statement of the lane said; undefined before the first. */
  binding: LaneBinding | undefined
}

/** What the lanes of a device begin with. */
export interface VoicesInit {
  readonly device: Uint8Array
  /** The newest first. */
  readonly signers: readonly [Signer, ...Signer[]]
  readonly stream: DeviceStream
  readonly lanes: readonly [OutboxLane, OutboxLane]
  /** Whether the lanes are to be bound to the stream, whatever they were bound to before. */
  readonly bind: boolean
  /** Whether the lanes go on from what the outbox does not remember. */
  readonly resumed: boolean
}

/**
 * The voices of both lanes, as the outbox left them.
 *
 * @throws VitalchainError `ERR_DEVICE_INIT` when statements wait behind a key that is not among the signers, `ERR_STREAM`
 * when the lanes are bound to another stream: the device was associated and must be started with that one
 */
export function lanesVoices(init: VoicesInit): readonly [LaneVoice, LaneVoice] {
  const { lanes, stream, bind } = init
  const bound = lanes.flatMap(({ tip }) => tip?.binding ?? [])
  // Of a change that a crash cut in two, one lane has it: the device goes on with the stream that it is started with.
  const isFree = !bind && bound.length > 0 && bound.every(binding => binding.stream === undefined)
  if (bound.length > 0 && !bind && !isFree && !bound.some(binding => isBoundTo(binding, stream)))
    throw new VitalchainError(
      'ERR_STREAM',
      'the device is bound to another stream than it is started with'
    )
  const voice = (lane: OutboxLane): LaneVoice => ({
    signer: signerOf(lane, init),
    stream: isFree ? undefined : stream,
    binding: lane.tip?.binding
  })
  return [voice(lanes[0]), voice(lanes[1])]
}

/** Whether a lane's binding says this stream. */
export function isBoundTo(binding: LaneBinding | undefined, stream: DeviceStream): boolean {
  return (
    binding?.stream !== undefined &&
    equalBytes(binding.stream, stream.id) &&
    binding.generation === stream.generation
  )
}

/** Whether two public keys are one. */
export function isSameKey(one: PublicKey, other: PublicKey): boolean {
  return one.algorithm === other.algorithm && equalBytes(one.bytes, other.bytes)
}

function signerOf({ tip, entries }: OutboxLane, { device, signers, resumed }: VoicesInit): Signer {
  const [newest] = signers
  const key = tip?.key
  if (key !== undefined) {
    const held = signers.find(({ publicKey }) => isSameKey(publicKey, key))
    // With nothing waiting it may have been re-keyed: then the old key is not needed any more.
    if (held === undefined && entries.length > 0)
      throw new VitalchainError(
        'ERR_DEVICE_INIT',
        'statements wait that the key of another signer must go on from: give it as formerSigners'
      )
    return held ?? newest
  }
  if (resumed) return newest
  // A lane without statements begins with the first key of all.
  return signers.find(({ publicKey }) => equalBytes(deviceId(publicKey), device)) ?? newest
}
