import type { JSX } from 'preact'
import { Component, type ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { NodeStatus } from './answers.ts'
import { useAsked } from './hooks.ts'
import { BlockPage } from './pages/block.tsx'
import { BlocksPage } from './pages/blocks.tsx'
import { DevicePage } from './pages/device.tsx'
import { DevicesPage } from './pages/devices.tsx'
import { DiagnosisPage } from './pages/diagnosis.tsx'
import { LoginPage } from './pages/login.tsx'
import { MembersPage } from './pages/members.tsx'
import { NetworkPage } from './pages/network.tsx'
import { TransactionPage } from './pages/transaction.tsx'
import { Badge, Notice } from './parts/parts.tsx'
import { to, useRoute, type Route } from './router.ts'
import { setToken, useToken } from './session.ts'
import { useTheme } from './theme.ts'
import type { VerifyPage } from './verify/page.tsx'

/** How often the line at the top is asked for, ms. */
const STATUS_MS = 5_000

const PAGES: readonly (readonly [path: string, name: string])[] = [
  ['', 'Network'],
  ['blocks', 'Blocks'],
  ['devices', 'Devices'],
  ['members', 'Members'],
  ['diagnosis', 'Diagnosis'],
  ['verify', 'Verify']
]

/** The whole page. `refused` says why the code of an address did not sign in. */
export function App({ refused }: { readonly refused: string | undefined }): JSX.Element {
  const route = useRoute()
  const shown = useToken()
  const { data: status, error } = useAsked<NodeStatus>('/v1/status', STATUS_MS)
  const [theme, changeTheme] = useTheme()
  const [page = '', ...rest] = route
  const name = PAGES.find(([path]) => path === page)?.[1] ?? 'Transaction'
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)

  useEffect(() => {
    document.title = `${name} · ${status?.name ?? 'node'} · vitalchain`
  }, [name, status?.name])
  const where = route.join('/')
  // Who follows a link by keyboard or screen reader goes on at what is new: before it is painted, so that the focus
  // never moves away from what they press next.
  useLayoutEffect(() => {
    if (!first.current) main.current?.focus()
    first.current = false
  }, [where])

  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={event => {
          // The fragment is the route.
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <div class="brand">
          <strong>vitalchain</strong>
          <span class="who">{status === undefined ? '' : (status.name ?? 'no member')}</span>
        </div>
        <div class="state">
          {error !== undefined && <Badge tone="bad">no answer</Badge>}
          {error === undefined && status !== undefined && (
            <span class="muted">height {status.height}</span>
          )}
          <button type="button" class="small" onClick={changeTheme}>
            Look: {theme}
          </button>
          {shown !== undefined && (
            <button type="button" class="small" onClick={() => setToken(undefined)}>
              Sign out
            </button>
          )}
        </div>
        <nav aria-label="Pages">
          <ul>
            {PAGES.map(([path, title]) => (
              <li key={path}>
                <a
                  href={path === '' ? '#/' : to(path)}
                  aria-current={path === page ? 'page' : undefined}
                >
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <Guard key={where}>
          {page === 'verify' ? (
            <Verify id={rest[0]} />
          ) : shown === undefined ? (
            <LoginPage refused={refused} />
          ) : (
            <Page page={page} rest={rest} status={status} />
          )}
        </Guard>
      </main>
    </>
  )
}

function Page({
  page,
  rest: [first],
  status
}: {
  readonly page: string
  readonly rest: Route
  readonly status: NodeStatus | undefined
}): JSX.Element {
  switch (page) {
    case '':
      return <NetworkPage />
    case 'blocks':
      return first === undefined ? (
        <BlocksPage height={status?.height} />
      ) : (
        <BlockPage height={first} />
      )
    case 'transactions':
      return <TransactionPage id={first ?? ''} />
    case 'devices':
      return first === undefined ? <DevicesPage /> : <DevicePage id={first} />
    case 'members':
      return <MembersPage />
    case 'diagnosis':
      return <DiagnosisPage />
    default:
      return (
        <>
          <h1>Nothing here</h1>
          <p>
            <a href="#/">To the network</a>
          </p>
        </>
      )
  }
}

/** Loaded when it is wanted: it brings all of the cryptography. */
function Verify({ id }: { readonly id: string | undefined }): JSX.Element {
  const [loaded, setLoaded] = useState<{ readonly VerifyPage: typeof VerifyPage }>()
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    import('./verify/page.tsx').then(
      found => setLoaded(found),
      () => setFailed(true)
    )
  }, [])
  if (failed) return <Notice tone="bad">The verifier could not be loaded from this node.</Notice>
  if (loaded === undefined) return <p role="status">Loading the verifier…</p>
  return <loaded.VerifyPage key={id ?? ''} id={id} />
}

/** What one page throws does not take the others along. */
class Guard extends Component<{ readonly children: ComponentChildren }, { error?: unknown }> {
  static override getDerivedStateFromError(error: unknown): { error?: unknown } {
    return { error }
  }

  override render(): ComponentChildren {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <Notice tone="bad">
        This page failed: {error instanceof Error ? error.message : 'for an unknown reason'}
      </Notice>
    )
  }
}
