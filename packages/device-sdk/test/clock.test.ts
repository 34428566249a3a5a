import {
  genesisFormat,
  genesisValidators,
  createSigner,
  signTime,
  type TimeAnswer,
  type ValidatorSet
} from '@vitalchain/core'
import t from 'tap'
import { DeviceClock, type ClockError } from '../src/clock.ts'
import { CLOCK_STEP_MS, TIME_AGAIN_MS, TIME_RETRY_MS } from '../src/limits.ts'
import { TimeKeeper, type TimeKeeperInit, type TimeSource } from '../src/time-keeper.ts'
import type { DeviceTimers } from '../src/timers.ts'
import { FakeLedger, seed } from './fake-ledger.ts'
import { seededRandom } from './fixture.ts'

const TRUTH = 1_800_000_000_000
const DAY = 86_400_000

/** A device whose clock and timers the test moves. */
class World {
  /** The time, ms since 1970. */
  truth = TRUTH
  /** What the timers say. */
  elapsed = 5_000
  /** What the device's clock says. */
  clock: number
  readonly timers: DeviceTimers = { elapsed: () => this.elapsed, after: () => () => undefined }
  readonly now = (): number => this.clock

  constructor(clock: number) {
    this.clock = clock
  }

  /** Time passes; `sleep`: the timers stand still meanwhile. */
  pass(ms: number, { sleep = false } = {}): void {
    this.truth += ms
    this.clock += ms
    if (!sleep) this.elapsed += ms
  }

  /** How far the clock really is off. */
  get offset(): number {
    return this.truth - this.clock
  }

  holds(error: ClockError | undefined): boolean {
    return error !== undefined && Math.abs(this.offset - error.offset) <= error.uncertainty
  }
}

function learn(world: World, clock: DeviceClock, plusMinus: number): boolean {
  const { truth } = world
  return clock.learn(
    { from: truth - plusMinus, to: truth + plusMinus },
    world.elapsed,
    clock.look()
  )
}

t.test(
  'a clock at 1970 and one of the day after tomorrow are told how far they are off',
  async t => {
    for (const start of [0, TRUTH + 3 * DAY, -TRUTH, TRUTH]) {
      const world = new World(start)
      const clock = new DeviceClock(world.now, world.timers)
      t.equal(clock.look().error(), undefined)
      t.ok(learn(world, clock, 40))
      t.strictSame(clock.look().error(), { offset: TRUTH - start, uncertainty: 40 })
    }
  }
)

t.test('the bound grows with what timers may drift, and the truth stays within', async t => {
  const world = new World(0)
  const clock = new DeviceClock(world.now, world.timers)
  learn(world, clock, 40)
  for (let day = 1; day <= 7; day++) {
    world.pass(DAY)
    // Timers and clock are of one quartz: 300 millionths fast.
    const fast = DAY * 300e-6
    world.clock += fast
    world.elapsed += fast
    t.ok(world.holds(clock.look().error()), `day ${day}`)
  }
  t.match(clock.look().error(), { uncertainty: 40 + Math.ceil(7 * DAY * 1.0003 * 500e-6) })
})

t.test(
  'a clock that is set begins anew, and what was recorded before keeps its own error',
  async t => {
    for (const step of [CLOCK_STEP_MS + 1, -CLOCK_STEP_MS - 1, 30 * DAY, -30 * DAY]) {
      const world = new World(TRUTH)
      const clock = new DeviceClock(world.now, world.timers)
      const before = clock.look()
      learn(world, clock, 40)
      world.pass(1_000)
      world.clock += step
      const after = clock.look()
      t.not(after, before)
      t.match(before.error(), { offset: 0, uncertainty: 41 })
      t.equal(after.error(), undefined)
      learn(world, clock, 40)
      t.ok(world.holds(after.error()))
      world.pass(DAY)
      t.match(before.error(), { offset: 0, uncertainty: 41 }, 'it does not grow any more')
    }
  }
)

