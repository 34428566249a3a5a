export { createClient, type ClientOptions, type VitalchainClient } from './client.ts'
export {
  EventsRefusedError,
  streamEvents,
  type EventsOptions,
  type StreamedEvent
} from './events.ts'
export type { components, operations, paths } from './schema.ts'
export { signingFetch, type SigningOptions } from './signing.ts'
