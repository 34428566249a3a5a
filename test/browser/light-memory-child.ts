// Follows a ledger over HTTP until a height, then for some polls more, and prints how much memory the process has, in bytes.
import { fromHex } from '@vitalchain/core'
import { httpFetch } from '@vitalchain/device-sdk/http-fetch'
import { createLightClient } from '@vitalchain/device-sdk/light'

const [genesis = '', height = '', ...urls] = process.argv.slice(2)
const POLLS = 20
let asked = 0
const client = createLightClient({
  genesis: fromHex(genesis),
  peers: urls.map(url => ({ url })),
  pollMs: 100,
  fetch: (url, init) => {
    asked++
    return httpFetch(url, init)
  }
})
client.start()
for await (const { header } of client.heads()) if (header.height >= Number(height)) break
while (asked < POLLS * urls.length) await new Promise(resolve => setImmediate(resolve))
process.stdout.write(String(process.memoryUsage.rss()))
await client.stop()
