// What proofs cost at the sizes that a ledger reaches in an hour, in weeks and in years.
import { join } from 'node:path'
import { leafHash, tileNodeReader, useCryptoBackend, utf8 } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { openStore } from '../../packages/node/src/store/store.ts'
import { bundleSize } from './bundle-size.ts'
import { growingHistory, type GrowingHistory, type GrowthPoint } from './history-growth.ts'
import { measureProofs } from './proof-costs.ts'
import { receiptForms } from './receipt-forms.ts'
import { sampleLedger, type SampleLedger } from './sample-ledger.ts'
import {
  cryptoLimits,
  verificationTimes,
  type BackendName,
  type CryptoLimits
} from './verification.ts'

/** Sizes up to which the growth is measured. */
const POINTS = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7]

/** Sizes at which proofs and receipts are measured. */
const PROVEN_AT: ReadonlySet<number> = new Set([1e3, 1e5, 1e7])

/** Where the statement stands whose receipts are measured. */
const INDEX = 500

/** Leaves appended to a tree that is thrown away, so that the first point is not that of code that runs first. */
const WARM_UP = 30_000

/**
 * Measures in a directory on the disk in question, which it may fill with half a gigabyte.
 *
 * @param progress - told each point as it is measured
 */
export async function benchProofs(
  directory: string,
  progress: (point: object) => void = () => undefined
): Promise<object> {
  const limits = { pure: await cryptoLimits('pure'), node: await cryptoLimits('node') }
  useCryptoBackend(nodeCryptoBackend)
  await withHistory(join(directory, 'warm-up'), new Map(), history => history.growTo(WARM_UP))

  const sample = await sampleLedger()
  const growth: GrowthPoint[] = []
  const at: Record<string, object> = {}
  const given = new Map([[INDEX, leafHash(sample.transaction)]])
  await withHistory(join(directory, 'history'), given, async history => {
    for (const leaves of POINTS) {
      useCryptoBackend(nodeCryptoBackend)
      const point = await history.growTo(leaves)
      growth.push(point)
      progress(point)
      if (!PROVEN_AT.has(leaves)) continue
      const proofs = measureProofs(leaves, history.readTile)
      at[leaves] = { ...proofs, ...(await measureReceipts(sample, history, limits)) }
      progress({ leaves, ...at[leaves] })
    }
  })
  return { limits, historyTree: growth, at, verifierBytes: await bundleSize() }
}

async function withHistory<T>(
  location: string,
  given: ReadonlyMap<number, Uint8Array>,
  use: (history: GrowingHistory) => Promise<T>
): Promise<T> {
  const store = await openStore(location)
  try {
    return await use(growingHistory(store, given))
  } finally {
    await store.close()
  }
}

/** Sizes and times of the forms of the receipt of one statement, against a header over the whole history. */
async function measureReceipts(
  sample: SampleLedger,
  history: GrowingHistory,
  limits: Readonly<Record<BackendName, CryptoLimits>>
): Promise<object> {
  const forms = await receiptForms(sample, INDEX, history.head, tileNodeReader(history.readTile))
  return {
    receiptBytes: {
      cbor: forms.cbor.length,
      cborForPin: forms.cborForPin.length,
      json: utf8(forms.json).length,
      tlogProof: utf8(forms.tlogProof).length,
      cose: forms.cose.length,
      transaction: sample.transaction.length
    },
    verificationMs: {
      pure: await verificationTimes(sample, forms, 'pure', limits.pure),
      node: await verificationTimes(sample, forms, 'node', limits.node)
    }
  }
}
