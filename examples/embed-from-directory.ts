// A service that runs the node of its hospital: node embed-from-directory.ts DATA-DIR CURSOR-FILE
// The directory is one that `vitalchain init` or `join` made. No other process may run with it.
import { readFile, writeFile } from 'node:fs/promises'
import { createSigner, generateSecretKey, toHex } from '@vitalchain/core'
import { createLedgerNode, nodeOptionsOf, type CommittedEvent } from '@vitalchain/node'

const [dataDir = '.', cursorFile = 'cursor'] = process.argv.slice(2)

// Genesis, keys and settings, as `vitalchain start` takes them. The passphrase of the keys is in the file that
// VITALCHAIN_PASSPHRASE_FILE names.
const node = createLedgerNode({
  ...(await nodeOptionsOf(dataDir)),
  log: (event, values) => process.stderr.write(`${JSON.stringify({ event, ...values })}\n`)
})

const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
await node.start()
// A node stops itself when it cannot go on safely, on a full disk for example.
const watch = async (): Promise<void> => {
  const reason = await node.failed
  process.exitCode = 1
  stop.abort(reason)
}
void watch()

// What only the operator of this hospital may do; it resolves with the receipt when a quorum has committed it.
const { publicKey } = createSigner('ed25519', generateSecretKey('ed25519'))
const register = async (): Promise<void> => {
  await node.registerDevice({ publicKey, model: 'bedside monitor', firmware: undefined })
}
void register().catch((error: unknown) => stop.abort(error))

// First the deed, then the cursor: after a crash the last event comes again, and none is missed.
const from = await readFile(cursorFile, 'utf8').catch(() => '0.0')
for await (const event of node.events({ from, signal: stop.signal })) {
  handle(event)
  await writeFile(cursorFile, event.cursor)
}

await node.drain(AbortSignal.timeout(5_000))
await node.stop()

/** What the service does with an event; twice with the same one it must do no harm. */
function handle({ cursor, transaction }: CommittedEvent): void {
  const id = toHex(transaction.id).slice(0, 8)
  process.stdout.write(`committed ${cursor} ${transaction.type} ${id}\n`)
}
