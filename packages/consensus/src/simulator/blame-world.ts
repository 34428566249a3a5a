import {
  equalBytes,
  hashCertificate,
  quorum,
  sha256,
  toHex,
  u32be,
  verifyEvidence,
  type Certificate,
  type Evidence
} from '@vitalchain/core'
import type { ForkOutcome, ForkScenario } from './blame-attack.ts'
import { forgedJustifications } from './blame-forgery.ts'
import { ForkMachine } from './blame-machine.ts'
import { createCheckedKeys, type KeyRing } from './keys.ts'
import { createRandom, type Random } from './random.ts'
import {
  FIRST_LEADERSHIP,
  blame,
  decodeMessage,
  encodeMessage,
  heightRecordFormat,
  messageSignBytes,
  type BlockProposal,
  type HeightContext,
  type Message,
  type VoteScope
} from './replica.ts'
import { Schedule } from './schedule.ts'

const EPOCH_MS = 1_700_000_000_000
/** An attack that did not fork by then has failed, ms of virtual time. */
const LIMIT_MS = 60_000
/** How long after both sides decided the last messages may still arrive, ms. */
const AFTERMATH_MS = 60
/** Of the votes that would show one half what the other decides, this fraction gets through before the halves part. */
const LEAK = 0.1

/** One height of a network with more traitors than it tolerates, in virtual time. */
export class ForkWorld {
  readonly scenario: ForkScenario
  readonly keys: KeyRing
  readonly scope: VoteScope = { network: sha256(u32be(7)), recoveryEpoch: 0 }
  readonly context: HeightContext
  readonly parentCertificateHash: Uint8Array
  readonly #random: Random
  readonly #schedule = new Schedule()
  readonly #machines: readonly ForkMachine[]
  readonly #blocks = new Map<string, BlockProposal>()
  readonly #caught = new Set<number>()
  readonly #forged = new Set<string>()
  /** Whether the two sides still are one network. */
  #together: boolean

