import { errorCode, type ErrorValues } from '@vitalchain/core'
import { createLoop, type Loop } from '../loop.ts'
import type { RequestTarget } from '../network/index.ts'
import type { CatchUp } from '../sync/catch-up.ts'

/** First wait before the others are asked again, ms; it doubles up to {@link ASK_AGAIN_MAX_MS}. */
const ASK_AGAIN_MS = 500

/** Longest wait before the others are asked again, ms: an approval is noticed within this. */
const ASK_AGAIN_MAX_MS = 2_000

/**
 * Asks for blocks on behalf of a node that no member has a link with: a newcomer before and shortly after its approval,
 * and a member that was removed while it was away. Members need none of this: they hear of blocks over their links.
 */
export function createFollowing({
  needed,
  targets,
  catchUp,
  onRefused,
  log
}: {
  /** Whether nobody brings this node blocks. Asked before each try; while it is false nothing runs. */
  readonly needed: () => boolean
  /** Whom to ask: members, and the addresses that the operator configured. */
  readonly targets: () => readonly RequestTarget[]
  readonly catchUp: Pick<CatchUp, 'ask'>
  /** Everybody who answered said that this node is no member. */
  readonly onRefused: (by: number) => void
  readonly log: (event: string, values: ErrorValues) => void
}): Loop {
  let wait = ASK_AGAIN_MS
  return createLoop(async () => {
    if (!needed()) {
      wait = ASK_AGAIN_MS
      return Infinity
    }
    try {
      const { answered, refused } = await catchUp.ask(targets())
      if (answered === 0 && refused > 0) onRefused(refused)
    } catch (error) {
      log('asking for blocks failed', { code: errorCode(error) })
    }
    const now = wait
    wait = Math.min(2 * wait, ASK_AGAIN_MAX_MS)
    return now
  })
}
