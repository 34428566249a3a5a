import { useLayoutEffect, useState } from 'preact/hooks'

/** Where the token is while the tab is open. It is in no URL, no cookie and on no disk. */
const KEY = 'vitalchain-token'

const changed = new Set<() => void>()

/** The token that the operator gave; undefined before. */
export function token(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined
}

/** Keeps a token until the tab closes, or forgets it. */
export function setToken(value: string | undefined): void {
  if (value === undefined) sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, value)
  for (const tell of changed) tell()
}

/** The token for components, which are drawn again when it changes. */
export function useToken(): string | undefined {
  const [, redraw] = useState(0)
  // From the first paint on: an effect after it could miss a change.
  useLayoutEffect(() => {
    const tell = (): void => redraw(count => count + 1)
    changed.add(tell)
    return () => void changed.delete(tell)
  }, [])
  return token()
}

/** The code of an address that signs in once, such as `#code=5f…`. It is taken off the address at once. */
export function takeCode(): string | undefined {
  const [, code] = /^#code=([0-9a-f]{64})$/.exec(location.hash) ?? []
  if (code !== undefined) history.replaceState(null, '', location.pathname)
  return code
}