  constructor(scenario: ForkScenario) {
    const { seed, validators, traitors, sides } = scenario
    this.scenario = scenario
    this.#random = createRandom(seed + 0x5eed)
    this.keys = createCheckedKeys(validators)
    this.context = this.#contextOf(scenario.height, sha256(u32be(seed)))
    this.parentCertificateHash = hashCertificate(this.context.parentCertificate)
    this.#machines = ([0, 1] as const).flatMap(side =>
      [...traitors, ...sides[side]].map(validator => new ForkMachine(this, validator, side))
    )
    this.#together = scenario.attack !== 'twins'
  }

  /** Virtual time, ms since 1970. */
  get clock(): number {
    return EPOCH_MS + this.#schedule.now
  }

  run(): ForkOutcome {
    for (const machine of this.#machines) {
      // Whoever forgets has not begun: the second machine of a traitor boots when the first has done its part.
      const waits = this.#together && machine.side === 1 && this.#isTraitor(machine)
      if (!waits) machine.boot(this.context)
    }
    while (this.#decision(0) === undefined || this.#decision(1) === undefined) {
      if (this.#together && this.#decision(0) !== undefined) this.#part()
      if (!this.#schedule.next(LIMIT_MS)) break
    }
    const end = this.#schedule.now + this.#random.integer(AFTERMATH_MS)
    while (this.#schedule.next(end));
    return this.#outcome()
  }

  after(ms: number, action: () => void): void {
    this.#schedule.after(ms, action)
  }

  /** What is to be decided once this block was. */
  contextAfter(blockHash: Uint8Array): HeightContext {
    return this.#contextOf(this.scenario.height + 1, blockHash)
  }

  /** Within so many ms. */
  later(ms: number, action: () => void): void {
    this.#schedule.after(1 + this.#random.integer(ms), action)
  }

  keep(key: string, block: BlockProposal): void {
    this.#blocks.set(key, block)
  }

  find(hash: Uint8Array): BlockProposal | undefined {
    return this.#blocks.get(toHex(hash))
  }

  /** An honest replica has evidence: it must hold for anybody. */
  sees(machine: ForkMachine, evidence: Evidence): void {
    if (this.#isTraitor(machine)) return
    const { validators, verify } = this.keys
    verifyEvidence(evidence, { ...this.scope, validators, verify })
    this.#caught.add(evidence.validator)
  }

  /** Carries a message to the machines that its sender can reach. */
  send(from: ForkMachine, to: 'all' | readonly number[], message: Message): void {
    const forged = this.#forgeries(from, message)
    for (const each of [...forged, message]) {
      const sent = decodeMessage(encodeMessage(each))
      for (const machine of this.#machines) {
        const meant = machine !== from && (to === 'all' || to.includes(machine.validator))
        if (!meant || !this.#reaches(from, machine, sent)) continue
        this.later(20, () => {
          machine.hear(from.validator, sent)
        })
      }
    }
  }

  #isTraitor({ validator }: ForkMachine): boolean {
    return this.scenario.traitors.includes(validator)
  }

  #reaches(from: ForkMachine, to: ForkMachine, message: Message): boolean {
    const { silence, loss } = this.scenario
    if (from.side !== to.side) {
      if (!this.#together) return false
      const tells = message.type !== 'proposal' && message.type !== 'view-change'
      if (to.side === 1 && tells && !this.#random.chance(LEAK)) return false
    } else if (this.#together && from.side === 1 && message.type !== 'proposal') {
      // The second half must not decide before the first: among itself it hears no votes yet.
      if (message.type === 'prepare' || message.type === 'commit') return false
    }
    const [prepares, commits] = silence[this.#together ? 0 : to.side]
    if (message.type === 'prepare' && message.view < prepares) return false
    if (message.type === 'commit' && message.view < commits) return false
    return !this.#random.chance(loss)
  }

  /** The halves part; the traitors forget, and go on with the second. */
  #part(): void {
    this.#together = false
    for (const machine of this.#machines)
      if (machine.side === 1 && this.#isTraitor(machine)) machine.boot(this.context)
  }

  #forgeries(from: ForkMachine, message: Message): readonly Message[] {
    const { attack } = this.scenario
    if (attack !== 'forged-view' || message.type !== 'proposal' || !this.#isTraitor(from)) return []
    const key = `${from.side}/${from.validator}/${message.view}`
    if (message.justification === undefined || this.#forged.has(key)) return []
    this.#forged.add(key)
    const justification = this.#random.pick(forgedJustifications(message.justification))
    const forged = { ...message, justification }
    const signature = this.keys.sign(from.validator, messageSignBytes(this.scope, forged))
    return [{ ...forged, signature }]
  }

  #decision(side: 0 | 1): Certificate | undefined {
    return this.#machines.find(
      each => each.side === side && each.decision !== undefined && !this.#isTraitor(each)
    )?.decision
  }

  #outcome(): ForkOutcome {
    const { scenario, scope, keys } = this
    const [a, b] = [this.#decision(0), this.#decision(1)]
    const caught = [...this.#caught].toSorted((x, y) => x - y)
    const wrongly = (accused: readonly number[]): number[] =>
      accused.filter(each => !scenario.traitors.includes(each))
    if (a === undefined || b === undefined || equalBytes(a.blockHash, b.blockHash)) {
      const wronged = wrongly(caught)
      return { scenario, certificates: undefined, culprits: [], kinds: [], wronged, caught }
    }
    const honest = this.#machines.filter(machine => !this.#isTraitor(machine))
    for (const machine of honest) machine.end(this.contextAfter(a.blockHash))
    const records = honest.flatMap(({ record }) =>
      record === undefined ? [] : [heightRecordFormat.decode(heightRecordFormat.encode(record))]
    )
    const { validators, verify } = keys
    const convictions = blame(a, b, records, { ...scope, validators, verify })
    const culprits = [...new Set(convictions.map(({ validator }) => validator))]
    return {
      scenario,
      certificates: [a, b],
      culprits,
      kinds: [...new Set(convictions.map(({ evidence }) => evidence.kind))],
      wronged: wrongly([...culprits, ...caught]),
      caught
    }
  }

  #contextOf(height: number, parentHash: Uint8Array): HeightContext {
    const { validators } = this.keys
    const common = { height, parentHash, validators, leadership: FIRST_LEADERSHIP }
    if (height === 1) return { ...common, parentHash: this.scope.network, parentTime: 0 }
    return {
      ...common,
      parentTime: EPOCH_MS - 1,
      parentCertificate: this.#certify(height - 1, parentHash)
    }
  }

  #certify(height: number, hash: Uint8Array): Certificate {
    const signers = Array.from({ length: quorum(this.keys.validators.length) }, (_, k) => k)
    const vote = { type: 'commit', height, view: 0, blockHash: hash } as const
    const signatures = signers.map(sender =>
      this.keys.sign(sender, messageSignBytes(this.scope, { ...vote, sender }))
    )
    return { phase: 'commit', height, view: 0, blockHash: hash, signers, signatures }
  }
}

/** Carries out an attack and asks `blame` who made the fork. */
export function runFork(scenario: ForkScenario): ForkOutcome {
  return new ForkWorld(scenario).run()
}
