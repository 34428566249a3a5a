export { outboxContract, type OutboxContractOptions } from './outbox-contract.ts'
