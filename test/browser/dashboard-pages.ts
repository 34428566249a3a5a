import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import type { Test } from 'tap'
import type { Page } from 'playwright-core'

/** The sizes that a page is looked at in. */
const SCREENS = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 360, height: 740 }
} as const

/** Where screenshots go when somebody wants them for the guide; elsewhere they are only taken. */
const IMAGES =
  process.env['VITALCHAIN_SCREENSHOTS'] === undefined
    ? undefined
    : fileURLToPath(new URL('../../docs/guides/images/', import.meta.url))

/** Whether the guide's screenshots are taken by this run. */
export const takesScreenshots: boolean = IMAGES !== undefined

/** What a page said or asked for that it should not have. */
export interface Watch {
  /** Takes what there was since the last time. */
  take(): readonly string[]
  /** From here on answers with this status are what the test wants. */
  expectStatus(status: number): void
}

/** Listens to the console, to errors and to every request of a page. */
export function watchPage(page: Page, origin: string): Watch {
  let found: string[] = []
  const expected = new Set<number>()
  page.on('console', message => {
    const isExpected = [...expected].some(status => message.text().includes(`status of ${status}`))
    if (!isExpected) found.push(`console ${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', error => found.push(`error: ${error.message}`))
  page.on('request', request => {
    if (!request.url().startsWith(`${origin}/`)) found.push(`request to ${request.url()}`)
  })
  return {
    take() {
      const taken = found
      found = []
      return taken
    },
    expectStatus: status => void expected.add(status)
  }
}

/**
 * Looks at a page as it stands, on a desktop in light and on a phone in dark: nothing sticks out, axe finds nothing
 * serious, and a screenshot of each is taken.
 */
export async function lookAt(t: Test, page: Page, name: string): Promise<void> {
  const folder = IMAGES ?? t.testdir({})
  if (IMAGES !== undefined) await mkdir(IMAGES, { recursive: true })
  for (const [screen, size] of Object.entries(SCREENS)) {
    await page.setViewportSize(size)
    await page.emulateMedia({ colorScheme: screen === 'phone' ? 'dark' : 'light' })
    const width: unknown = await page.evaluate('document.documentElement.scrollWidth')
    t.ok(Number(width) <= size.width, `${name} on a ${screen}: ${String(width)} px wide`)
    const serious = await judgeAccess(page)
    t.strictSame(serious, [], `${name} on a ${screen}: axe`)
    await page.screenshot({
      path: `${folder}/dashboard-${name}-${screen}.png`,
      fullPage: true,
      animations: 'disabled'
    })
  }
  await page.setViewportSize(SCREENS.desktop)
}

/** What axe finds serious or worse: the rule with the first elements. */
async function judgeAccess(page: Page): Promise<readonly string[]> {
  // The page's policy lets no script in; what the browser itself evaluates is no part of the page.
  const { violations, passes } = await page.evaluate<AxeAnswer>(`(async () => {
    if (globalThis.axe === undefined) { const module = undefined; ${axe.source} }
    return globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] })
  })()`)
  if (passes.length < 10) throw new Error('axe did not look at the page')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}

interface AxeAnswer {
  readonly passes: readonly unknown[]
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly nodes: readonly { readonly html: string }[]
  }[]
}
