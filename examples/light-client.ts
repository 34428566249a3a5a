// Follow the ledger without a node of your own, and without believing any: headers and certificates only.
//   node --conditions=@vitalchain/source examples/light-client.ts GENESIS STATE HEIGHT URL...
// GENESIS is the genesis document, STATE a file in which the client keeps where it was, HEIGHT the block to wait for, and
// each URL the HTTP API of a hospital's node. The exit code is 1 at a fork, whose proof is then in STATE.fork.
import { readFile, writeFile } from 'node:fs/promises'
import { errorCode, toHex } from '@vitalchain/core'
import { httpFetch } from '@vitalchain/device-sdk/http-fetch'
import { createLightClient, verifyForkReport } from '@vitalchain/device-sdk/light'

const [genesisFile, stateFile, until, ...urls] = process.argv.slice(2)
if (genesisFile === undefined || stateFile === undefined || urls.length === 0) {
  process.stderr.write('usage: light-client GENESIS STATE HEIGHT URL...\n')
  process.exit(2)
}

const genesis = await readFile(genesisFile)
const client = createLightClient({
  genesis,
  peers: urls.map(url => ({ url })),
  fetch: httpFetch,
  resume: await readFile(stateFile).catch(() => undefined),
  log: (event, values) => process.stderr.write(`${JSON.stringify({ event, ...values })}\n`)
})
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

try {
  client.start({ signal: stop.signal })
  for await (const { header, certifiedBy, validators, handOvers } of client.heads()) {
    process.stdout.write(
      `height ${header.height}, ${header.history.size} transactions, certified by ${certifiedBy.length} of ${validators} hospitals, ${handOvers} hand-overs\n`
    )
    if (header.height >= Number(until)) break
  }
} catch (error) {
  if (errorCode(error) !== 'ERR_FORK' || client.fork === undefined) throw error
  const { height, signedBoth } = verifyForkReport(client.fork, { genesis })
  process.stdout.write(
    `FORK: two blocks are certified at height ${height}; both by ${signedBoth.map(toHex).join(', ')}\n`
  )
  await writeFile(`${stateFile}.fork`, client.fork)
  process.exitCode = 1
} finally {
  await client.stop()
  const state = client.save()
  if (state !== undefined) await writeFile(stateFile, state)
}
