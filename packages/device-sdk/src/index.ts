export type { ClockError } from './clock.ts'
export { createDevice, type Device, type RecordOptions } from './device.ts'
export type { DeviceInit } from './device-init.ts'
export type { DeviceEvent } from './events.ts'
export * from './limits.ts'
export { memoryOutbox } from './outbox.ts'
export type {
  LaneBinding,
  LaneMemory,
  OutboxContents,
  OutboxEntry,
  OutboxLane,
  OutboxRecord,
  OutboxStore,
  OutboxTip
} from './outbox.ts'
export type { DeviceStream } from './statement-writer.ts'
export type { Proof, Submission } from './submission.ts'
export type { DeviceTimers } from './timers.ts'
export type { DeviceConnection, DeviceTransport } from './transport.ts'
