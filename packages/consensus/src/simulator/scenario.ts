import { faultTolerance } from '@vitalchain/core'
import { STRATEGIES, type Strategy } from './strategies.ts'
import { createRandom, type Random } from './random.ts'
import type { Change } from './members.ts'
import type { DiskLoss, Outcome, Scenario } from './outcome.ts'
import { HASTY } from './settings.ts'
import { World } from './world.ts'

/** Whole minutes that the clock of one validator may be off, either way, ms. */
const CLOCK_JUMP_MS = 600_000
/** Changes of the validators that a scenario tries, and the fewest validators that one may leave. */
const CHANGES_MAX = 4
const VALIDATORS_MIN = 4
/** Spare keys that are for newcomers; those above are for members that change their key. */
const SPARE_MEMBERS = 4

/** A scenario drawn from a seed; parts can be fixed. */
export function randomScenario(seed: number, fixed: Partial<Scenario> = {}): Scenario {
  const random = createRandom(seed ^ 0x5bd1_e995)
  // Small networks run faster and try more; all sizes occur, and with them all distances from 3f + 1.
  const validators = fixed.validators ?? random.pick([4, 4, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10])
  const budget = faultTolerance(validators)
  const faulty =
    fixed.faulty ?? (random.chance(0.5) ? randomVillains(random, validators, budget) : new Map())
  const lost = randomLosses(random, validators, budget, faulty)
  const scenario: Scenario = {
    seed,
    validators,
    heights: 20 + random.integer(5),
    load: random.pick(['sparse', 'saturated']),
    faulty,
    lost,
    healsAt: 1_500 + random.integer(3_000),
    loss: random.pick([0, 0.05, 0.1, 0.3, 0.5]),
    delays: random.pick(['uniform', 'bimodal', 'heavy-tail']),
    partitions: true,
    oneWay: random.chance(0.4),
    crashes: random.integer(8),
    tornWrites: 1 + random.integer(3),
    powerLosses: random.integer(6),
    boundaryCrashes: random.pick([0, 0.01, 0.05]),
    pauses: random.integer(4),
    fullDisks: random.integer(3),
    diskMs: random.pick([3, 3, 3, 30, 200]),
    skew: random.pick([0, 50, 200]),
    clockJump: random.chance(0.2)
      ? { validator: random.integer(validators), ms: random.pick([-1, 1]) * CLOCK_JUMP_MS }
      : undefined,
    startViews: random.chance(0.1) ? randomViews(random, validators) : undefined,
    timers: random.chance(0.3) ? {} : HASTY,
    ambush: random.chance(0.1),
    ...fixed
  }
  return withChanges(scenario)
}

/** Three of ten scenarios change their validators, unless it is fixed whether. */
function withChanges(scenario: Scenario): Scenario {
  const { seed, changes, ambush, startViews } = scenario
  const random = createRandom(seed ^ 0x27d4_eb2f)
  if (changes !== undefined || ambush === true || startViews !== undefined || !random.chance(0.4))
    return { changes: [], ...scenario }
  return { ...scenario, changes: randomChanges(random, scenario) }
}

/** Up to four changes; at most f of the validators are faulty or without their vote state all the time. */
function randomChanges(random: Random, scenario: Scenario): Change[] {
  const { validators, faulty, lost, healsAt } = scenario
  const amiss = new Set([...faulty.keys(), ...lost.keys()])
  const changes: Change[] = []
  let members = Array.from({ length: validators }, (_, member) => member)
  let next = validators
  for (let tries = 0; tries < CHANGES_MAX; tries += 1) {
    const at = Math.floor((healsAt * (1 + tries + random.fraction())) / (CHANGES_MAX + 1))
    const kind = random.pick(['add', 'remove', 'replace'] as const)
    const [first = 0, ...others] = members
    const member = kind === 'add' ? next : random.pick([first, ...others])
    const after = applied(members, kind, member)
    const tolerated = faultTolerance(after.length)
    if (after.length < VALIDATORS_MIN || after.filter(each => amiss.has(each)).length > tolerated)
      continue
    members = after
    // A newcomer brings the key of its own number; a new key takes a number that no newcomer has.
    const key = kind === 'replace' ? validators + SPARE_MEMBERS + tries : undefined
    changes.push({ kind, member, key, at })
    if (kind === 'add') next += 1
  }
  return changes
}

function applied(members: readonly number[], kind: Change['kind'], member: number): number[] {
  if (kind === 'add') return [...members, member]
  return kind === 'remove' ? members.filter(each => each !== member) : [...members]
}

/** Runs a scenario to its end. The same scenario always ends the same way. */
export function runScenario(scenario: Scenario): Outcome {
  return new World(scenario).run()
}

/** As many faulty validators as are tolerated, each with up to three strategies. */
function randomVillains(
  random: Random,
  validators: number,
  count: number
): ReadonlyMap<number, readonly Strategy[]> {
  const villains = new Map<number, readonly Strategy[]>()
  while (villains.size < count) {
    const strategies = new Set<Strategy>()
    const wanted = 1 + random.integer(3)
    while (strategies.size < wanted) strategies.add(random.pick(STRATEGIES))
    villains.set(random.integer(validators), [...strategies])
  }
  return villains
}

/** Lost vote states count among the faults that are tolerated: who lost its own may not vote. */
function randomLosses(
  random: Random,
  validators: number,
  budget: number,
  faulty: ReadonlyMap<number, unknown>
): ReadonlyMap<number, DiskLoss> {
  const lost = new Map<number, DiskLoss>()
  if (faulty.size >= budget || random.chance(0.5)) return lost
  const validator = random.integer(validators)
  if (!faulty.has(validator))
    lost.set(validator, random.pick(['empty', 'rolled-back', 'chain-rolled-back']))
  return lost
}

/** Views that a timeout can lead to: nobody is further than one view above what a quorum reached. spec C-19. */
function randomViews(random: Random, validators: number): ReadonlyMap<number, number> {
  const reached = random.integer(9)
  return new Map(Array.from({ length: validators }, (_, k) => [k, reached + random.integer(2)]))
}
