import type { Connection, Stream } from '@libp2p/interface'
import { errorCode, toHex, VitalchainError } from '@vitalchain/core'
import type { Dialer } from './dialer.ts'
import { encodeData } from './envelope.ts'
import { encodeFrame, FRAME_BYTES_MAX } from './framing.ts'
import { MemberLink } from './link.ts'
import type { KnownMember, Membership, MembershipChange } from './membership.ts'
import type { Offences } from './offences.ts'
import { notAMember, refuse } from './refusal.ts'
import { connectionLost, framedStream } from './streams.ts'
import type { LinkListener, LinkStatus, MessageHandler, NetworkLog } from './types.ts'

/** Where links report to. The lists are the network's own and may grow before start. */
interface LinkListeners {
  readonly message: readonly MessageHandler[]
  readonly up: readonly LinkListener[]
  readonly down: readonly LinkListener[]
  readonly refused: readonly LinkListener[]
}

interface LinkEntry {
  readonly member: KnownMember
  readonly link: MemberLink
  /** The code of the newest failure to open the link, until it is open. */
  failure: string | undefined
}

/** What {@link Links} needs. */
export interface LinksInit {
  readonly protocol: string
  readonly membership: Membership
  readonly dialer: Dialer
  readonly listeners: LinkListeners
  readonly offences: Offences
  readonly log: NetworkLog
}

/** The links to all other members: one stream out and one in for each. */
export class Links {
  readonly #init: LinksInit
  readonly #links = new Map<string, LinkEntry>()
  readonly #inbound = new Map<string, Stream>()
  readonly #ending = new Set<Promise<void>>()

  constructor(init: LinksInit) {
    this.#init = init
  }

  /** Opens links to who came and closes those to who left. A node that is no member has none. */
  update({ removed }: MembershipChange): void {
    const { membership } = this.#init
    const gone = membership.includesSelf
      ? removed.map(({ peer }) => peer.toString())
      : [...this.#links.keys()]
    for (const peer of gone) {
      this.#end(peer)
    }
    for (const member of membership.includesSelf ? membership.others() : []) {
      if (!this.#links.has(member.peer.toString())) {
        this.#begin(member)
      }
    }
  }

  /** Ends all links. */
  async stop(): Promise<void> {
    for (const peer of this.#links.keys()) {
      this.#end(peer)
    }
    await Promise.all(this.#ending)
  }

  /** Sends to one member; `undefined` sends to all. Whether it is on its way to each. */
  send(member: Uint8Array | undefined, bytes: Uint8Array): boolean {
    const frame = encodeFrame(bytes)
    if (member !== undefined) {
      const peer = this.#init.membership.byMember(member)?.peer.toString() ?? ''
      return this.#links.get(peer)?.link.send(frame) ?? false
    }
    let all = true
    for (const { link } of this.#links.values()) {
      all = link.send(frame) && all
    }
    return all
  }

  /** Tries the link to this peer at once, if there is one. */
  wake(peer: string): void {
    this.#links.get(peer)?.link.wake()
  }

  /** The state of all links. */
  status(): readonly LinkStatus[] {
    return [...this.#links.values()].map(({ member, link, failure }) => ({
      member: member.member,
      up: link.up,
      ...(failure === undefined ? {} : { failure }),
      dropped: link.dropped,
      queuedBytes: link.queuedBytes,
      offences: this.#init.offences.counts(member.peer.toString()),
      bannedMs: Math.ceil(this.#init.offences.bannedMs(member.peer.toString()))
    }))
  }

  /** Serves the stream that a member opened to us; anyone else is told so and not read. */
  async accept(stream: Stream, { remotePeer }: Connection): Promise<void> {
    const peer = remotePeer.toString()
    const member = this.#init.membership.byPeer(peer)
    if (member === undefined) {
      await refuse(stream, notAMember())
      return
    }
    // A member that opens a second stream has lost the first, whether we noticed or not.
    this.#inbound.get(peer)?.abort(connectionLost())
    this.#inbound.set(peer, stream)
    this.wake(peer)
    const frames = framedStream(stream, FRAME_BYTES_MAX, () =>
      this.#init.offences.report(peer, 'oversize')
    )
    try {
      await frames.write(encodeData(new Uint8Array(0)))
      for await (const bytes of frames.read()) {
        await this.#deliver(member.member, bytes)
        // What it sent before it was cut off is here already, and is not looked at any more.
        if (this.#init.offences.isBanned(peer)) {
          throw new VitalchainError('ERR_PEER_BANNED', 'the member misbehaved')
        }
      }
      await frames.close()
    } catch (error) {
      this.#init.log('link-in-lost', { member: toHex(member.member), code: errorCode(error) })
      stream.abort(connectionLost(error))
    } finally {
      if (this.#inbound.get(peer) === stream) {
        this.#inbound.delete(peer)
      }
    }
  }

  async #deliver(member: Uint8Array, bytes: Uint8Array): Promise<void> {
    for (const handler of this.#init.listeners.message) {
      try {
        const done = handler(member, bytes)
        if (done !== undefined) {
          await done
        }
      } catch (error) {
        this.#init.log('message-handler-failed', { error: String(error) })
      }
    }
  }

  #begin(member: KnownMember): void {
    const { dialer, protocol, listeners, log } = this.#init
    const id = member.member
    const values = { member: toHex(id) }
    const link = new MemberLink({
      open: signal => dialer.open(member, protocol, signal),
      onUp: () => {
        entry.failure = undefined
        log('link-up', values)
        listeners.up.forEach(listener => listener(id))
      },
      onDown: () => {
        log('link-down', values)
        listeners.down.forEach(listener => listener(id))
      },
      onFailure: code => {
        entry.failure = code
        log('link-failed', { ...values, code })
        if (code === 'ERR_NOT_A_MEMBER') listeners.refused.forEach(listener => listener(id))
      }
    })
    const entry: LinkEntry = { member, link, failure: undefined }
    this.#links.set(member.peer.toString(), entry)
    link.start()
  }

  #end(peer: string): void {
    const entry = this.#links.get(peer)
    this.#links.delete(peer)
    this.#inbound.get(peer)?.abort(connectionLost())
    if (entry !== undefined) {
      const ended = entry.link.stop().finally(() => this.#ending.delete(ended))
      this.#ending.add(ended)
    }
  }
}
