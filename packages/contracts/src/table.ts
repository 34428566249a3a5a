import {
  concatBytes,
  decodeCbor,
  encodeCbor,
  STATE_VALUE_BYTES_MAX,
  utf8,
  type Codec
} from '@vitalchain/core'
import type { State, StateReader } from './contract.ts'

/** A part of the state that holds one kind of record, each under an identifier. */
export interface Table<T> {
  /** The full key of an identifier, for state proofs. */
  key(id: Uint8Array): Uint8Array
  /** The record of an identifier. */
  get(state: StateReader, id: Uint8Array): T | undefined
  /** Writes the record of an identifier. */
  put(state: State, id: Uint8Array, value: T): void
  /** Takes the record of an identifier away; nothing happens when there is none. */
  delete(state: State, id: Uint8Array): void
}

/** A table whose keys are `contract/name/` and an identifier, and whose values are deterministic CBOR. spec F-17. */
export function table<T>(contract: string, name: string, codec: Codec<T>): Table<T> {
  const prefix = utf8(`${contract}/${name}/`)
  const key = (id: Uint8Array): Uint8Array => concatBytes([prefix, id])
  return {
    key,
    get(state, id) {
      const encoded = state.get(key(id))
      return encoded === undefined
        ? undefined
        : codec.read(decodeCbor(encoded, STATE_VALUE_BYTES_MAX), `${contract}/${name}`)
    },
    put(state, id, value) {
      state.put(key(id), encodeCbor(codec.write(value)))
    },
    delete: (state, id) => state.delete(key(id))
  }
}
