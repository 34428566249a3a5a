import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSigner, deviceId } from '@vitalchain/core'
import { FakeLedger, seed as keySeed } from '../fake-ledger.ts'
import { FakeNode } from '../fake-node.ts'
import { createDice, type Dice } from './dice.ts'
import type { FromChild, Life, ToChild } from './kill-messages.ts'
import type { MakeRules, RunReport } from './power-run.ts'
import { WardBook } from './ward-book.ts'

/** Messages after which a device is killed: about what it says until its first dozen proofs. */
const MESSAGES_MAX = 120

/** Readings of one life are numbered from the next multiple of this: what a dead one stored untold is not used again. */
const LIFE_READINGS = 10_000

/** The program that is killed. */
const CHILD = fileURLToPath(new URL('kill-child.ts', import.meta.url))

/** One message in so many has one fault of each kind. */
const ONE_IN = 60

/**
 * A device in a real process that is killed with SIGKILL, again and again, and whose files then end anywhere behind what
 * it had synced. What is drawn follows from the seed; when the process gets how far is up to the machine.
 *
 * @param child - the program, if it was built into one file that starts faster
 * @throws Error when anything is lost, doubled, out of order or not proved
 */
export async function killRun(
  seed: number,
  { rules, child = CHILD }: { readonly rules?: MakeRules; readonly child?: string } = {}
): Promise<RunReport> {
  const dice = createDice(seed)
  const ledger = new FakeLedger()
  const { publicKey } = createSigner('ed25519', keySeed('device'))
  ledger.register(deviceId(publicKey), publicKey)
  if (rules !== undefined) ledger.rules = await rules(ledger.genesis, publicKey)
  const book = new WardBook()
  const nodes = [new FakeNode(ledger, {}, 'node 0'), new FakeNode(ledger, {}, 'node 1')]
  const directory = await mkdtemp(join(tmpdir(), 'vitalchain-outbox-'))
  const synced = new Map<string, number>()
  const outboxBytes = dice.roll(3) === 0 ? 3_000 + dice.roll(20_000) : undefined
  try {
    const kills = 1 + dice.roll(3)
    for (let life = 0; life <= kills; life++) {
      const first = life * LIFE_READINGS
      const process = new KilledDevice(child, nodes, dice, book, synced, {
        type: 'live',
        seed: dice.roll(1 << 24),
        genesis: ledger.genesis,
        directory: join(directory, 'outbox'),
        nodes: nodes.length,
        next: [first, first],
        outboxBytes
      })
      await process.run(life === kills ? undefined : dice.roll(MESSAGES_MAX))
      if (life < kills) await tear(join(directory, 'outbox'), synced, dice)
    }
    book.check(ledger)
    const gaps = ledger.chain.filter(({ statement }) => statement.type === 'gap').length
    return { kills, readings: book.size, statements: ledger.chain.length, gaps }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** A power cut as well: what was written and not synced is cut off anywhere. */
async function tear(directory: string, synced: Map<string, number>, dice: Dice): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const path = join(directory, name)
    const { size } = await stat(path)
    const kept = Math.min(size, synced.get(path) ?? 0)
    const end = kept + dice.roll(size - kept + 1)
    await truncate(path, end)
    synced.set(path, end)
  }
}

/** One life of a device's process. */
class KilledDevice {
  readonly #child: ChildProcess
  readonly #nodes: readonly FakeNode[]
  readonly #dice: Dice
  readonly #book: WardBook
  readonly #synced: Map<string, number>
  readonly #connections = new Map<number, ReturnType<FakeNode['serve']>>()
  #messages = Number.MAX_SAFE_INTEGER

  constructor(
    child: string,
    nodes: readonly FakeNode[],
    dice: Dice,
    book: WardBook,
    synced: Map<string, number>,
    life: Life
  ) {
    this.#nodes = nodes
    this.#dice = dice
    this.#book = book
    this.#synced = synced
    this.#child = fork(child, {
      serialization: 'advanced',
      execArgv: ['--conditions=@vitalchain/source']
    })
    this.#child.on('message', (message: FromChild) => this.#take(message))
    this.#say(life)
  }

  /** @param messages - after so many it is killed; undefined: it lives until it has drained */
  async run(messages: number | undefined): Promise<void> {
    if (messages !== undefined) this.#messages = messages
    const gone = once(this.#child, 'close')
    if (messages === 0) this.#child.kill('SIGKILL')
    const [code, signal] = (await gone) as [number | null, string | null]
    for (const serve of this.#connections.values()) serve.end()
    if (code !== 0 && signal !== 'SIGKILL')
      throw new Error(`the device ended with ${code} ${signal}`)
    if (messages === undefined && signal !== null) throw new Error('the device did not drain')
  }

  #say(message: ToChild): void {
    // It may be dead already.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #take(message: FromChild): void {
    if (--this.#messages === 0) this.#child.kill('SIGKILL')
    switch (message.type) {
      case 'synced':
        this.#synced.set(message.path, message.bytes)
        return
      case 'stored':
        this.#book.stored(message.lane, message.first, message.count)
        return
      case 'proved':
        this.#book.proved(message.id)
        return
      case 'drained':
        this.#say({ type: 'stop' })
        return
      case 'connect':
        return this.#connect(message.connection, message.node)
      case 'close':
        this.#connections.get(message.connection)?.end()
        this.#connections.delete(message.connection)
        return
      case 'request': {
        const serve = this.#connections.get(message.connection)
        const fate = this.#dice.roll(ONE_IN)
        if (fate === 1) this.#hangUp(message.connection)
        if (fate > 1) serve?.take(message.frame)
        if (fate === 2) serve?.take(message.frame)
      }
    }
  }

  #connect(connection: number, number: number): void {
    const node = this.#nodes[number]
    if (node === undefined || this.#dice.roll(4) === 0)
      return this.#say({ type: 'closed', connection })
    this.#say({ type: 'connected', connection })
    const serve = node.serve(
      frame => {
        const fate = this.#dice.roll(ONE_IN)
        if (fate === 0) return
        this.#say({ type: 'answer', connection, frame })
        if (fate === 1) this.#say({ type: 'answer', connection, frame })
      },
      () => this.#hangUp(connection)
    )
    this.#connections.set(connection, serve)
  }

  #hangUp(connection: number): void {
    this.#connections.get(connection)?.end()
    this.#connections.delete(connection)
    this.#say({ type: 'closed', connection })
  }
}
