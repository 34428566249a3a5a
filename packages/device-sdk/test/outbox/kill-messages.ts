/** How fast a killed device's timers run: its waits of seconds must not become those of the test. */
export const HASTE = 20

/** What a killed device is told to do. */
export interface Life {
  readonly type: 'live'
  readonly seed: number
  readonly genesis: Uint8Array
  readonly directory: string
  readonly nodes: number
  /** The numbers of its first readings in each lane. */
  readonly next: readonly [number, number]
  /** Whether it drops the oldest, and when. */
  readonly outboxBytes: number | undefined
}

/** What the parent says. */
export type ToChild =
  | Life
  | { readonly type: 'connected'; readonly connection: number }
  | { readonly type: 'answer'; readonly connection: number; readonly frame: Uint8Array }
  | { readonly type: 'closed'; readonly connection: number }
  | { readonly type: 'stop' }

/** What the device's process says. */
export type FromChild =
  | { readonly type: 'connect'; readonly connection: number; readonly node: number }
  | { readonly type: 'request'; readonly connection: number; readonly frame: Uint8Array }
  | { readonly type: 'close'; readonly connection: number }
  /** A file's bytes up to here survive. */
  | { readonly type: 'synced'; readonly path: string; readonly bytes: number }
  | {
      readonly type: 'stored'
      readonly lane: 0 | 1
      readonly first: number
      readonly count: number
    }
  | { readonly type: 'proved'; readonly id: string }
  | { readonly type: 'drained' }
