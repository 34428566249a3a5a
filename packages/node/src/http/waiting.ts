import type { FastifyReply } from 'fastify'

/** How long a request may wait for a commit, s. Proxies cut off what is silent for 30 s to 60 s. */
export const WAIT_S_MAX: number = 20

/** Requests that wait at once: a quarter of the connections, so that others are always served. Beyond it none waits. */
const WAITING_MAX = 128

/** Lets requests wait for a commit, for a time and as long as their client is there. */
export interface WaitingRoom {
  /** Runs with a signal that ends the wait; undefined for a request that does not wait. */
  waitingFor<T>(
    seconds: number,
    reply: FastifyReply,
    run: (wait: AbortSignal | undefined) => Promise<T>
  ): Promise<T>
}

/**
 * Makes a {@link WaitingRoom}.
 *
 * @param closing - aborts when the API closes: then nobody waits any more
 */
export function createWaitingRoom(closing: AbortSignal): WaitingRoom {
  let waiting = 0
  return {
    async waitingFor(seconds, reply, run) {
      if (seconds === 0 || waiting >= WAITING_MAX) return run(undefined)
      const over = new AbortController()
      const end = (): void => over.abort()
      const timer = setTimeout(end, Math.min(seconds, WAIT_S_MAX) * 1_000)
      reply.raw.on('close', end)
      closing.addEventListener('abort', end)
      waiting++
      try {
        if (closing.aborted) end()
        return await run(over.signal)
      } finally {
        waiting--
        clearTimeout(timer)
        closing.removeEventListener('abort', end)
      }
    }
  }
}
