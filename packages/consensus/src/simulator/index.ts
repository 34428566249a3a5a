export { STRATEGIES, type Behaviour, type Strategy } from './strategies.ts'
export { buildBlock, contextOf, NETWORK } from './chain.ts'
export { RULES } from './coverage.ts'
export {
  measureIdle,
  measureSize,
  runDeadLeader,
  runOutage,
  type IdleFigures,
  type SizeFigures
} from './figures.ts'
export { explain, describeScenario } from './explain.ts'
export { createCheckedKeys, type KeyRing } from './keys.ts'
export { MUTANTS } from './mutants.ts'
export type { Mutant } from './mutant.ts'
export { createRandom, type Random } from './random.ts'
export { randomScenario, runScenario } from './scenario.ts'
export { AMBUSH, CALM, HASTY } from './settings.ts'
export { digestOf } from './transcript.ts'
export type { Delays, DiskLoss, Outcome, Scenario } from './outcome.ts'
export { shrinkScenario } from './shrink.ts'
export {
  TraceRecorder,
  encodeModelEvent,
  modelTest,
  type ModelClaim,
  type ModelEvent,
  type ModelTrace,
  type Watcher
} from './trace.ts'
export { TAMPERINGS, tamper, type Tampering } from './trace-tampering.ts'
export { EMPTY_TALLY, addOutcome, addTally, type Tally } from './tally.ts'
export {
  culpritsOwed,
  randomFork,
  type ForkAttack,
  type ForkOutcome,
  type ForkScenario
} from './blame-attack.ts'
export { runFork } from './blame-world.ts'
