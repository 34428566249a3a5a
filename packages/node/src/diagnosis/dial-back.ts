import { multiaddr } from '@multiformats/multiaddr'
import {
  format,
  isVitalchainError,
  list,
  text,
  tuple,
  VitalchainError,
  type Format
} from '@vitalchain/core'
import type { Network } from '../network/index.ts'
import { atAddress, type Absence } from './absence.ts'
import { probeAddresses } from './probe.ts'

const NAME = 'dial-back'

/** Addresses that are tried for one member: a node has one for each interface. */
const ADDRESSES_MAX = 8

const ADDRESS_CHARACTERS_MAX = 256

/** How long the other side may take, ms: a probe's time and some. */
const ANSWER_MS = 8_000

/** A member is dialled at most so often, ms. */
const INTERVAL_MS = 10_000

/** Longest name of an outcome. */
const OUTCOME_CHARACTERS_MAX = 16

const MESSAGE_BYTES_MAX = 4_096

const asked: Format<readonly string[]> = format(
  'dial-back',
  MESSAGE_BYTES_MAX,
  list(text(ADDRESS_CHARACTERS_MAX), ADDRESSES_MAX)
)

const answered: Format<readonly Attempt[]> = format(
  'dialled-back',
  MESSAGE_BYTES_MAX,
  list(
    tuple({ address: text(ADDRESS_CHARACTERS_MAX), outcome: text(OUTCOME_CHARACTERS_MAX) }),
    ADDRESSES_MAX
  )
)

/** An address of this node that somebody else tried. */
export interface Attempt {
  readonly address: string
  /** `connecting` when this node answered there; otherwise what was found instead, an {@link Absence}. */
  readonly outcome: string
}

/** Tells nodes whether others can reach them. */
export interface DialBack {
  /**
   * Asks a member to dial this node at the addresses that it tells others. Only those are tried that have the IP address from
   * which the member sees this node.
   *
   * @returns what the member found; empty when it tried none, or did not answer
   */
  ask(member: Uint8Array, signal: AbortSignal): Promise<readonly Attempt[]>
}

/** Makes the {@link DialBack} of a node, before its network starts. */
export function createDialBack(
  network: Network,
  networkId: () => string,
  signal: AbortSignal
): DialBack {
  const last = new Map<string, number>()

  network.handleRequest(
    NAME,
    { access: 'members', maxRequestBytes: MESSAGE_BYTES_MAX, timeoutMs: ANSWER_MS },
    async (request, { peer }) => {
      const now = performance.now()
      for (const [each, at] of last) if (now - at >= INTERVAL_MS) last.delete(each)
      if (last.has(peer))
        throw new VitalchainError('ERR_BUSY', 'it was dialled a moment ago', { retryable: true })
      last.set(peer, now)
      const seen = network.peers().find(each => each.peer === peer)
      const hosts = new Set((seen?.addresses ?? []).flatMap(each => hostOf(each) ?? []))
      // Never another computer: nobody lets this node knock at the doors of its neighbours.
      const own = asked.decode(request).filter(address => hosts.has(hostOf(address) ?? ''))
      const found = await probeAddresses(own, signal)
      return answered.encode(
        found.map(probe => ({
          address: probe.address,
          outcome: atAddress(probe, peer, networkId())
        }))
      )
    }
  )

  return {
    async ask(member, stop) {
      const own = network.addresses().slice(0, ADDRESSES_MAX)
      try {
        const answer = network.request(member, NAME, asked.encode(own), {
          maxResponseBytes: MESSAGE_BYTES_MAX,
          timeoutMs: ANSWER_MS,
          signal: stop
        })
        for await (const part of answer) return answered.decode(part)
      } catch (error) {
        stop.throwIfAborted()
        // It is older than this question, busy, or gone: nothing is known then.
        if (!isVitalchainError(error)) throw error
      }
      return []
    }
  }
}

/** The outcome of who was reached. */
export const REACHED: Absence = 'connecting'

/** What may stand behind the IP address of a multiaddr that is tried: nothing that leads elsewhere. */
const PLAIN_PARTS: ReadonlySet<string> = new Set(['ws', 'p2p'])

/** The IP address of a multiaddr that leads to it and nowhere else; undefined for every other. */
function hostOf(address: string): string | undefined {
  try {
    const [host, port, ...others] = multiaddr(address).getComponents()
    const isPlain = port?.name === 'tcp' && others.every(({ name }) => PLAIN_PARTS.has(name))
    return isPlain && (host?.name === 'ip4' || host?.name === 'ip6') ? host.value : undefined
  } catch {
    return undefined
  }
}
