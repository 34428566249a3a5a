import { bytes, optional, tagged, tuple, u32, uint, type Codec } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { placeFields, type StatementPlace } from './place.ts'

/** Which stream a lane's readings belong to. */
export interface StreamBinding {
  /** The stream's 16 bytes; undefined: none, the lane takes no readings. */
  readonly stream: Uint8Array | undefined
  /** The generation of the stream's key tree; 0 without a stream. */
  readonly generation: number
}

/**
 * Binds a lane to a stream from the next place on, or to none. So the chain itself says where one patient's readings end
 * and another's begin, whatever clocks say and however late the statements arrive. spec F-28.
 */
export interface StreamStatement extends StatementPlace, StreamBinding {
  readonly type: 'stream'
  /** Bits of `STATEMENT_FLAG`, of which only `historyLost` is allowed. */
  readonly flags: number
}

/** The first item of a stream statement. */
export const STREAM: string = 'vitalchain/stream'

const bindingFields = { stream: optional(bytes(16)), generation: u32 }

/** How a binding is written: `[null / stream, generation]`. */
export const streamBindingCodec: Codec<StreamBinding> = checked(tuple(bindingFields))

/** How a stream statement is written. */
export const streamStatementCodec: Codec<Omit<StreamStatement, 'type'>> = checked(
  tagged([STREAM], { ...placeFields, flags: uint(1), ...bindingFields })
)

/** One value has one encoding: without a stream there is no generation. */
function checked<T extends StreamBinding>(codec: Codec<T>): Codec<T> {
  return {
    write: value => codec.write(value),
    read(value, path) {
      const binding = codec.read(value, path)
      if (binding.stream === undefined && binding.generation !== 0)
        throw new VitalchainError('ERR_SCHEMA', `${path}.generation: expected 0 without a stream`)
      return binding
    }
  }
}
