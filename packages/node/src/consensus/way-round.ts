import { randomInt } from 'node:crypto'
import {
  checkBlock,
  concatBytes,
  errorCode,
  equalBytes,
  hashCertificate,
  sha256,
  toHex,
  verifyCertificate,
  verifySignature,
  type Certificate,
  type ErrorValues,
  type ValidatorSet
} from '@vitalchain/core'
import {
  decodeMessage,
  isSigned,
  messageSignBytes,
  type Message,
  type ProposalMessage,
  type SignedMessage,
  type ViewChangeMessage,
  type VoteScope
} from '@vitalchain/consensus'
import type { Ledger } from '../ledger/ledger.ts'
import type { GossipVerdict, Network } from '../network/index.ts'
import type { BlockSource } from './block-source.ts'
import { costOf, type FairShare } from './fair-share.ts'

/** The topic for what two members with no link between them have to tell each other. */
const TOPIC = 'votes'

/** Bytes of the counter before the message: identical bytes travel once in two minutes. */
const ATTEMPT_BYTES = 2

/** One copy of a message is relayed in this time, ms: less than the shortest resend interval, 200 ms less a fifth. */
const RELAY_INTERVAL_MS = 150

/** Different messages of one signer, kind and view that are relayed: two that contradict each other are evidence, a third adds nothing. */
const VERSIONS_MAX = 2

/** Signer, kind and view combinations remembered for each signer: four kinds at two heights, and the views of a long outage. */
const PLACES_MAX = 64

/** Certificates remembered as good: the newest commit certificate and one prepared in each view of a bad minute. */
const CERTIFICATES_MAX = 64

/** How long a message of a height that this node is about to reach waits for it, ms: one write to a slow disk. */
const AHEAD_WAIT_MS = 250

/** How long the transactions of a relayed proposal are looked for, ms. */
const LOOK_MS = 2_000

/** What {@link createWayRound} needs. */
export interface WayRoundComponents {
  readonly ledger: Ledger
  readonly network: Network
  readonly source: Pick<BlockSource, 'transactions'>
  readonly scope: VoteScope
  readonly share: FairShare
  /** A clock in ms that never goes back. */
  readonly clock: () => number
  readonly signal: () => AbortSignal
  /** Whether the replica holds this very vote and has checked it. */
  readonly holds: (message: Message) => boolean
  /** Takes a message that somebody signed. */
  readonly deliver: (message: Message) => void
  readonly log: (event: string, values: ErrorValues) => void
}

/** The way round for members that have no direct link: gossip. spec C-40 */
export interface WayRound {
  /** Sends an encoded message to all members. */
  publish(inner: Uint8Array): void
  /** The ledger has a new head. */
  advanced(): void
}

/**
 * Makes the {@link WayRound} of a node, before its network starts. Nothing is relayed before its signatures were checked, and what
 * the signature of a message does not cover is checked as well: a relay could have changed it. A neighbour answers only for what it
 * must have seen itself. spec C-40
 */
