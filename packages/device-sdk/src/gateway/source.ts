import type { Reading, VitalchainError } from '@vitalchain/core'

/** What a sensor measured. Without a time it gets that of its arrival. */
export interface SensorValue extends Omit<Reading, 'time'> {
  /** By the sensor's clock, in whole milliseconds since 1970. */
  readonly time?: number
}

/** What came from a sensor at once. */
export interface SensorMessage {
  /** The sensor's name in the gateway. */
  readonly sensor: string
  readonly values: readonly SensorValue[]
  /** Whether it goes past any backlog, and at once. Default false. */
  readonly urgent?: boolean
  /**
   * What no other message of this sensor has, at most 128 characters: a message with the same one is the same message, come
   * again. Without it nothing is recognized.
   */
  readonly identity?: string | undefined
}

/** What a source tells the gateway about itself. */
export type SourceEvent =
  /** Something that cannot be recorded came, and was not. `sensor` as far as it is known. */
  | {
      readonly type: 'refused'
      readonly sensor?: string | undefined
      readonly error: VitalchainError
    }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly error?: unknown }
  /** An edge node of Sparkplug was asked for its birth certificates, `group/node`. */
  | { readonly type: 'rebirth'; readonly node: string }

/** What a source hands its messages to. */
export interface GatewayIntake {
  /** Milliseconds since 1970 by the gateway's clock. */
  now(): number
  /**
   * Resolves when the message is in signed statements on disk: only then it is acknowledged. `repeated`: it was before.
   *
   * @throws VitalchainError `ERR_GATEWAY_SENSOR`, `ERR_SENML`, `ERR_GATEWAY_RATE`, `ERR_DEVICE_STOPPED` when the gateway
   * stops, or what stopped the sensor's lane
   */
  take(message: SensorMessage): Promise<'stored' | 'repeated'>
  /** Stores what was taken without waiting for full batches. */
  flush(): void
  report(event: SourceEvent): void
}

/** Where messages of sensors come from. */
export interface GatewaySource {
  /** A short name for events, counts and logs. */
  readonly name: string
  /** Begins to take messages. Called once; what it throws fails the gateway's start. */
  start(intake: GatewayIntake): Promise<void>
  /** Ends what `start` began. Never rejects. */
  stop(): Promise<void>
}
