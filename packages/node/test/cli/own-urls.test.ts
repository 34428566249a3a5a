import t from 'tap'
import { adminUrl, ownUrl } from '../../src/cli/own-node.ts'

t.test('commands reach a node that listens on an address of IPv6', async t => {
  const settings = { http: { host: '::1', port: 7_700 }, admin: { host: '::1', port: 7_800 } }
  const dataDir = t.testdir({ 'node.json': JSON.stringify(settings) })
  t.match(await ownUrl({ dataDir }), { url: 'http://[::1]:7700' })
  t.match(await adminUrl({ dataDir }), { url: 'http://[::1]:7800' })
})
