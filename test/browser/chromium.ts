import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'
import { chromium, type Page } from 'playwright-core'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** Why there is no browser here, or undefined. */
export const noBrowser: string | undefined = existsSync(executablePath)
  ? undefined
  : `no Chromium at ${executablePath}; set CHROMIUM_PATH`

/** An empty page of a browser without a network. */
export interface OpenPage {
  readonly page: Page
  close(): Promise<void>
}

/** Starts Chromium. Whoever calls it closes it. */
export async function openPage(): Promise<OpenPage> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run'
    ]
  })
  const page = await browser.newPage()
  await page.context().setOffline(true)
  return { page, close: async () => browser.close() }
}

/** Bundles for a browser, minified. Fails when anything in it imports from Node: a browser has no such modules. */
export async function bundle(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    target: 'es2023',
    conditions: ['@vitalchain/source'],
    logLevel: 'silent'
  })
  return outputFiles.map(file => file.text).join('')
}
