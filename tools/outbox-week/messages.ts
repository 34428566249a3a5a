// What the program and the device of its own process tell each other.

/** From the program to the device. */
export type ToDevice =
  | {
      readonly type: 'start'
      readonly genesis: Uint8Array
      readonly directory: string
      readonly days: number
      readonly readings: number
    }
  /** The network is back. */
  | { readonly type: 'up' }
  /** What a node sends over a connection. */
  | { readonly type: 'frame'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: 'hangUp'; readonly connection: number }

/** From the device to the program. */
export type FromDevice =
  | { readonly type: 'registered'; readonly device: Uint8Array; readonly publicKey: Uint8Array }
  | { readonly type: 'recorded'; readonly memory: MemoryUsed; readonly statements: number }
  | { readonly type: 'drained'; readonly memory: MemoryUsed }
  | { readonly type: 'connect' | 'close'; readonly connection: number }
  | { readonly type: 'frame'; readonly connection: number; readonly bytes: Uint8Array }

/** Bytes of the whole process above what it took before its first reading. */
export interface MemoryUsed {
  /** Resident, at the end. */
  readonly resident: number
  /** Resident, the most at any moment until then. */
  readonly peak: number
  /** Live objects and buffers, after a collection of garbage. */
  readonly live: number
}
