import t, { type Test } from 'tap'
import type { Page } from 'playwright-core'
import {
  createSigner,
  ed25519PublicKey,
  generateSecretKey,
  sha256,
  toHex,
  utf8,
  type GenesisMember
} from '@vitalchain/core'
import { proposeArgs } from '@vitalchain/contracts'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createFigures, createHttpApi, createTestNetwork, type TestNetwork } from '@vitalchain/node'
import { noBrowser, openPage } from './chromium.ts'
import { lookAt, takesScreenshots, watchPage, type Watch } from './dashboard-pages.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

const DAY_MS = 86_400_000

/** What is to be seen is seen by then, ms; on a busy machine too. */
const PAGE_MS_MAX = 10_000

/** Readings in a batch. */
const READINGS = 8

/** Seconds of readings before the screenshots of the guide: charts with something in them. */
const LIVELY_S = 40

/** A network with something to look at on every page. */
interface Scene {
  readonly network: TestNetwork
  readonly origin: string
  readonly device: string
  /** Transactions of the device, and the receipt of each. */
  readonly recorded: readonly { readonly id: string; readonly receipt: Uint8Array }[]
}

async function startScene(t: Test): Promise<Scene> {
  const figures = createFigures()
  const quiet = createFigures()
  const network = await createTestNetwork({
    meters: node => (node === 0 ? figures.meters : quiet.meters)
  })
  t.teardown(() => network.stop())
  const node = network.nodes[0]!
  const api = createHttpApi({ node, token: TOKEN, figures })
  t.teardown(() => api.close())
  const origin = await api.listen({ port: 0 })

  const signer = createSigner('ed25519', sha256(utf8('dashboard test device')))
  await node.registerDevice({
    publicKey: signer.publicKey,
    model: 'Monitor X3',
    firmware: undefined
  })
  const device = createDevice({
    signer,
    genesis: network.genesis,
    stream: { id: new Uint8Array(16), generation: 0, secret: new Uint8Array(32) },
    transport: libp2pTransport({ network: node.network, addresses: node.addresses() }),
    boot: 1,
    batch: { readings: READINGS }
  })
  await device.start()
  t.teardown(() => device.stop())
  const record = async (time: number): Promise<string> => {
    const [submission] = await device.record(
      Array.from({ length: READINGS }, (_, k) => ({
        name: '8867-4',
        unit: '/min',
        time: time + 10 * k,
        value: 72
      }))
    )
    const { proven } = await submission!.proved
    return toHex(proven.transaction.id)
  }
  const now = Date.now()
  // The third one jumps back by a month: somebody set its clock.
  const ids = [
    await record(now - 2_000),
    await record(now - 1_000),
    await record(now - 30 * DAY_MS)
  ]
  const lively = now + (takesScreenshots ? 1_000 * LIVELY_S : 0)
  for (let k = 0; Date.now() < lively; k++) await record(now - 30 * DAY_MS + 250 * (k + 1))
  await node.call(
    'members.propose',
    proposeArgs({ change: { type: 'add', member: newcomer() }, forced: false })
  )
  const recorded = ids.map(id => ({ id, receipt: node.receipt(Buffer.from(id, 'hex')) }))
  return { network, origin, device: toHex(device.id), recorded }
}

function key(): Uint8Array {
  return ed25519PublicKey(generateSecretKey('ed25519'))
}

function newcomer(): GenesisMember {
  return {
    name: 'Rigshospitalet',
    operatorKey: { algorithm: 'ed25519', bytes: key() },
    consensusKey: key(),
    checkpointKey: key(),
    transportKey: key()
  }
}

/** A page of a browser that reaches the node and nothing else. */
async function openDashboard(
  t: Test,
  origin: string
): Promise<{ readonly page: Page; readonly watch: Watch }> {
  const opened = await openPage()
  t.teardown(() => opened.close())
  const { page } = opened
  await page.context().setOffline(false)
  page.setDefaultTimeout(PAGE_MS_MAX)
  const watch = watchPage(page, origin)
  return { page, watch }
}