t.test('a device that slept knows nothing until it is told again', async t => {
  const world = new World(0)
  const clock = new DeviceClock(world.now, world.timers)
  learn(world, clock, 40)
  world.pass(60_000, { sleep: true })
  t.equal(clock.look().error(), undefined)
})

t.test('a small correction of the clock widens the bound instead', async t => {
  const world = new World(TRUTH)
  const clock = new DeviceClock(world.now, world.timers)
  const stretch = clock.look()
  learn(world, clock, 40)
  world.clock += CLOCK_STEP_MS
  t.equal(clock.look(), stretch)
  t.ok(world.holds(stretch.error()))
  t.strictSame(stretch.error(), { offset: -CLOCK_STEP_MS / 2, uncertainty: 40 + CLOCK_STEP_MS / 2 })
})

t.test(
  'an answer that says less than what is known changes nothing, one that contradicts it counts',
  async t => {
    const world = new World(TRUTH)
    const clock = new DeviceClock(world.now, world.timers)
    learn(world, clock, 40)
    learn(world, clock, 3_000)
    t.match(clock.look().error(), { uncertainty: 40 })
    world.truth += 60_000
    learn(world, clock, 3_000)
    t.strictSame(clock.look().error(), { offset: 60_000, uncertainty: 3_000 })
  }
)

t.test('an answer across a step is of no use', async t => {
  const world = new World(TRUTH)
  const clock = new DeviceClock(world.now, world.timers)
  const since = clock.look()
  world.pass(60_000, { sleep: true })
  t.notOk(clock.learn({ from: TRUTH, to: TRUTH }, world.elapsed, since))
  t.equal(clock.look().error(), undefined)
})

t.test('a clock that says no number is never compared', async t => {
  const world = new World(Number.NaN)
  const clock = new DeviceClock(world.now, world.timers)
  learn(world, clock, 40)
  t.equal(clock.look().error(), undefined)
})

// ---- asking

const { genesis, network } = new FakeLedger()
const founders = genesisValidators(genesisFormat.decode(genesis))

/** What members with these errors of their clocks answer, ms; undefined = no answer. */
function membersOf(
  world: World,
  errors: readonly (number | undefined)[],
  { delay = 60, keys = 'checkpoint' } = {}
): TimeSource & { asked: number } {
  const source = {
    asked: 0,
    async time(nonce: Uint8Array): Promise<readonly TimeAnswer[]> {
      source.asked++
      world.pass(delay / 2)
      const answers = errors.flatMap((error, k) =>
        error === undefined
          ? []
          : signTime(
              { network, nonce },
              {
                member: founders[k]!.member,
                clock: world.truth + error,
                signer: createSigner('ed25519', seed(`${keys} ${k}`))
              }
            )
      )
      const signed = await Promise.all(answers)
      world.pass(delay / 2)
      return signed
    }
  }
  return source
}

function keeperOf(
  world: World,
  init: Partial<TimeKeeperInit> = {}
): { keeper: TimeKeeper; told: (ClockError | undefined)[] } {
  const told: (ClockError | undefined)[] = []
  const keeper = new TimeKeeper({
    network,
    validators: founders,
    precisionMs: 500,
    now: world.now,
    timers: world.timers,
    random: seededRandom(1),
    onClock: error => told.push(error),
    ...init
  })
  return { keeper, told }
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let k = 0; k < 5; k++) await new Promise(resolve => setImmediate(resolve))
}

t.test('a device asks as soon as a session is open', async t => {
  const world = new World(0)
  const { keeper, told } = keeperOf(world)
  t.equal(keeper.error(), undefined)
  keeper.opened(membersOf(world, [100, -100, 0, 0]))
  await settle()
  t.ok(world.holds(keeper.error()))
  t.strictSame(told, [keeper.error()])
  t.ok(keeper.error()!.uncertainty <= 500 + 30 + 100 + 1)
})

