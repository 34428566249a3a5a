import {
  equalBytes,
  errorCode,
  faultTolerance,
  PROTOCOL_VERSION,
  toHex,
  type Certificate,
  type ErrorValues,
  type Validator,
  type ValidatorSet
} from '@vitalchain/core'
import {
  decodeMessage,
  encodeMessage,
  isSigned,
  type Message,
  type RejectReason,
  type VoteScope
} from '@vitalchain/consensus'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network, Offence } from '../network/index.ts'
import type { BlockSource } from './block-source.ts'
import { costOf, FairShare } from './fair-share.ts'
import { createWayRound } from './way-round.ts'

/** How long a link must be down before messages for its member go the way round, ms: a restart is over by then, and resends bridge it. */
export const LINK_GRACE_MS: number = 1_000

/** How long after its last sign of life a member is taken to be cut off, not switched off, ms: it speaks at each height. */
export const PRESENCE_MS: number = 60_000

/** How often who was silent for longer is tried again, ms, and for how long: a height takes less. Costs a tenth of speaking all the time. */
export const PROBE_INTERVAL_MS: number = 10_000
export const PROBE_MS: number = 1_000

/** What {@link createTransport} needs. */
export interface TransportComponents {
  readonly ledger: Ledger
  readonly network: Network
  readonly source: Pick<BlockSource, 'transactions'>
  readonly scope: VoteScope
  /** The validators that the replica's indices are of. */
  readonly validators: () => ValidatorSet
  readonly self: () => Validator | undefined
  /** Whether the replica holds this very vote and has checked it. */
  readonly holds: (message: Message) => boolean
  /** Gives a message to the replica. `from` is the validator at the other end of the link; undefined for others and gossip. */
  readonly onMessage: (from: number | undefined, message: Message) => void
  /** A member said something over its own link. */
  readonly onHeard?: ((member: Uint8Array, message: Message) => void) | undefined
  /** A link to a validator came up. */
  readonly onConnected: (peer: number) => void
  /** What this node tells a member that is no validator when its link comes up. */
  readonly status: () => Message
  readonly log: (event: string, values: ErrorValues) => void
  /** A clock in ms that never goes back. */
  readonly clock?: () => number
}

/** Brings the replica's messages to the other members and theirs to it. spec C-40 to C-43 */
export interface Transport {
  /** Begins to give messages to the replica, which has started. */
  start(): void
  stop(): void
  /** Sends to validators by index, or to all of them; a status goes to all members. */
  send(to: 'all' | readonly number[], message: Message): void
  /** A block was decided here by the replica: members that are no validators are told. */
  announce(certificate: Certificate, validators: ValidatorSet): void
  /** The ledger has a new head. */
  advanced(): void
  /** The replica refused what it was just given. */
  rejected(reason: RejectReason): void
}

