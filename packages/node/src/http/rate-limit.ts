import { VitalchainError } from '@vitalchain/core'

/** How fast, and how much at once. */
export interface Rate {
  /** Requests a second, in the long run. */
  readonly perSecond: number
  /** Requests at once after a pause. */
  readonly burst: number
}

/** Clients that are told apart at once, about 1 MB. Beyond it strangers share one bucket. */
export const RATE_CLIENTS_MAX: number = 10_000

/** Lets each client ask so fast and no faster. */
export interface RateLimit {
  /**
   * Counts a request.
   *
   * @param cost - how many usual requests it is worth; at most the burst counts. Default: 1
   * @throws VitalchainError `ERR_RATE` (retryable) with the seconds after which there is room again
   */
  take(client: string, cost?: number): void
}

interface Bucket {
  tokens: number
  /** ms since 1970 */
  filled: number
}

/** The client that stands for all those for which there is no room. */
const OVERFLOW = ''

/** Makes a {@link RateLimit}: a bucket of tokens for each client that asked lately. A full one is forgotten, for it is like new. */
export function createRateLimit(
  { perSecond, burst }: Rate,
  now: () => number,
  clientsMax: number = RATE_CLIENTS_MAX
): RateLimit {
  const buckets = new Map<string, Bucket>()

  function fill(bucket: Bucket, time: number): void {
    // A clock that is set back fills nothing.
    const passed = Math.max(0, time - bucket.filled)
    bucket.tokens = Math.min(burst, bucket.tokens + (passed / 1_000) * perSecond)
    bucket.filled = time
  }

  /** A new client's bucket. Who asked longest ago makes room, if its bucket is full again. */
  function bucketOf(client: string, time: number): Bucket {
    const known = buckets.get(client)
    if (known !== undefined) {
      buckets.delete(client)
      buckets.set(client, known)
      return known
    }
    for (const [name, bucket] of buckets) {
      fill(bucket, time)
      if (bucket.tokens < burst) break
      buckets.delete(name)
    }
    if (buckets.size >= clientsMax && client !== OVERFLOW) return bucketOf(OVERFLOW, time)
    const made = { tokens: burst, filled: time }
    buckets.set(client, made)
    return made
  }

  return {
    take(client, asked = 1) {
      const cost = Math.min(asked, burst)
      const time = now()
      const bucket = bucketOf(client, time)
      fill(bucket, time)
      if (bucket.tokens < cost) {
        const retryAfterS = Math.max(1, Math.ceil((cost - bucket.tokens) / perSecond))
        throw new VitalchainError('ERR_RATE', 'too many requests; come back later', {
          retryable: true,
          values: { retryAfterS }
        })
      }
      bucket.tokens -= cost
    }
  }
}
