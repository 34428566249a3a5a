import { toHex, VitalchainError, type Place } from '@vitalchain/core'
import { requestBytes } from '../dev/node-api.ts'
import type { CompletenessRequest } from '../ledger/completeness.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { readTextFile } from './json-file.ts'
import { operatorToken } from './node-dir.ts'
import { ownUrl } from './own-node.ts'
import { openStoppedLedger } from './stopped-node.ts'
import { readPin } from './verify-trust.ts'

/** How a node is reached. */
export interface SourceFlags {
  /** Its directory: of a stopped node the ledger is read, a running one is asked. */
  readonly dataDir?: string
  readonly url?: string
  /** A file with a bearer token. */
  readonly tokenFile?: string
}

/** The forms of a receipt. */
export type ReceiptForm = 'cbor' | 'json' | 'tlog-proof' | 'cose'

/** What is asked of a receipt. */
export interface ReceiptRequest {
  readonly pin: number | undefined
  readonly renew: boolean
  readonly member?: Uint8Array | undefined
}

/** A node that gives proofs. */
export interface ProofSource {
  /** The receipt of a transaction: its JSON is made of the canonical one. */
  receipt(
    id: Uint8Array,
    form: Exclude<ReceiptForm, 'json'>,
    request: ReceiptRequest
  ): Promise<Uint8Array>
  stateProof(key: Uint8Array, pin: number | undefined): Promise<Uint8Array>
  completeness(request: CompletenessRequest): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens the ledger of a stopped node, or reaches a running one.
 *
 * @throws VitalchainError `ERR_USAGE` for neither, `ERR_FILE`
 */
export async function openProofSource({
  dataDir,
  url,
  tokenFile
}: SourceFlags): Promise<ProofSource> {
  if (url !== undefined) {
    if (tokenFile !== undefined) return askNode(url, (await readTextFile(tokenFile)).trim())
    if (dataDir !== undefined) return askNode(url, await operatorToken(dataDir))
    throw new VitalchainError('ERR_USAGE', '--url needs --token-file or --data-dir')
  }
  if (dataDir === undefined)
    throw new VitalchainError('ERR_USAGE', 'say which node: --data-dir or --url')
  try {
    return readLedger(await openStoppedLedger(dataDir))
  } catch (error) {
    if (!(error instanceof VitalchainError && error.code === 'ERR_DATA_DIR_IN_USE')) throw error
  }
  const own = await ownUrl({ dataDir })
  return askNode(own.url, own.token)
}

/** The size of the checkpoint that a flag names: a number, or a file as `readPin` takes it. */
export async function readPinSize(flag: string | undefined): Promise<number | undefined> {
  if (flag === undefined) return undefined
  return /^\d{1,15}$/.test(flag) ? Number(flag) : (await readPin(flag)).size
}

function readLedger(ledger: Ledger): ProofSource {
  return {
    async receipt(id, form, { pin, renew }) {
      if (form !== 'cbor')
        throw new VitalchainError('ERR_USAGE', `the form ${form} needs a running node`)
      const leaf = ledger.findTransaction(id)
      if (leaf === undefined)
        throw new VitalchainError(
          'ERR_NOT_COMMITTED',
          'nothing with this identity is on the ledger'
        )
      return ledger.receipt(leaf, { pin, renew })
    },
    stateProof: async (key, pin) => ledger.stateProof(key, pin),
    completeness: request => ledger.completeness(request),
    close: () => ledger.close()
  }
}

function askNode(url: string, token: string): ProofSource {
  const ask = (
    path: string,
    query: Readonly<Record<string, string | number | undefined>>
  ): Promise<Uint8Array> => {
    const given = Object.entries(query).filter(([, value]) => value !== undefined)
    const text = new URLSearchParams(
      Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
    )
    return requestBytes(url, token, `${path}?${text.toString()}`)
  }
  return {
    receipt: (id, form, { pin, renew, member }) =>
      ask(`/v1/receipts/${toHex(id)}`, {
        form,
        pin,
        renew: renew ? 1 : undefined,
        member: member && toHex(member)
      }),
    stateProof: (key, pin) => ask(`/v1/state-proofs/${toHex(key)}`, { pin }),
    completeness: ({ device, lane, from, to, pin }) =>
      ask(`/v1/devices/${toHex(device)}/lanes/${lane}/completeness`, {
        from: placeText(from),
        to: placeText(to),
        pin
      }),
    close: async () => undefined
  }
}

function placeText(place: Place | undefined): string | undefined {
  return place && `${place.boot}.${place.seq}`
}
