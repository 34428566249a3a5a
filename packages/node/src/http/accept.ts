import type { FastifyRequest } from 'fastify'

/**
 * The form that a client likes best of those that there are (RFC 9110 section 12.5.1). The first one stands for any, and for a
 * client that likes none of them: it can read what it got by `Content-Type`.
 */
export function preferredType<T extends string>(
  { headers }: Pick<FastifyRequest, 'headers'>,
  offered: readonly [T, ...T[]]
): T {
  const wishes = (headers.accept ?? '').split(',').map(wish => {
    const [type = '', ...parameters] = wish.split(';').map(part => part.trim().toLowerCase())
    const quality = parameters.find(each => each.startsWith('q='))?.slice(2)
    return { type, quality: quality === undefined ? 1 : Number(quality) || 0 }
  })
  // Stable: of equals the one that was named first.
  for (const { type, quality } of wishes.toSorted((a, b) => b.quality - a.quality)) {
    const found = offered.find(each => each === type)
    if (found !== undefined && quality > 0) return found
    if (type === '*/*') return offered[0]
  }
  return offered[0]
}
