import { render } from 'preact'
import { signInWithCode } from './api.ts'
import { App } from './app.tsx'
import { takeCode } from './session.ts'
import { applyTheme } from './theme.ts'

applyTheme()
const root = document.querySelector('#app')
const code = takeCode()
if (root !== null) {
  const start = (refused?: string): void => render(<App refused={refused} />, root)
  if (code === undefined) start()
  else
    signInWithCode(code).then(
      () => start(),
      (error: unknown) => start(error instanceof Error ? error.message : String(error))
    )
}
