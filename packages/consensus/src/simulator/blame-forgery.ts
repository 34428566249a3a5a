import type { Justification } from './replica.ts'

/**
 * Justifications that a leader makes of a good one to be rid of what was prepared, or to make it up: a claim left
 * out, the certificate left out, what a claim says changed under its signature, one claim twice. None is a good one.
 */
export function forgedJustifications({
  claims,
  prepared
}: Justification): [Justification, ...Justification[]] {
  const none = { preparedView: -1, preparedHash: new Uint8Array(32) }
  const emptied = claims.map(claim => ({ ...claim, ...none }))
  const [first, ...rest] = claims
  const short = { claims: rest, prepared }
  const twice = first === undefined ? short : { claims: [first, first, ...rest.slice(1)], prepared }
  return prepared === undefined
    ? [
        short,
        twice,
        { claims: claims.map(claim => ({ ...claim, preparedView: 0 })), prepared: undefined }
      ]
    : [short, twice, { claims, prepared: undefined }, { claims: emptied, prepared: undefined }]
}
