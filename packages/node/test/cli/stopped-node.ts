import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CONTENT_FORMAT_SAMPLES,
  CONTENT_FORMAT_SENML_CBOR,
  encodeReadings,
  encodeSamples,
  epochKey,
  sampleCount,
  sealPayload,
  sha256,
  utf8,
  type Reading,
  type SampledSignals
} from '@vitalchain/core'
import { writeDevKeys, type DeviceKeys } from '../../src/dev/keys-file.ts'
import { commitNext, ledgerWithDevice } from '../ledger/fixture.ts'

/** The directory of a node that ran and stopped, with what a test wants to know of it. */
export interface StoppedNode {
  readonly dataDir: string
  readonly genesisFile: string
  readonly keysFile: string
  readonly receiptFile: string
  readonly receipt: Uint8Array
  readonly genesis: Uint8Array
  readonly keys: DeviceKeys
}

/** Makes the data directory of a node whose ledger holds these batches of one device, sealed as a device seals them. */
export async function stoppedNode(
  dataDir: string,
  batches: readonly (readonly Reading[] | SampledSignals)[],
  { payloads = batches.length }: { readonly payloads?: number } = {}
): Promise<StoppedNode> {
  const { network, ledger, device } = await ledgerWithDevice(join(dataDir, 'ledger'))
  const keys = {
    name: 'monitor-1',
    device: device.id,
    stream: sha256(utf8('stream')).subarray(0, 16),
    generation: 3,
    secret: sha256(utf8('secret')),
    columns: []
  }
  const epoch = 5
  let previous: Uint8Array = new Uint8Array(32)
  for (const [seq, batch] of batches.entries()) {
    const { clear, count, contentFormat } = contentOf(batch)
    const place = {
      network: network.id,
      device: device.id,
      lane: 0,
      boot: 0,
      seq,
      previous
    } as const
    const salt = new Uint8Array(16).fill(seq)
    const sealed = sealPayload(clear, place, epochKey(keys.secret, epoch), salt)
    const { payload, payloadDigest, commitment } = sealed
    const { candidate } = await device.read({
      count,
      contentFormat,
      stream: keys.stream,
      generation: keys.generation,
      epoch,
      payloadSize: payload.length,
      payloadDigest,
      commitment
    })
    previous = candidate.transaction.id
    if (seq < payloads) await ledger.putPayload(payloadDigest, payload, { retention: 0 })
    await commitNext(network, ledger, [candidate])
  }
  const receipt = ledger.receipt(ledger.head.history.size - 1)
  await ledger.close()

  const [genesisFile, keysFile, receiptFile] = ['genesis.cbor', 'streams.json', 'a.receipt'].map(
    name => join(dataDir, name)
  ) as [string, string, string]
  await writeFile(genesisFile, network.genesis)
  await writeFile(receiptFile, receipt)
  await writeDevKeys(keysFile, { startTime: undefined, devices: [keys] })
  return { dataDir, genesisFile, keysFile, receiptFile, receipt, genesis: network.genesis, keys }
}

function contentOf(batch: readonly Reading[] | SampledSignals): {
  readonly clear: Uint8Array
  readonly count: number
  readonly contentFormat: number
} {
  if ('signals' in batch)
    return {
      clear: encodeSamples(batch)!,
      count: sampleCount(batch),
      contentFormat: CONTENT_FORMAT_SAMPLES
    }
  return {
    clear: encodeReadings(batch),
    count: batch.length,
    contentFormat: CONTENT_FORMAT_SENML_CBOR
  }
}

/** Readings of a heart rate, one a minute. */
export function heartRates(...values: readonly number[]): readonly Reading[] {
  return values.map((value, minute) => ({
    name: '8867-4',
    unit: '/min',
    time: Date.UTC(2026, 0, 1, 0, minute),
    value,
    ...(value === 0 ? { flag: 'sensor-off' as const } : {})
  }))
}