t.test(
  'members that lie, up to f, move nothing; more of them and the device knows that it does not know',
  async t => {
    for (const [errors, known] of [
      [[0, 0, 0, 5 * DAY], true],
      [[0, 0, undefined, -5 * DAY], true],
      [[0, 0, undefined, undefined], false],
      [[0, DAY, 2 * DAY, 3 * DAY], false]
    ] as const) {
      const world = new World(0)
      const { keeper, told } = keeperOf(world)
      keeper.opened(membersOf(world, errors))
      await settle()
      t.equal(keeper.error() !== undefined, known, errors.join())
      t.equal(world.holds(keeper.error()), known)
      t.equal(told.length, known ? 1 : 0)
    }
  }
)

t.test('answers under keys that are not the members’ are none', async t => {
  const world = new World(0)
  const { keeper } = keeperOf(world)
  keeper.opened(membersOf(world, [0, 0, 0, 0], { keys: 'consensus' }))
  await settle()
  t.equal(keeper.error(), undefined)
})

t.test('the newest proof says who the members are', async t => {
  const world = new World(0)
  const { keeper } = keeperOf(world)
  const others: ValidatorSet = founders.map((each, k) => ({
    ...each,
    checkpointKey: createSigner('ed25519', seed(`new ${k}`)).publicKey.bytes
  }))
  keeper.believe(9, others)
  keeper.believe(8, founders)
  keeper.opened(membersOf(world, [0, 0, 0, 0], { keys: 'new' }))
  await settle()
  t.ok(world.holds(keeper.error()))
})

t.test('it asks again only when something is recorded and the bound is wide', async t => {
  const world = new World(0)
  const { keeper } = keeperOf(world)
  const source = membersOf(world, [0, 0, 0, 0])
  keeper.opened(source)
  await settle()
  keeper.look()
  world.pass(10 * 60_000)
  keeper.look()
  await settle()
  t.equal(source.asked, 1)
  world.pass(10 * 60_000)
  t.equal(source.asked, 1)
  keeper.look()
  await settle()
  t.equal(source.asked, 2)
  t.ok(keeper.error()!.uncertainty < 600)
})

t.test('no agreement is asked for again after a while, not at each reading', async t => {
  const world = new World(0)
  const { keeper } = keeperOf(world)
  const source = membersOf(world, [0, 0, undefined, undefined])
  keeper.opened(source)
  await settle()
  for (let k = 0; k < 100; k++) keeper.look()
  await settle()
  t.equal(source.asked, 1)
  world.pass(TIME_RETRY_MS)
  keeper.look()
  await settle()
  t.equal(source.asked, 2)
})

t.test(
  'a slow connection gives a wide bound that holds, and is not asked all the time',
  async t => {
    const world = new World(0)
    const { keeper } = keeperOf(world)
    const source = membersOf(world, [0, 0, 0, 0], { delay: 20_000 })
    keeper.opened(source)
    await settle()
    t.ok(world.holds(keeper.error()))
    world.pass(TIME_RETRY_MS)
    keeper.look()
    await settle()
    t.equal(source.asked, 1)
    world.pass(TIME_AGAIN_MS)
    keeper.look()
    await settle()
    t.equal(source.asked, 2)
  }
)

t.test('a node that never answers is asked once, the next one at once', async t => {
  const world = new World(0)
  const { keeper } = keeperOf(world)
  let asked = 0
  keeper.opened({
    time: () => {
      asked++
      return new Promise(() => undefined)
    }
  })
  world.pass(DAY)
  keeper.look()
  await settle()
  t.equal(asked, 1)
  keeper.opened({ time: () => Promise.reject(new Error('refused')) })
  await settle()
  keeper.opened(membersOf(world, [0, 0, 0, 0]))
  await settle()
  t.ok(world.holds(keeper.error()))
})

t.test('a step is told, and the time asked for again at once', async t => {
  const world = new World(0)
  const { keeper, told } = keeperOf(world)
  keeper.opened(membersOf(world, [0, 0, 0, 0]))
  await settle()
  const before = keeper.look()
  world.clock = TRUTH
  keeper.look()
  await settle()
  t.equal(told.length, 3)
  t.equal(told[1], undefined)
  t.ok(world.holds(keeper.error()))
  t.not(before, keeper.look())
  t.match(before.error(), { offset: TRUTH })
})
