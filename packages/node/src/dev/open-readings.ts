import {
  CONTENT_FORMAT_SENML_CBOR,
  decodeReadings,
  epochKey,
  errorCode,
  openPayload,
  toHex,
  type ReadingStatement
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { DeviceKeys } from './keys-file.ts'
import type { DeviceReading } from './readings-csv.ts'

/** What could not be given back, and why: statements by code. */
interface Unopened {
  /** `ERR_PAYLOAD_MISSING`, `ERR_KEY_MISSING`, `ERR_PAYLOAD_FORMAT`, or the code of what refused the payload. */
  readonly code: string
  readonly statements: number
}

/** What was not among the readings, known when all of them are read. */
export interface OpenReport {
  readonly unopened: readonly Unopened[]
  /** Readings that devices say they had to drop. */
  readonly dropped: number
}

/**
 * Decrypts the readings of every statement on one ledger, in the ledger's order.
 *
 * @returns what could not be opened: never skipped unseen
 */
export function* openReadings(
  ledger: Ledger,
  keys: readonly DeviceKeys[]
): Generator<DeviceReading, OpenReport> {
  const open = createOpener(keys)
  const faults = new Map<string, number>()
  let dropped = 0
  for (let leaf = 0; leaf < ledger.head.history.size; leaf++) {
    const transaction = ledger.decodedTransaction(leaf)
    if (transaction?.type !== 'statement') continue
    const { statement } = transaction
    if (statement.type === 'gap') {
      dropped += statement.count
      continue
    }
    const opened = open(statement, ledger.getPayload(statement.payloadDigest))
    if (typeof opened === 'string') faults.set(opened, (faults.get(opened) ?? 0) + 1)
    else yield* opened
  }
  const unopened = [...faults].map(([code, statements]) => ({ code, statements }))
  return { unopened, dropped }
}

/** @returns the readings, or the code of why there are none */
type Opener = (
  statement: ReadingStatement,
  payload: Uint8Array | undefined
) => readonly DeviceReading[] | string

function createOpener(keys: readonly DeviceKeys[]): Opener {
  const byStream = new Map(
    keys.map(each => [streamName(each.device, each.stream, each.generation), each])
  )
  // Deriving one takes 32 steps, and a stream has few epochs.
  const epochKeys = new Map<string, Uint8Array>()

  return (statement, payload) => {
    const stream = streamName(statement.device, statement.stream, statement.generation)
    const device = byStream.get(stream)
    if (device === undefined) return 'ERR_KEY_MISSING'
    if (payload === undefined) return 'ERR_PAYLOAD_MISSING'
    if (statement.contentFormat !== CONTENT_FORMAT_SENML_CBOR) return 'ERR_PAYLOAD_FORMAT'
    const leaf = `${stream}/${statement.epoch}`
    const key = epochKeys.get(leaf) ?? epochKey(device.secret, statement.epoch)
    epochKeys.set(leaf, key)
    try {
      const readings = decodeReadings(openPayload(statement, payload, key))
      return readings.map(reading => ({ device: device.name, reading }))
    } catch (error) {
      return errorCode(error)
    }
  }
}

function streamName(device: Uint8Array, stream: Uint8Array, generation: number): string {
  return `${toHex(device)}/${toHex(stream)}/${generation}`
}
