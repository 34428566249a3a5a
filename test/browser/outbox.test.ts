import t from 'tap'
import { bundle, noBrowser, openPage } from './chromium.ts'

/** A page of a secure origin: IndexedDB and Web Locks are for those. Nothing is fetched from there. */
const ORIGIN = 'https://device.test/'

t.test(
  'the outbox in IndexedDB keeps the contract in Chromium',
  { skip: noBrowser ?? false },
  async t => {
    const script = await bundle({ entryPoints: ['outbox-page.ts'], format: 'iife' })
    const opened = await openPage()
    t.teardown(() => opened.close())
    const { page } = opened
    await page.route(`${ORIGIN}**`, route =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>outbox</title>' })
    )
    await page.goto(ORIGIN)
    await page.addScriptTag({ content: script })
    const found = await page.evaluate(() => globalThis.vitalchainOutbox())
    t.ok(Object.keys(found).length >= 13)
    for (const [name, fault] of Object.entries(found)) t.equal(fault, '', name)

    // A page that is gone leaves its data and not its locks.
    await page.reload()
    await page.addScriptTag({ content: script })
    const again = Object.values(await page.evaluate(() => globalThis.vitalchainOutbox()))
    t.notOk(again.some(fault => fault.includes('open elsewhere')))
    t.ok(
      again.some(fault => fault !== ''),
      'what was kept is there'
    )
  }
)
