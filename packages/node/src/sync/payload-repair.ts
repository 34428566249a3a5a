import { errorCode, sha256, toHex, type ErrorValues } from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import { createLoop, type Loop } from '../loop.ts'
import type { Network } from '../network/index.ts'
import { bundles, hashesFormat, unitsFormat } from '../pool/unit.ts'

/** Payloads asked for at once: 4 MiB at most. */
const PAYLOADS_AT_ONCE = 64

/** Pause after nobody had a payload that is missing, ms. */
const REPAIR_PAUSE_MS = 1_000

/** How long a member may take to answer, ms. */
const REPAIR_TIMEOUT_MS = 5_000

const PAYLOADS = 'payloads'

/**
 * Fetches payloads that committed statements name and this node lacks, after catch-up or when a stored one was damaged, and answers
 * others' requests. Every payload is checked against its digest on both sides.
 */
export function createPayloadRepair({
  ledger,
  network,
  log
}: {
  readonly ledger: Ledger
  readonly network: Network
  readonly log: (event: string, values: ErrorValues) => void
}): Loop {
  network.handleRequest(
    PAYLOADS,
    { access: 'members', maxRequestBytes: hashesFormat.bytesMax, timeoutMs: REPAIR_TIMEOUT_MS },
    async request => {
      const digests = hashesFormat.decode(request).slice(0, PAYLOADS_AT_ONCE)
      // A bundle of units without transactions would not be one: the digest stands where the transaction does.
      return answerBundles(
        digests.flatMap(digest => {
          const payload = ledger.getPayload(digest)
          return payload === undefined ? [] : [{ transaction: digest, payload }]
        })
      )
    }
  )

  network.onLinkUp(() => loop.wake())

  /** @returns whether anything came */
  async function fetchSome(signal: AbortSignal): Promise<boolean> {
    const wanted = ledger.wantedPayloads(PAYLOADS_AT_ONCE)
    if (wanted.length === 0) return false
    for (const member of network.linkedMembers()) {
      try {
        let came = false
        const open = new Map(wanted.map(each => [toHex(each.digest), each]))
        const answer = network.request(
          member,
          PAYLOADS,
          hashesFormat.encode(wanted.map(each => each.digest)),
          {
            maxResponseBytes: 8 * 1024 * 1024,
            timeoutMs: REPAIR_TIMEOUT_MS,
            signal
          }
        )
        for await (const part of answer) {
          let isNew = false
          for (const { payload } of unitsFormat.decode(part)) {
            const name = payload === undefined ? '' : toHex(sha256(payload))
            const asked = open.get(name)
            if (payload === undefined || asked === undefined) continue
            open.delete(name)
            await ledger.putPayload(asked.digest, payload, { retention: asked.retention })
            isNew = true
          }
          // A member that sends what nobody asked for could go on for ever.
          if (!isNew) break
          came = true
        }
        if (came) return true
      } catch (error) {
        log('payload repair from a member failed', {
          code: errorCode(error),
          first: toHex(wanted[0]?.digest ?? new Uint8Array(0))
        })
      }
    }
    return false
  }

  const loop = createLoop(async signal => {
    try {
      return (await fetchSome(signal)) ? 0 : REPAIR_PAUSE_MS
    } catch (error) {
      // The disk failed. Consensus writes to it too and decides whether this node goes on.
      log('payload repair failed', { code: errorCode(error) })
      return REPAIR_PAUSE_MS
    }
  })
  return loop
}

async function* answerBundles(units: Parameters<typeof bundles>[0]): AsyncGenerator<Uint8Array> {
  for (const bundle of bundles(units)) yield unitsFormat.encode(bundle)
}
