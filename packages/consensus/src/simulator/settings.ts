import type { Scenario } from './outcome.ts'
import type { TimerSettings } from './replica.ts'

/** Timeouts shorter than many a message's delay, so that views change all the time, ms. */
export const HASTY: Partial<TimerSettings> = {
  baseMin: 30,
  baseMax: 500,
  resendMin: 40,
  resendMax: 200,
  firstLatency: 10
}

/** Nothing goes wrong; for scenarios in which one thing does. */
export const CALM: Partial<Scenario> = {
  faulty: new Map(),
  lost: new Map(),
  healsAt: 0,
  loss: 0,
  delays: 'uniform',
  partitions: false,
  oneWay: false,
  crashes: 0,
  tornWrites: 0,
  powerLosses: 0,
  boundaryCrashes: 0,
  pauses: 0,
  fullDisks: 0,
  diskMs: 3,
  skew: 0,
  clockJump: undefined,
  startViews: undefined,
  timers: {},
  ambush: false,
  changes: []
}

/** Nothing fails but the network, in the worst way: one validator decides and the others do not hear of it. */
export const AMBUSH: Partial<Scenario> = {
  ...CALM,
  validators: 4,
  heights: 5,
  healsAt: 2_500,
  timers: HASTY,
  ambush: true
}