async function signIn(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.getByLabel(/The node's token/).fill(TOKEN)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { level: 1, name: 'Network' }).waitFor()
}

t.test('the dashboard in Chromium', { skip: noBrowser ?? false }, async t => {
  const { network, origin, device, recorded } = await startScene(t)
  const node = network.nodes[0]!
  const [first, , jumped] = recorded
  const { page, watch } = await openDashboard(t, origin)
  /** Goes to a route, waits for a heading of its first level, and looks at it. */
  const visit = async (route: string, heading: string | RegExp): Promise<void> => {
    await page.goto(`${origin}/dashboard/#/${route}`)
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  }

  await t.test(
    'lets nobody in without the token, and keeps the token out of the address',
    async t => {
      watch.expectStatus(401)
      const answer = await page.goto(`${origin}/`)
      t.match(
        answer?.headers()['content-security-policy'],
        /default-src 'none'.*frame-ancestors 'none'/
      )
      t.equal(answer?.headers()['x-content-type-options'], 'nosniff')
      t.notMatch(answer?.headers()['content-security-policy'], /unsafe|http/)
      await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
      await page.getByLabel(/The node's token/).fill('operator-token-for-tests-000000000000000')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').getByText('does not know this token').waitFor()
      await lookAt(t, page, 'sign-in')
      await signIn(page, origin)
      t.equal(page.url(), `${origin}/dashboard/`)
      t.strictSame(await page.context().cookies(), [])
      t.strictSame(watch.take(), [])
    }
  )

  await t.test('shows every hospital, on the map and in a table', async t => {
    const rows = page
      .getByRole('region', { name: 'Hospitals as this node sees them' })
      .getByRole('row')
    await rows.getByText('reached').nth(2).waitFor()
    t.equal(await rows.count(), 1 + 4)
    t.match(await rows.nth(1).innerText(), /Hospital 1.*this node/s)
    await page
      .getByRole('img', { name: /^Map of 4 hospitals; this node has a link with 3/ })
      .waitFor()
    await page
      .getByRole('img', { name: /^Readings and transactions committed/ })
      .locator('canvas')
      .waitFor()
    await page.getByText('healthy').waitFor()
    await lookAt(t, page, 'network')
    t.strictSame(watch.take(), [])
  })

  await t.test('shows what is committed as it comes', async t => {
    await page.locator('.badge', { hasText: 'live' }).waitFor()
    await node.call(
      'members.propose',
      proposeArgs({
        change: { type: 'add', member: { ...newcomer(), name: 'Oslo' } },
        forced: false
      })
    )
    await page.getByRole('cell', { name: 'call members.propose' }).waitFor()
    t.strictSame(watch.take(), [])
  })

  await t.test('pages through the blocks, to a block and to a transaction', async t => {
    await visit('blocks', 'Blocks')
    await page.getByRole('link', { name: String(node.ledger.head.height), exact: true }).waitFor()
    await lookAt(t, page, 'blocks')
    await page.getByLabel(/Height of a block/).fill('1')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByRole('heading', { level: 1, name: 'Block 1' }).waitFor()
    await page.getByText('call devices.register').waitFor()
    await lookAt(t, page, 'block')
    await visit(`transactions/${first!.id}`, 'Transaction')
    await page.getByText("Measured, by the device's clock").waitFor()
    await lookAt(t, page, 'transaction')
    t.strictSame(watch.take(), [])
  })

  await t.test('shows the devices, and that the dates of one jumped', async t => {
    await visit('devices', 'Devices')
    await page.getByRole('row', { name: /Monitor X3.*1 date jump/ }).waitFor()
    await lookAt(t, page, 'devices')
    await visit(`devices/${device}`, 'Device')
    await page
      .getByRole('row', { name: /date jump of -30 d/ })
      .getByRole('link')
      .first()
      .click()
    await page.getByRole('heading', { level: 1, name: 'Transaction' }).waitFor()
    t.equal(page.url(), `${origin}/dashboard/#/transactions/${jumped!.id}`)
    await visit(`devices/${device}`, 'Device')
    await page.getByText(/date jump of -30 d/).waitFor()
    await lookAt(t, page, 'device')
    t.strictSame(watch.take(), [])
  })

  await t.test('shows the members, and what an open vote would do', async t => {
    await visit('members', 'Members')
    await page.getByRole('heading', { name: /Rigshospitalet to join/ }).waitFor()
    await page.getByText('1 of 3 approvals').first().waitFor()
    await page
      .getByText(/It would make 5 hospitals of 4: 4 votes would decide instead of 3/)
      .first()
      .waitFor()
    await page.getByText('Version 1 is in force').waitFor()
    await lookAt(t, page, 'members')
    t.strictSame(watch.take(), [])
  })

  await t.test('shows the diagnosis in words', async t => {
    await visit('diagnosis', 'Diagnosis')
    await page.getByText(/3 of 4 validators must vote for a block; this node counts on 4/).waitFor()
    await lookAt(t, page, 'diagnosis')
    t.strictSame(watch.take(), [])
  })

  await t.test('verifies a receipt by itself, and says what it trusted', async t => {
    await visit(`verify/${first!.id}`, 'Verify a proof')
    await page.getByRole('heading', { level: 2, name: 'VALID', exact: false }).waitFor()
    await page.getByText('network as this node tells it').waitFor()
    await page.getByLabel('Your genesis document').setInputFiles({
      name: 'genesis.cbor',
      mimeType: 'application/cbor',
      buffer: Buffer.from(network.genesis)
    })
    await page.getByText('network of your genesis file').waitFor()
    await page.getByText(toHex(node.network), { exact: true }).waitFor()
    await page.getByText(/certified by/).waitFor()
    t.equal(await verdicts(page), 'VALID')
    await lookAt(t, page, 'verify')
    t.strictSame(watch.take(), [])
  })

  await t.test(
    'says INVALID to what is forged, although the node says it is committed',
    async t => {
      const other = await createTestNetwork({ validators: 1 })
      t.teardown(() => other.stop())
      const { publicKey } = createSigner('ed25519', sha256(utf8('forger')))
      const made = await other.nodes[0]!.registerDevice({
        publicKey,
        model: 'm',
        firmware: undefined
      })
      const changed = first!.receipt.with(first!.receipt.length - 100, 0x55)
      const cut = first!.receipt.subarray(0, -1)
      for (const [why, receipt, code] of [
        [
          'a byte of the transaction was changed',
          changed,
          /ERR_(INCLUSION|SIGNATURE|SCHEMA|NOT_CANONICAL)/
        ],
        ['the end is missing', cut, /ERR_(ENCODING|NOT_CANONICAL|SCHEMA)/],
        ['it is the receipt of another transaction', jumped!.receipt, /ERR_INCLUSION/],
        ['it is from a network that the forger made up', made, /ERR_OTHER_NETWORK/]
      ] as const) {
        await page.route('**/v1/receipts/*', route =>
          route.fulfill({ contentType: 'application/cbor', body: Buffer.from(receipt) })
        )
        await visit(`transactions/${first!.id}`, 'Transaction')
        await page.getByRole('link', { name: 'Verify the receipt' }).click()
        await page.getByRole('heading', { level: 2, name: 'INVALID' }).waitFor()
        t.equal(await verdicts(page), 'INVALID', why)
        t.match(await page.locator('.verdict').innerText(), code, why)
        if (receipt === jumped!.receipt) await lookAt(t, page, 'forged')
        await page.unroute('**/v1/receipts/*')
      }

      // A node that lies about everything has a network of its own: the page says whose word that is, and the reader's wins.
      await page.route('**/v1/genesis', route =>
        route.fulfill({ body: Buffer.from(other.genesis) })
      )
      await page.reload()
      await page.getByLabel('Choose files, or drop them here').setInputFiles({
        name: 'made-up.cbor',
        mimeType: 'application/cbor',
        buffer: Buffer.from(made)
      })
      await page.getByText(/In the network that this node tells of/).waitFor()
      await page.getByLabel('Or the network id').fill(toHex(node.network))
      await page.getByRole('button', { name: 'Trust', exact: true }).click()
      await page.getByText('network id that you gave').waitFor()
      t.equal(await verdicts(page), 'INVALID')
      await page.unroute('**/v1/genesis')
      t.strictSame(watch.take(), [])
    }
  )

  await t.test('verifies what is pasted, without a token', async t => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await visit('verify', 'Verify a proof')
    for (const text of [
      toHex(first!.receipt),
      Buffer.from(first!.receipt).toString('base64'),
      node.tlogProof(Buffer.from(first!.id, 'hex'))
    ]) {
      await page.reload()
      await page.getByLabel(/Or paste a proof/).fill(text)
      await page.getByRole('button', { name: 'Verify', exact: true }).click()
      await page.getByRole('heading', { level: 2, name: 'VALID', exact: false }).waitFor()
      t.equal(await verdicts(page), 'VALID', text.slice(0, 20))
    }
    t.strictSame(watch.take(), [])
  })

  await t.test('works by keyboard', async t => {
    await page.goto(`${origin}/dashboard/#/verify`)
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Verify a proof' }).waitFor()
    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Skip to the content')
    for (let k = 0; k < 8 && (await focused(page)) !== 'Blocks'; k++)
      await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    t.equal(await page.evaluate('document.activeElement?.id'), 'main', 'goes on at what is new')
    await page.keyboard.press('Tab')
    await page.keyboard.type(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Blocks' }).waitFor()
    t.strictSame(watch.take(), [])
  })
})

t.test('a node that was away is live again', { skip: noBrowser ?? false }, async t => {
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const node = network.nodes[0]!
  const register = async (name: string): Promise<void> => {
    const { publicKey } = createSigner('ed25519', sha256(utf8(name)))
    await node.registerDevice({ publicKey, model: name, firmware: undefined })
  }
  await register('before')
  const before = createHttpApi({ node, token: TOKEN })
  const origin = await before.listen({ port: 0 })
  const { page } = await openDashboard(t, origin)
  await signIn(page, origin)
  const rows = page.getByRole('cell', { name: 'call devices.register' })
  await rows.first().waitFor()
  await before.close()
  await page.getByText('no answer').waitFor()
  await page.locator('.badge', { hasText: 'connecting' }).waitFor()

  await register('meanwhile')
  const again = createHttpApi({ node, token: TOKEN })
  t.teardown(() => again.close())
  await again.listen({ port: Number(new URL(origin).port) })
  await page.locator('.badge', { hasText: 'live' }).waitFor()
  await rows.nth(1).waitFor()
  await register('after')
  await rows.nth(2).waitFor()
  t.equal(await rows.count(), 3, 'each once')
  await page.getByText('no answer').waitFor({ state: 'detached' })
})

t.test('an address with a code signs in once', { skip: noBrowser ?? false }, async t => {
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const api = createHttpApi({ node: network.nodes[0]!, token: TOKEN })
  t.teardown(() => api.close())
  const origin = await api.listen({ port: 0 })
  const answer = await fetch(`${origin}/v1/dashboard/codes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: '{"role":"monitor"}'
  })
  const { code } = (await answer.json()) as { code: string }
  const address = `${origin}/dashboard/#code=${code}`

  const { page, watch } = await openDashboard(t, origin)
  // A monitor may not read transactions and devices, and is told so.
  watch.expectStatus(403)
  await page.goto(address)
  await page.getByRole('heading', { level: 1, name: 'Network' }).waitFor()
  t.equal(page.url(), `${origin}/dashboard/`, 'the code is gone from the address')
  await page.getByRole('link', { name: 'Devices' }).click()
  await page
    .getByText(/Your token does not open this/)
    .first()
    .waitFor()
  t.strictSame(watch.take(), [])

  const second = await openDashboard(t, origin)
  second.watch.expectStatus(401)
  await second.page.goto(address)
  await second.page
    .getByRole('alert')
    .getByText(/unknown, used or over/)
    .waitFor()
  t.equal(second.page.url(), `${origin}/dashboard/`)
  t.strictSame(second.watch.take(), [])
})

/** The verdicts on the page. */
async function verdicts(page: Page): Promise<string> {
  const headings = await page.locator('.verdict h2').allInnerTexts()
  return headings.map(text => text.replace(/^\W+/, '')).join(' ')
}

/** The text of what has the focus. */
async function focused(page: Page): Promise<string> {
  return page.evaluate<string>('document.activeElement?.textContent ?? ""')
}

t.test('the pages are there without a browser too', async t => {
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const api = createHttpApi({ node: network.nodes[0]!, token: TOKEN })
  t.teardown(() => api.close())
  const { app } = api
  t.equal((await app.inject('/')).headers.location, '/dashboard/')
  const index = await app.inject('/dashboard/')
  t.equal(index.headers['cache-control'], 'no-store')
  const [, script] = /src="\.\/(main-[A-Z0-9]+\.js)"/.exec(index.body) ?? []
  const zipped = await app.inject({
    url: `/dashboard/${script ?? ''}`,
    headers: { 'accept-encoding': 'gzip' }
  })
  t.match(zipped.headers, {
    'content-encoding': 'gzip',
    'cache-control': /immutable/,
    'content-type': /^text\/javascript/
  })
  t.comment(`the main script: ${zipped.rawPayload.length} bytes gzipped`)
  t.equal((await app.inject('/dashboard/..%2Finputs.json')).statusCode, 404)
  t.equal((await app.inject('/dashboard/main.tsx')).statusCode, 404)
})
