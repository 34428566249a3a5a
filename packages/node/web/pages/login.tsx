import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { knowsToken } from '../api.ts'
import { Card, Notice } from '../parts/parts.tsx'
import { to } from '../router.ts'
import { setToken } from '../session.ts'

/** Asks for the token. */
export function LoginPage({ refused }: { readonly refused: string | undefined }): JSX.Element {
  const [error, setError] = useState(refused)
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)

  const submit = async (): Promise<void> => {
    const given = text.trim()
    setBusy(true)
    setError(undefined)
    try {
      if (await knowsToken(given)) setToken(given)
      else setError('The node does not know this token.')
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem))
    } finally {
      setBusy(false)
    }
  }

  return (
    <>
      <h1>Sign in</h1>
      <Card title="Token">
        <form
          onSubmit={event => {
            event.preventDefault()
            void submit()
          }}
        >
          <label for="token">
            The node's token, from the file <code>api-token</code> in its data directory, or one
            that the operator made for you
          </label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            value={text}
            aria-invalid={error !== undefined}
            aria-describedby="token-kept"
            onInput={event => setText(event.currentTarget.value)}
          />
          <p id="token-kept" class="muted">
            It stays in this tab until you close it or sign out. It is never in an address or a
            cookie.
          </p>
          {error !== undefined && <Notice tone="bad">{error}</Notice>}
          <button type="submit" disabled={busy}>
            Sign in
          </button>
        </form>
      </Card>
      <p>
        Or run <code>vitalchain dashboard --data-dir DIR</code> on the machine of the node: it gives
        an address that signs in once.
      </p>
      <p>
        To verify a receipt you need no token: <a href={to('verify')}>verify a proof</a>.
      </p>
    </>
  )
}
