import type { JSX } from 'preact'
import type { DeviceSigns } from '../answers.ts'
import { Badge, type Tone } from './parts.tsx'

type Kind = keyof DeviceSigns['counts']

/** What each kind of sign is called, and how bad it is. */
export const SIGNS: Readonly<
  Record<Kind, readonly [Tone, one: string, many: string, about: string]>
> = {
  conflict: [
    'bad',
    'contradiction',
    'contradictions',
    'It signed two different statements for one place: its key is in two hands, or its memory was copied back.'
  ],
  'history-lost': [
    'warn',
    'loss of history',
    'losses of history',
    'It lost what it had not sent and went on from what the ledger knew.'
  ],
  gap: ['warn', 'gap', 'gaps', 'It dropped readings that it could not send, and says how many.'],
  'date-jump': [
    'warn',
    'date jump',
    'date jumps',
    'Its dates went back, or ahead by more than a week: its clock was changed, or it stood still.'
  ],
  'key-change': ['plain', 'key change', 'key changes', 'It goes on with a new key.']
}

const KINDS: readonly Kind[] = ['conflict', 'history-lost', 'gap', 'date-jump', 'key-change']

/** The signs of a device in a few words. */
export function SignBadges({ of }: { readonly of: DeviceSigns | undefined }): JSX.Element {
  if (of === undefined) return <span class="muted">none</span>
  return (
    <>
      {KINDS.filter(kind => of.counts[kind] > 0).map(kind => {
        const [tone, one, many] = SIGNS[kind]
        const count = of.counts[kind]
        return (
          <Badge key={kind} tone={tone}>
            {count} {count === 1 ? one : many}
          </Badge>
        )
      })}
    </>
  )
}
