import { useEffect, useState } from 'preact/hooks'

/** How the page looks: as the system says, or as the reader chose. */
export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'vitalchain-theme'
const ORDER: readonly Theme[] = ['auto', 'light', 'dark']

function stored(): Theme {
  const found = localStorage.getItem(KEY)
  return ORDER.find(theme => theme === found) ?? 'auto'
}

/** Puts the chosen look on the page. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = stored()
}

/** The chosen look, and what changes it. */
export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState(stored)
  const change = (): void => {
    const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? 'auto'
    localStorage.setItem(KEY, next)
    applyTheme()
    setTheme(next)
    dispatchEvent(new Event('vitalchain-theme'))
  }
  return [theme, change]
}

/** Counts the changes of the look, by whoever made them: what is painted on a canvas is painted again. */
export function useLook(): number {
  const [look, setLook] = useState(0)
  useEffect(() => {
    const tell = (): void => setLook(count => count + 1)
    const system = matchMedia('(prefers-color-scheme: dark)')
    addEventListener('vitalchain-theme', tell)
    system.addEventListener('change', tell)
    return () => {
      removeEventListener('vitalchain-theme', tell)
      system.removeEventListener('change', tell)
    }
  }, [])
  return look
}
