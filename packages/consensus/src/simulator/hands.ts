import { toHex } from '@vitalchain/core'
import { blockOf, contextOf, faultOf, isInTime } from './chain.ts'
import { tearVoteState, writeVoteState } from './disk.ts'
import type { Host } from './host.ts'
import { applyChanges } from './members.ts'
import { isSigned, withSigned, type Effect, type Message, type VoteState } from './replica.ts'
import type { World } from './world.ts'

const FULL_DISK_RETRY_MS = 50

/** What a simulated machine does for its replica: it signs, writes, sends, builds, executes and keeps time. */
export class Hands {
  readonly #world: World
  readonly #host: Host
  #timers = new Set<string>()

  constructor(world: World, host: Host) {
    this.#world = world
    this.#host = host
  }

  /** Power fails: no timer is left. */
  drop(): void {
    this.#timers = new Set()
  }

  /** Does what the replica asks for. */
  perform(effect: Effect): void {
    const world = this.#world
    switch (effect.type) {
      case 'sign':
        return this.#host.later(world.takes(0, world.diskMs), () => {
          this.#sign(effect)
        })
      case 'send':
        return this.#send(effect.to, effect.message)
      case 'build':
        return this.#host.later(world.takes(1, 2), () => {
          this.#build(effect)
        })
      case 'validate':
        this.#host.keep(effect.proposal)
        return this.#host.later(world.takes(1, 3), () => {
          this.#validate(effect)
        })
      case 'fetch':
        return world.traffic.fetch(
          this.#host,
          toHex(effect.blockHash),
          this.#host.members(effect.from)
        )
      case 'commit':
        return this.#host.later(world.takes(1, world.diskMs), () => {
          this.#commit(effect)
        })
      case 'setTimer':
        this.#timers.add(effect.id)
        return this.#host.later(effect.ms, () => {
          if (this.#timers.delete(effect.id)) this.#host.feed({ type: 'timer', id: effect.id })
        })
      case 'cancelTimer':
        this.#timers.delete(effect.id)
        return
      case 'distrust':
        this.#host.observes = true
        return
      case 'begin':
        this.#host.observes = false
        this.#host.overrides = false
        this.#host.begunAt = effect.height
        this.#host.disk = { ...this.#host.disk, voteState: undefined, torn: undefined }
        return
      case 'sync':
        return world.traffic.sync(
          this.#host,
          effect.from === undefined ? undefined : this.#host.members([effect.from])[0]
        )
      case 'event':
        return world.note(
          this.#host,
          nameOfEvent(effect),
          effect.height,
          'view' in effect ? effect.view : undefined
        )
      case 'evidence': {
        const { kind, validator, height } = effect.evidence
        const [member = validator] = this.#host.members([validator])
        world.pool.accuse(this.#host, effect.evidence)
        return world.note(this.#host, `has evidence of ${kind} against #${member}`, height)
      }
      case 'record':
        return undefined
    }
  }

  #validate({ proposal, request, checkTime, view }: Extract<Effect, { type: 'validate' }>): void {
    const world = this.#world
    // Catching up brought the block meanwhile, or another one: the replica will hear of that.
    if (proposal.header.height <= this.#host.height) return
    const late = checkTime && !isInTime(proposal.header.time, view, this.#host.clock)
    const code =
      world.mutant?.believesBlocks === true
        ? undefined
        : late
          ? 'ERR_BLOCK_TIME'
          : faultOf(proposal, this.#host.disk.chain, world.keys, this.#host.setOf)
    this.#host.feed({ type: 'validated', request, valid: code === undefined, code })
  }

  #commit(effect: Extract<Effect, { type: 'commit' }>): void {
    const world = this.#world
    if (world.schedule.now < this.#host.fullUntil) {
      this.#host.later(FULL_DISK_RETRY_MS, () => {
        this.#commit(effect)
      })
      return
    }
    if (!world.crashesNow(this.#host)) this.#host.append(effect.proposal, effect.certificate)
  }

  #sign(effect: Extract<Effect, { type: 'sign' }>): void {
    const world = this.#world
    const { votes } = effect
    if (world.schedule.now < this.#host.fullUntil) {
      this.#host.later(FULL_DISK_RETRY_MS, () => {
        this.#sign(effect)
      })
      return
    }
    if (world.crashesNow(this.#host)) return
    const signed = votes.map(vote => vote.seal(world.keys.sign(this.#host.key, vote.signBytes)))
    const honest = world.isHonest(this.#host.validator)
    const changed = honest ? world.mutant?.writes?.(effect.record) : undefined
    const record = withSigned(changed ?? effect.record, signed)
    const write = (): void => {
      this.#host.disk = writeVoteState(this.#host.disk, record)
      if (honest) world.scenario.watcher?.wrote(this.#host.validator, record)
    }
    if (honest && world.mutant?.speaksFirst === true) {
      this.#host.feed({ type: 'signed', votes: signed })
      return this.#host.later(world.random.integer(3), write)
    }
    if (this.#tears(record)) return
    write()
    if (record.prepared !== undefined) this.#host.keep(record.prepared.block)
    if (world.crashesNow(this.#host)) return
    this.#host.later(0, () => {
      this.#host.feed({ type: 'signed', votes: signed })
    })
  }

  #tears(record: VoteState): boolean {
    const world = this.#world
    if (world.tears === 0 || !world.isHonest(this.#host.validator)) return false
    world.tears -= 1
    this.#host.disk = tearVoteState(this.#host.disk, record, world.random.fraction())
    world.count('torn write')
    world.crash(this.#host, 20 + world.random.integer(300))
    return true
  }

  #send(to: 'all' | readonly number[], message: Message): void {
    const world = this.#world
    const honest = world.isHonest(this.#host.validator)
    if (honest && isSigned(message)) {
      world.checker.sends(this.#host, message)
    }
    if (message.type === 'proposal') this.#host.keep(message.block)
    world.traffic.send(this.#host, to, message)
  }

  #build({ height, view, allowEmpty, minTime }: Extract<Effect, { type: 'build' }>): void {
    const world = this.#world
    const context = contextOf(this.#host.disk.chain, world.keys)
    if (context.height !== height) return
    const pending = world.pool.pendingAt(this.#host)
    const honest = world.isHonest(this.#host.validator)
    const picks = honest ? world.mutant?.picks : undefined
    const first = picks?.(pending) ?? pending.find(each => !world.drops(this.#host, each.number))
    const chosen = first === undefined ? [] : [first]
    if (!honest && first !== pending[0]) world.count('byzantine censors')
    const time = Math.max(minTime, this.#host.clock)
    const origin = { view, proposer: this.#host.indexOf(this.#host.validator) ?? 0, time }
    const transactions = chosen.map(each => each.transaction)
    const next = applyChanges(context.validators, transactions, world.keys) ?? context.validators
    const proposal =
      chosen.length > 0 || allowEmpty ? blockOf(context, origin, transactions, next) : undefined
    if (proposal !== undefined) this.#host.keep(proposal)
    this.#host.feed({ type: 'built', height, view, proposal })
  }
}

function nameOfEvent(event: Extract<Effect, { type: 'event' }>): string {
  if (event.name === 'rejected') return `rejects ${event.message}: ${event.reason}`
  if (event.name !== 'waits-for-answers') return event.name
  const { silent, withoutVotes } = event
  return `waits for answers, silent: ${named(silent)}, without votes: ${named(withoutVotes)},`
}

function named(indices: readonly number[]): string {
  return indices.map(each => `#${each}`).join(' ')
}
