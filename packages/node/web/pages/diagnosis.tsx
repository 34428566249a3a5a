import type { JSX } from 'preact'
import type { Diagnosis } from '../answers.ts'
import { useAsked } from '../hooks.ts'
import { Answer, Badge, Card, Time, Words, type Tone } from '../parts/parts.tsx'
import { MembersTable } from '../parts/members-table.tsx'

/** How often the diagnosis is asked for, ms: it looks at disk and links. */
export const DIAGNOSIS_MS: number = 5_000

const TONES: Readonly<Record<Diagnosis['findings'][number]['severity'], Tone>> = {
  critical: 'bad',
  warning: 'warn',
  note: 'plain'
}

/** How well it is, in a colour and a word. */
export function toneOf({ healthy, findings }: Diagnosis): Tone {
  if (healthy) return 'ok'
  return findings.some(({ severity }) => severity === 'critical') ? 'bad' : 'warn'
}

/** What is wrong, and what to do. */
export function DiagnosisPage(): JSX.Element {
  const asked = useAsked<Diagnosis>('/v1/diagnosis', DIAGNOSIS_MS)
  return (
    <>
      <h1>Diagnosis</h1>
      <Answer asked={asked}>
        {diagnosis => (
          <>
            <p class={`summary ${toneOf(diagnosis)}`} role="status">
              <Badge tone={toneOf(diagnosis)}>
                {diagnosis.healthy ? 'healthy' : 'somebody has to act'}
              </Badge>{' '}
              {diagnosis.summary}
            </p>
            <ul class="findings">
              {diagnosis.findings.map(({ code, severity, subject, text, act }) => (
                <li key={`${code} ${subject ?? ''}`} class={`card ${TONES[severity]}`}>
                  <h2>
                    <Badge tone={TONES[severity]}>{severity}</Badge> {subject}
                  </h2>
                  <p>
                    <Words of={text} />
                  </p>
                  <p>
                    <strong>Next: </strong>
                    <Words of={act} />
                  </p>
                  <p class="muted">
                    <code>{code}</code>
                  </p>
                </li>
              ))}
            </ul>
            <Card title="Votes">
              <p>
                {diagnosis.quorum.needed} of {diagnosis.quorum.validators} validators must vote for
                a block; this node counts on {diagnosis.quorum.reachable} now.
              </p>
            </Card>
            <Card title="Hospitals">
              <MembersTable members={diagnosis.members} />
            </Card>
            <p class="muted">
              As of <Time ms={diagnosis.at} />, by this node's clock. <code>vitalchain doctor</code>{' '}
              says the same.
            </p>
          </>
        )}
      </Answer>
    </>
  )
}
