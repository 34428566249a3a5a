// The script of a page that runs the contract of outbox stores with the one in IndexedDB.
import { indexedDbOutbox } from '@vitalchain/device-sdk/indexeddb'
import { outboxContract } from '@vitalchain/device-sdk/testing'

declare global {
  var vitalchainOutbox: () => Promise<Readonly<Record<string, string>>>
}

/** Runs the tests; what each came to by its name, empty if it passed. */
globalThis.vitalchainOutbox = async () => {
  const tests: (readonly [string, () => Promise<void>])[] = []
  outboxContract((name, run) => tests.push([name, run]), { open: indexedDbOutbox, durable: true })
  const found: Record<string, string> = {}
  for (const [name, run] of tests) {
    found[name] = await run().then(
      () => '',
      (error: unknown) => String(error)
    )
  }
  return found
}
