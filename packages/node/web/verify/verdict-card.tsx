import type { JSX } from 'preact'
import { Notice, Pairs } from '../parts/parts.tsx'
import type { TrustSource, Verdict } from './judge.ts'

const KINDS: Readonly<Record<NonNullable<Verdict['kind']>, string>> = {
  receipt: 'receipt',
  'receipt-json': 'receipt in JSON',
  'state-proof': 'proof of the state',
  completeness: 'proof of completeness',
  'tlog-proof': 'tlog-proof',
  'cose-receipt': 'COSE receipt',
  checkpoint: 'checkpoint'
}

/** What came of one proof. */
export function VerdictCard({
  verdict,
  source
}: {
  readonly verdict: Verdict
  readonly source: TrustSource
}): JSX.Element {
  const about = `${verdict.kind === undefined ? 'unknown form' : KINDS[verdict.kind]}, ${verdict.name}`
  if (!verdict.valid) {
    return (
      <section class="card verdict bad">
        <h2>
          <span aria-hidden="true">✕ </span>INVALID
        </h2>
        <p>{about}</p>
        <p>
          {verdict.reason} <code>{verdict.code}</code>
        </p>
        <p>It proves nothing, whatever anybody says of it.</p>
      </section>
    )
  }
  return (
    <section class="card verdict ok">
      <h2>
        <span aria-hidden="true">✓ </span>VALID
      </h2>
      <p>{about}</p>
      {source === 'node' && (
        <Notice tone="warn">
          In the network that this node tells of. Compare the network id with one that you have from
          elsewhere.
        </Notice>
      )}
      <Pairs of={verdict.text} />
    </section>
  )
}
