import { faultTolerance, quorum, type Certificate, type Evidence } from '@vitalchain/core'
import { createRandom, type Random } from './random.ts'

/**
 * How more traitors than a network tolerates make it fork. In each, every traitor runs one machine for each half of the
 * honest validators; what differs is how much the halves saw of each other.
 *
 * - `twins`: the halves never meet; the two machines of a traitor know nothing of each other.
 * - `amnesia`: one network decides for one half; then the traitors forget everything and go on with the other half.
 * - `forged-view`: as `amnesia`, and each traitor that leads a view proposes first with a justification that leaves
 *   out or makes up what was prepared.
 */
export type ForkAttack = 'twins' | 'amnesia' | 'forged-view'

/** One attack. Everything follows from it. */
export interface ForkScenario {
  readonly seed: number
  readonly validators: number
  readonly attack: ForkAttack
  readonly height: number
  /** Indices of the traitors, each with a machine on both sides. */
  readonly traitors: readonly number[]
  /** The honest validators of the two sides. Those in neither are off. */
  readonly sides: readonly [readonly number[], readonly number[]]
  /** On each side, PREPAREs of views below the first number and COMMITs of views below the second are lost. */
  readonly silence: readonly [readonly [number, number], readonly [number, number]]
  /** Fraction of messages lost. */
  readonly loss: number
}

/** What came of an attack. */
export interface ForkOutcome {
  readonly scenario: ForkScenario
  /** The two certificates that honest replicas of the two sides decided by; undefined when they did not fork. */
  readonly certificates: readonly [Certificate, Certificate] | undefined
  /** Validators that `blame` convicts. */
  readonly culprits: readonly number[]
  /** Kinds of the evidence against them. */
  readonly kinds: readonly Evidence['kind'][]
  /** Honest validators that `blame` or a replica accused: there must be none. */
  readonly wronged: readonly number[]
  /** Validators that some honest replica caught by itself, during the attack. */
  readonly caught: readonly number[]
}

const HEIGHTS = 50
const VIEWS_SILENT = 4

/** The attack of a seed. n is from 4 to 10, with just enough traitors to fork it or more. */
export function randomFork(seed: number): ForkScenario {
  const random = createRandom(seed)
  const validators = 4 + random.integer(7)
  const needed = quorum(validators)
  const fewest = 2 * needed - validators
  const count = fewest + random.integer(needed - fewest)
  const order = shuffled(random, validators)
  const traitors = order.slice(0, count).toSorted((a, b) => a - b)
  const honest = order.slice(count)
  const least = Math.max(1, needed - count)
  const spare = honest.length - 2 * least
  const first = least + random.integer(spare + 1)
  const second = least + random.integer(honest.length - first - least + 1)
  const attack = random.pick<ForkAttack>(['twins', 'amnesia', 'forged-view'])
  const height = 1 + random.integer(HEIGHTS)
  return {
    seed,
    validators,
    attack,
    height,
    traitors,
    sides: [honest.slice(0, first), honest.slice(first, first + second)],
    silence: silenceOf(random, attack, { validators, height, traitors }),
    loss: random.pick([0, 0.05, 0.2])
  }
}

/** How many culprits must be named: one more than may be faulty. */
export function culpritsOwed({ validators }: ForkScenario): number {
  return faultTolerance(validators) + 1
}

/** Half of the twins lead both sides to one view that a traitor leads, so that both decide in it. */
function silenceOf(
  random: Random,
  attack: ForkAttack,
  { validators, height, traitors }: Pick<ForkScenario, 'validators' | 'height' | 'traitors'>
): ForkScenario['silence'] {
  if (attack === 'twins' && random.chance(0.5)) {
    const [leader = 0] = shuffled(random, traitors.length).map(k => traitors[k] ?? 0)
    const view = (((leader - height) % validators) + validators) % validators
    return [
      [view, view],
      [view, view]
    ]
  }
  const side = (): readonly [number, number] => {
    const prepares = random.integer(VIEWS_SILENT)
    return [prepares, prepares + random.integer(VIEWS_SILENT)]
  }
  return [side(), side()]
}

function shuffled(random: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let k = count - 1; k > 0; k -= 1) {
    const other = random.integer(k + 1)
    const [a, b] = [order[k] ?? 0, order[other] ?? 0]
    order[k] = b
    order[other] = a
  }
  return order
}
