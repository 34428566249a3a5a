import { errorCode, toHex, type CheckpointShare, type ErrorValues } from '@vitalchain/core'
import type { Network } from '../network/index.ts'
import type { ShareVerdict } from './collection.ts'
import { sharesFormat } from './shares.ts'

/** The topic on which members tell each other what they signed, and the request for what another has. */
const NAME = 'checkpoints'

/** How long a member may take to answer, ms. */
const ANSWER_MS = 5_000

/** Shares of one validator that are looked at in a row, and a second: it signs about two. More are dropped unread. */
const BURST = 16
const PER_SECOND = 4

/** Brings shares to the other members and theirs here. spec K-12 */
export interface ShareExchange {
  /** Tells all members of an own share. */
  tell(share: CheckpointShare): void
  /** Asks a member for what it has. Never throws. */
  ask(member: Uint8Array, signal: AbortSignal): Promise<void>
}

/** Makes the {@link ShareExchange} of a node, before its network starts. */
export function createShareExchange({
  network,
  has,
  take,
  log,
  clock = () => performance.now()
}: {
  readonly network: Pick<
    Network,
    'subscribe' | 'publish' | 'handleRequest' | 'request' | 'misbehaved'
  >
  /** What this node tells who asks. */
  readonly has: () => readonly CheckpointShare[]
  /** Judges a share that came in, and keeps it. */
  readonly take: (share: CheckpointShare) => ShareVerdict
  readonly log: (event: string, values: ErrorValues) => void
  /** A clock in ms that never goes back. */
  readonly clock?: () => number
}): ShareExchange {
  const spent = new Map<string, { used: number; at: number }>()

  /** What a validator may still be heard of. Only what it really signed is charged: nobody else can use that up. */
  function budget(member: string): { used: number; at: number } {
    const account = spent.get(member) ?? { used: 0, at: clock() }
    const now = clock()
    account.used = Math.max(0, account.used - ((now - account.at) / 1_000) * PER_SECOND)
    account.at = now
    return account
  }

  network.subscribe(NAME, encoded => {
    let shares: readonly CheckpointShare[]
    try {
      shares = sharesFormat.decode(encoded)
    } catch {
      return 'reject'
    }
    const [share] = shares
    // One at a time: a message with a bad one would take the good ones along.
    if (share === undefined || shares.length > 1) return 'reject'
    const member = toHex(share.member)
    const account = budget(member)
    if (account.used >= BURST) return 'ignore'
    const verdict = take(share)
    if (verdict === 'forged') return 'reject'
    if (verdict === 'known' || verdict === 'stranger') return 'ignore'
    account.used += 1
    spent.set(member, account)
    return verdict === 'old' ? 'ignore' : 'accept'
  })

  network.handleRequest(
    NAME,
    { access: 'members', maxRequestBytes: 1, timeoutMs: ANSWER_MS },
    async () => sharesFormat.encode(has())
  )

  return {
    tell(share) {
      network
        .publish(NAME, sharesFormat.encode([share]))
        .catch((error: unknown) => log('checkpoint share not sent', { code: errorCode(error) }))
    },
    async ask(member, signal) {
      try {
        const answer = network.request(member, NAME, new Uint8Array(0), {
          maxResponseBytes: sharesFormat.bytesMax,
          timeoutMs: ANSWER_MS,
          signal
        })
        for await (const part of answer) {
          const verdicts = sharesFormat.decode(part).map(take)
          if (verdicts.includes('forged')) return network.misbehaved(member, 'signature')
        }
      } catch (error) {
        if (!signal.aborted)
          log('checkpoints of a member not read', { code: errorCode(error), member: toHex(member) })
      }
    }
  }
}
