import { createSigner, toHex, type PublicKey } from '@vitalchain/core'
import { createDevice, type Device } from '../../src/index.ts'
import { fileOutbox } from '../../src/stores/node.ts'
import { FakeLedger, seed as keySeed } from '../fake-ledger.ts'
import { FakeNode } from '../fake-node.ts'
import { heartRates, STREAM } from '../fixture.ts'
import { virtualTimers } from '../virtual-timers.ts'
import { createDice, type Dice } from './dice.ts'
import { createPowerDisk } from './power-disk.ts'
import { roughTransport } from './rough-network.ts'
import { WardBook } from './ward-book.ts'

/** Steps of disk and network in which the power goes off: about what a device does until its first dozen proofs. */
const STEPS_MAX = 160

/** What the device's clock says at its start, ms since 1970. */
const START_MS = 1_700_000_000_000

/** What came of a run. */
export interface RunReport {
  /** How often the device died. */
  readonly kills: number
  /** Readings that were stored, and statements on the ledger. */
  readonly readings: number
  readonly statements: number
  /** Gaps among them. */
  readonly gaps: number
}

/** The rules of the ledger that a device with this key is registered at. */
export type MakeRules = (
  genesis: Uint8Array,
  device: PublicKey
) => Promise<(transaction: Uint8Array) => void>

const signer = createSigner('ed25519', keySeed('device'))

/**
 * A device that loses its power again and again at any step of its disk and network, until it is left in peace and drains.
 * Everything follows from the seed. One run in three drops the oldest when its small outbox is full.
 *
 * @param rules - what statements must pass beside the rules of places
 * @throws Error when anything is lost, doubled, out of order or not proved
 */
export async function powerRun(seed: number, rules?: MakeRules): Promise<RunReport> {
  const dice = createDice(seed)
  const ledger = new FakeLedger()
  if (rules !== undefined) ledger.rules = await rules(ledger.genesis, signer.publicKey)
  const book = new WardBook()
  const nodes = [new FakeNode(ledger, dropping(dice), 'node 0'), new FakeNode(ledger, {}, 'node 1')]
  const drops = dice.roll(3) === 0
  const next = [0, 0]
  const disk = createPowerDisk()

  const boot = async (lives: boolean): Promise<void> => {
    const stops: (() => unknown)[] = []
    const timers = virtualTimers({ teardown: (stop: () => unknown) => void stops.push(stop) })
    let steps = lives ? Number.MAX_SAFE_INTEGER : 1 + dice.roll(STEPS_MAX)
    const off = Promise.withResolvers<void>()
    // Of this life only: what is left of a dead device must not go on when the next one has power.
    const tick = (): boolean => {
      if (steps > 0) steps--
      if (steps === 0) off.resolve()
      return steps > 0
    }
    const device = createDevice({
      signer,
      genesis: ledger.genesis,
      stream: STREAM,
      transport: nodes.map(node => roughTransport(node, dice, tick, drops ? 6 : 1)),
      outbox: fileOutbox('/outbox', disk.powerOn(tick)),
      timers,
      now: () => START_MS + timers.elapsed(),
      random: dice.bytes,
      batch: { readings: 1 + dice.roll(drops ? 1 : 4), ms: 1 + dice.roll(2_000) },
      ...(drops ? { full: 'drop-oldest', outboxBytes: 3_000 + dice.roll(6_000) } : {})
    })
    ledger.register(device.id, signer.publicKey)
    void collect(device, book)
    const life = live(device, book, next, dice)
    // Once dead it says nothing more, or what a dead one says is not heard.
    life.catch(() => undefined)
    await Promise.race([life, off.promise])
    if (lives) {
      await device.drained()
      await device.stop()
    } else {
      // It may also die of old age, with nothing left to do.
      steps = 0
      disk.powerOff(dice)
    }
    for (const stop of stops) await stop()
  }

  const kills = 1 + dice.roll(5)
  for (let k = 0; k < kills; k++) await boot(false)
  await boot(true)
  book.check(ledger)
  const gaps = ledger.chain.filter(({ statement }) => statement.type === 'gap').length
  return { kills, readings: book.size, statements: ledger.chain.length, gaps }
}

/** Every third submission is accepted and forgotten, in some runs. */
function dropping(dice: Dice): ConstructorParameters<typeof FakeNode>[1] {
  return dice.roll(2) === 0 ? {} : { submit: n => (n % 3 === 2 ? 'drop' : undefined) }
}

async function collect(device: Device, book: WardBook): Promise<void> {
  for await (const event of device.events())
    if (event.type === 'proved') book.proved(toHex(event.submission.id))
}

/** A start, some readings with pauses and alarms, and all stored. */
async function live(device: Device, book: WardBook, next: number[], dice: Dice): Promise<void> {
  await device.start()
  const stored: Promise<void>[] = []
  for (let calls = dice.roll(15); calls >= 0; calls--) {
    const urgent = dice.roll(5) === 0
    const lane = urgent ? 1 : 0
    const count = 1 + dice.roll(6)
    const first = next[lane] ?? 0
    next[lane] = first + count
    const recorded = device.record(heartRates(count, first), { urgent })
    stored.push(recorded.then(() => book.stored(lane, first, count)))
    if (dice.roll(3) === 0) await Promise.all(stored)
  }
  await Promise.all(stored)
  await device.drained()
}