/** Makes the {@link Transport} of a node, before its network starts. */
export function createTransport(components: TransportComponents): Transport {
  const { network, validators, self, onMessage, onConnected, log } = components
  const clock = components.clock ?? (() => performance.now())
  const share = new FairShare(clock)
  let running = new AbortController()
  running.abort()
  /** Since when there is no link to a member, by a clock that never goes back. */
  const downSince = new Map<string, number>()
  /** When a message of a member last came, whichever way. */
  const heardAt = new Map<string, number>()
  /** Members that say that they know a newer protocol version than this node. */
  const newer = new Set<string>()
  /** Those of them of whose unreadable messages the log tells. */
  const unread = new Set<string>()
  let probeFrom = -Infinity
  /** The member whose message the replica looks at now. */
  let speaker: Uint8Array | undefined

  const wayRound = createWayRound({
    ...components,
    share,
    clock,
    signal: () => running.signal,
    deliver(message) {
      const author = 'sender' in message ? validators()[message.sender]?.member : undefined
      if (author !== undefined) heardAt.set(toHex(author), clock())
      onMessage(undefined, message)
    }
  })

  network.onMessage((member, encoded) => {
    if (running.signal.aborted) return undefined
    const wait = share.take(toHex(member), costOf(encoded.length), running.signal)
    return wait === undefined ? receive(member, encoded) : wait.then(() => receive(member, encoded))
  })
  network.onLinkUp(member => {
    downSince.delete(toHex(member))
    if (!running.signal.aborted) greet(member)
  })
  network.onLinkDown(member => void downSince.set(toHex(member), clock()))

  function receive(member: Uint8Array, encoded: Uint8Array): void {
    if (running.signal.aborted) return
    let message: Message
    try {
      message = decodeMessage(encoded)
    } catch (error) {
      const name = toHex(member)
      // What older software cannot read is no fault: it has to catch up with those who are ahead before it stops.
      const isNewer = newer.has(name)
      // Who is never cut off for it must not fill the log.
      if (!isNewer || !unread.has(name))
        log('malformed message', { code: errorCode(error), member: name })
      if (isNewer) return void unread.add(name)
      const offence = errorCode(error) === 'ERR_TOO_LARGE' ? 'oversize' : 'malformed'
      return network.misbehaved(member, offence)
    }
    heardAt.set(toHex(member), clock())
    if (message.type === 'status') {
      if (message.version > PROTOCOL_VERSION) newer.add(toHex(member))
      else newer.delete(toHex(member))
    }
    components.onHeard?.(member, message)
    speaker = member
    try {
      onMessage(indexOf(member), message)
    } finally {
      speaker = undefined
    }
  }

  function greet(member: Uint8Array): void {
    const peer = indexOf(member)
    if (peer === undefined) network.send(member, encodeMessage(components.status()))
    else onConnected(peer)
  }

  function indexOf(member: Uint8Array): number | undefined {
    const index = validators().findIndex(validator => equalBytes(validator.member, member))
    return index < 0 ? undefined : index
  }

  /**
   * Sends over the links; what proves itself also the way round, once, when a link is down for longer than a moment. spec C-40
   */
  function deliver(members: readonly Uint8Array[], encoded: Uint8Array, proves: boolean): void {
    const own = self()?.member
    let isCutOff = false
    for (const member of members) {
      if ((own !== undefined && equalBytes(member, own)) || network.send(member, encoded)) continue
      const name = toHex(member)
      const since = downSince.get(name) ?? clock()
      downSince.set(name, since)
      if (clock() - since >= LINK_GRACE_MS && isWorthIt(name, since)) isCutOff = true
    }
    if (isCutOff && proves) wayRound.publish(encoded)
  }

  /** Who was switched off needs no votes, and may stay so for days; but who is cut off must be able to make itself heard. */
  function isWorthIt(name: string, since: number): boolean {
    const now = clock()
    if (now - Math.max(since, heardAt.get(name) ?? -Infinity) < PRESENCE_MS) return true
    if (now - probeFrom >= PROBE_INTERVAL_MS) probeFrom = now
    return now - probeFrom < PROBE_MS
  }

  return {
    start() {
      running = new AbortController()
      // Their links were faster than this node's disk.
      for (const member of network.linkedMembers()) greet(member)
    },
    stop() {
      running.abort()
    },
    send(to, message) {
      const encoded = encodeMessage(message)
      if (message.type === 'status' && to === 'all') {
        network.broadcast(encoded)
        return
      }
      const targets = to === 'all' ? validators() : pick(validators(), to)
      const proves = message.type === 'decided' || isSigned(message)
      deliver(
        targets.map(({ member }) => member),
        encoded,
        proves
      )
    },
    announce(certificate, set) {
      const count = set.length
      const own = self()
      const index = set.findIndex(
        ({ member }) => own !== undefined && equalBytes(member, own.member)
      )
      // f + 1 tell it, others at each height: one of them is honest.
      const place = (index + count - ((certificate.height + certificate.view) % count)) % count
      if (index < 0 || place > faultTolerance(count)) return
      const voters = new Set(set.map(({ member }) => toHex(member)))
      const others = network.links().filter(({ member }) => !voters.has(toHex(member)))
      if (others.length === 0) return
      deliver(
        others.map(({ member }) => member),
        encodeMessage({ type: 'decided', certificate }),
        true
      )
    },
    advanced() {
      share.credit()
      wayRound.advanced()
    },
    rejected(reason) {
      if (speaker !== undefined) network.misbehaved(speaker, OFFENCES[reason])
    }
  }
}

/** What a refused message is to its bringer: spec C-42. */
const OFFENCES: Readonly<Record<RejectReason, Offence>> = {
  signer: 'signature',
  signature: 'signature',
  leader: 'signature',
  justification: 'proof',
  prepared: 'proof',
  certificate: 'proof',
  block: 'proof'
}

function pick(set: ValidatorSet, indices: readonly number[]): readonly Validator[] {
  return indices.flatMap(index => set[index] ?? [])
}
