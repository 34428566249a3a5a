import type { Host } from './host.ts'
import type { Message } from './replica.ts'
import { BEHAVIOURS } from './strategies.ts'
import { nameOf } from './transcript.ts'
import { decoded } from './wire.ts'
import type { World } from './world.ts'

/** What goes from machine to machine: messages, blocks that are asked for, and chains for those who catch up. */
export class Traffic {
  /** Messages that left for one receiver each, and their bytes. */
  messages = 0
  bytes = 0
  /** Messages other than STATUS, whoever received them. */
  said = 0
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** The indices of the validators other than this one. */
  others(host: Host): number[] {
    const own = host.indexOf(host.validator)
    return host.validators.map((_, index) => index).filter(index => index !== own)
  }

  /** Sends what a replica wants to send; a faulty one may send something else. */
  send(from: Host, to: 'all' | readonly number[], message: Message): void {
    const villain = this.#world.villains.get(from)
    if (villain === undefined) this.deliver(from, to, message)
    else villain.send(to, message)
  }

  /** Puts a message on the network, through its bytes; bytes that are no message arrive nowhere. */
  deliver(from: Host, to: 'all' | readonly number[], sent: Message | Uint8Array): void {
    const { message, size } = decoded(sent)
    if (message === undefined) return this.#world.count('byzantine bytes refused')
    if (message.type !== 'status') this.said += 1
    this.#world.transcript.sent(this.#world.schedule.now, nameOf(from), to, message)
    const members = to === 'all' ? 'all' : from.members(to)
    for (const host of this.#world.hosts) {
      const meant =
        members === 'all' || members.includes(host.validator) || host.validator === from.validator
      // Who is down has no link.
      if (host === from || !meant || !host.up) continue
      if (this.#isAmbushed(host, message)) continue
      this.messages += 1
      this.bytes += size
      this.#world.network.carry(from, host, () => {
        this.#world.villains.get(host)?.hear(message)
        host.feed({ type: 'message', from: host.indexOf(from.validator), message })
      })
    }
  }

  /** Looks for a block at its holders; some faulty validators give none. */
  fetch(host: Host, key: string, from: readonly number[]): void {
    for (const holder of this.#world.hosts) {
      if (holder === host || this.#world.behaves(holder, 'withholds')) continue
      if (from.length > 0 && !from.includes(holder.validator)) continue
      this.#world.network.carry(host, holder, () => {
        const block = holder.find(key)
        if (block === undefined) return
        this.#world.network.carry(holder, host, () => {
          host.feed({ type: 'fetched', proposal: block })
        })
      })
    }
  }

  /** Brings the blocks that a machine lacks from another. */
  sync(host: Host, from: number | undefined): void {
    if (this.#world.scenario.ambush === true && !this.#world.network.healed) return
    const holders = this.#world.hosts.filter(
      each => each !== host && (from === undefined || each.validator === from)
    )
    const [first, ...rest] = holders
    if (first === undefined) return
    const holder = this.#world.random.pick([first, ...rest])
    this.#world.network.carry(host, holder, () => {
      const villain = this.#world.villains.get(holder)
      const poison = this.#world
        .strategiesOf(holder)
        .find(each => BEHAVIOURS[each].chain !== undefined)
      const { chain } = holder.disk
      const given =
        villain === undefined || poison === undefined
          ? chain
          : (BEHAVIOURS[poison].chain?.(villain, chain) ?? chain)
      this.#world.network.carry(holder, host, () => {
        for (const stored of given.slice(host.height)) {
          if (!host.up || !host.accepts(stored)) return
          host.append(stored.block, stored.certificate)
        }
      })
    })
  }

  /** A machine came up: its links tell both ends. */
  connect(host: Host): void {
    for (const other of this.#world.hosts) {
      if (other === host || other.validator === host.validator) continue
      this.#world.network.carry(other, host, () => {
        host.meets(other)
      })
      this.#world.network.carry(host, other, () => {
        other.meets(host)
      })
    }
  }

  #isAmbushed(to: Host, message: Message): boolean {
    if (this.#world.scenario.ambush !== true || this.#world.network.healed) return false
    if (message.type === 'decided' || message.type === 'status') return true
    return (
      message.type === 'commit' &&
      to.validator !== message.height % this.#world.keys.validators.length
    )
  }
}
