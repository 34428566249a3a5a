export * from './node.ts'
export {
  createTestNetwork,
  type TestNetwork,
  type TestNetworkOptions
} from './testing/test-network.ts'
export type { CommittedEvent } from './ledger/events.ts'
export type { Ledger } from './ledger/ledger.ts'
export type { Unit } from './pool/unit.ts'
export { nodeCryptoBackend } from './crypto/node-crypto-backend.ts'
export {
  createHttpApi,
  type HttpApi,
  type HttpApiOptions,
  type HttpListenOptions
} from './http/index.ts'
