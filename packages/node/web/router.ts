import { useLayoutEffect, useState } from 'preact/hooks'

/** Where the reader is: the parts of the fragment, such as `['blocks', '12']`. The fragment never reaches a server. */
export type Route = readonly string[]

function read(): Route {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter(part => part !== '')
    .map(part => {
      try {
        return decodeURIComponent(part)
      } catch {
        return part
      }
    })
}

/** The current route; components are drawn again when it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(read)
  // From the first paint on: an effect after it could miss a change.
  useLayoutEffect(() => {
    const onChange = (): void => setRoute(read())
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return route
}

/** The link to a route. */
export function to(...parts: readonly (string | number)[]): string {
  return `#/${parts.map(part => encodeURIComponent(part)).join('/')}`
}

/** Goes to a route. */
export function go(...parts: readonly (string | number)[]): void {
  location.hash = to(...parts)
}