export function createWayRound(components: WayRoundComponents): WayRound {
  const { ledger, network, source, scope, share, clock, signal, holds, deliver, log } = components
  let attempt = randomInt(2 ** 16)
  /** By signer; then by place; then by hash of the message, when it was last relayed. */
  const known = new Map<number, Map<string, Map<string, number>>>()
  const certificates = new Set<string>()
  /** Signers of proposals whose transactions are looked for now. */
  const looking = new Set<number>()
  let reached = Promise.withResolvers<void>()

  network.subscribe(TOPIC, (bytes, fromMember) => {
    if (signal().aborted || !share.spend(`gossip ${toHex(fromMember)}`, costOf(bytes.length)))
      return 'ignore'
    const inner = bytes.subarray(ATTEMPT_BYTES)
    let message: Message
    try {
      message = decodeMessage(inner)
    } catch {
      return 'reject'
    }
    return judge(message, inner)
  })

  async function judge(message: Message, inner: Uint8Array): Promise<GossipVerdict> {
    // The others carry no proof of their own and travel on links only.
    if (message.type !== 'decided' && !isSigned(message)) return 'reject'
    const height = message.type === 'decided' ? message.certificate.height : message.height
    if (height === ledger.head.height + 2) await untilReached()
    if (signal().aborted) return 'ignore'
    return message.type === 'decided'
      ? judgeCertificate(message.certificate, message)
      : judgeSigned(message, inner)
  }

  function judgeCertificate(certificate: Certificate, message: Message): GossipVerdict {
    const { height } = ledger.head
    if (certificate.height <= height) return 'ignore'
    // The set of a later height is not known yet; most often it is the same.
    if (certificate.phase === 'commit' && isGood(certificate, ledger.validators())) {
      if (!isTurn(-1, `decided ${certificate.height}`, 'any')) return 'ignore'
      deliver(message)
      return 'accept'
    }
    return certificate.height === height + 1 ? 'reject' : 'ignore'
  }

  async function judgeSigned(message: SignedMessage, inner: Uint8Array): Promise<GossipVerdict> {
    const head = ledger.head.height
    if (message.height < head || message.height < 1) return 'ignore'
    const name = toHex(sha256(inner))
    if (holds(message)) return isTurnOf(message, inner, name) ? 'accept' : 'ignore'
    const isNear = message.height <= head + 1
    const fault: GossipVerdict = isNear ? 'reject' : 'ignore'
    const validators = ledger.validators(isNear ? message.height : head + 1)
    const place = placeOf(message)
    const versions = known.get(message.sender)?.get(place)
    if (versions?.has(name) !== true) {
      if ((versions?.size ?? 0) >= VERSIONS_MAX) return 'ignore'
      if (!isAuthentic(message, validators)) return fault
      if (message.type === 'view-change' && !isProven(message, validators)) return fault
      if (message.type === 'proposal') {
        // Who is late for it fetches the block.
        if (message.height !== ledger.head.height + 1) return 'ignore'
        // One that signs many could have all members asked for what nobody has, and take the place of what is needed.
        if (looking.has(message.sender)) return 'ignore'
        looking.add(message.sender)
        const whole = await isWhole(message).finally(() => looking.delete(message.sender))
        if (whole !== true) return whole === false ? 'reject' : 'ignore'
      }
    }
    if (!isTurnOf(message, inner, name)) return 'ignore'
    deliver(message)
    return 'accept'
  }

  /** Whether to relay a message now, as far as its own copies go; then remembers it. */
  function isTurn(sender: number, place: string, name: string): boolean {
    const places = known.get(sender) ?? new Map<string, Map<string, number>>()
    known.set(sender, places)
    const versions = places.get(place) ?? new Map<string, number>()
    const last = versions.get(name)
    const now = clock()
    if (last !== undefined ? now - last < RELAY_INTERVAL_MS : versions.size >= VERSIONS_MAX)
      return false
    // Back to the end, so that the oldest goes first.
    places.delete(place)
    places.set(place, versions.set(name, now))
    if (places.size > PLACES_MAX) places.delete(places.keys().next().value ?? place)
    return true
  }

  /**
   * The same for a message whose signature is good. Its signer pays as well as its bringer: one that signs without end would
   * otherwise use up the shares of all who relay it, and the time of everybody. spec C-41
   */
  function isTurnOf(message: SignedMessage, inner: Uint8Array, name: string): boolean {
    return (
      isTurn(message.sender, placeOf(message), name) &&
      share.spend(`signer ${message.sender}`, costOf(inner.length))
    )
  }

  function isAuthentic(message: SignedMessage, validators: ValidatorSet): boolean {
    const key = validators[message.sender]?.consensusKey
    return (
      key !== undefined &&
      verifySignature(
        { algorithm: 'ed25519', bytes: key },
        messageSignBytes(scope, message),
        message.signature
      )
    )
  }

  /** The certificate is not under the signature of a view change, what it proves is. spec C-13 */
  function isProven(message: ViewChangeMessage, validators: ValidatorSet): boolean {
    const { prepared, preparedView, preparedHash, height, view } = message
    if (prepared === undefined) return preparedView < 0
    return (
      prepared.phase === 'prepare' &&
      prepared.height === height &&
      prepared.view === preparedView &&
      preparedView < view &&
      equalBytes(prepared.blockHash, preparedHash) &&
      isGood(prepared, validators)
    )
  }

  /** The list of transactions is not under the signature of a proposal, but its header binds it. Undefined: not found in time. */
  async function isWhole({ block }: ProposalMessage): Promise<boolean | undefined> {
    const { header, previousCertificate, transactions } = block
    const isOver = (): boolean => ledger.head.height >= header.height
    try {
      const held = await source.transactions(transactions, [], {
        live: false,
        signal: AbortSignal.any([signal(), AbortSignal.timeout(LOOK_MS)]),
        isOver
      })
      if (held === undefined || isOver()) return undefined
      checkBlock(
        { header, previousCertificate, transactions: held.map(each => each.bytes) },
        ledger.frontier
      )
      return true
    } catch (error) {
      return errorCode(error).startsWith('ERR_BLOCK') ? false : undefined
    }
  }

  function isGood(certificate: Certificate, validators: ValidatorSet): boolean {
    const name = toHex(hashCertificate(certificate))
    if (certificates.has(name)) return true
    try {
      verifyCertificate(certificate, validators, scope)
    } catch {
      return false
    }
    certificates.add(name)
    if (certificates.size > CERTIFICATES_MAX) certificates.delete([...certificates][0] ?? name)
    return true
  }

  /** Waits for the next block to be durable: one that was decided a moment ago may still be on its way to the disk. */
  async function untilReached(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      reached.promise,
      new Promise<void>(resolve => {
        timer = setTimeout(resolve, AHEAD_WAIT_MS)
      })
    ])
    clearTimeout(timer)
  }

  return {
    publish(inner) {
      attempt = (attempt + 1) % 2 ** 16
      network
        .publish(TOPIC, concatBytes([Uint8Array.of(attempt >> 8, attempt & 0xff), inner]))
        .catch((error: unknown) => log('gossip failed', { code: errorCode(error) }))
    },
    advanced() {
      known.clear()
      certificates.clear()
      reached.resolve()
      reached = Promise.withResolvers()
    }
  }
}

function placeOf({ type, height, view }: SignedMessage): string {
  return `${type} ${height} ${view}`
}
