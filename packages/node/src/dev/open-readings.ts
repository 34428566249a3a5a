import {
  CONTENT_FORMAT_SAMPLES,
  CONTENT_FORMAT_SENML_CBOR,
  createJumpFinder,
  decodeReadings,
  decodeSamples,
  errorCode,
  openPayload,
  samplesToReadings,
  toHex,
  type Reading,
  type ReadingStatement,
  type TimeJump
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { KeyFinder } from './key-finder.ts'
import type { DeviceReading } from './readings-csv.ts'

/** What could not be given back, and why: statements by code. */
interface Unopened {
  /** `ERR_PAYLOAD_MISSING`, `ERR_KEY_MISSING`, `ERR_PAYLOAD_FORMAT`, or the code of what refused the payload. */
  readonly code: string
  readonly statements: number
}

/** Jumps in time that a report names one by one: a page of them. */
const JUMPS_NAMED_MAX = 20

/** What was not among the readings or is strange about them, known when all of them are read. */
export interface OpenReport {
  readonly unopened: readonly Unopened[]
  /** Readings that devices say they had to drop. */
  readonly dropped: number
  /** How often a device's times jump. The readings are given as they were recorded all the same. spec P-5 */
  readonly jumps: number
  /** The first of them. */
  readonly firstJumps: readonly (TimeJump & { readonly device: string })[]
}

/**
 * Decrypts the readings of every statement on one ledger, in the ledger's order.
 *
 * @returns what could not be opened: never skipped unseen
 */
export function* openReadings(
  ledger: Ledger,
  keys: KeyFinder
): Generator<DeviceReading, OpenReport> {
  const open = createOpener(keys)
  const faults = new Map<string, number>()
  const jumps = createJumpReport()
  let dropped = 0
  for (let leaf = 0; leaf < ledger.head.history.size; leaf++) {
    const transaction = ledger.decodedTransaction(leaf)
    if (transaction?.type !== 'statement') continue
    const { statement } = transaction
    if (statement.type === 'gap') {
      dropped += statement.count
      continue
    }
    if (statement.type !== 'readings') continue
    const opened = open(statement, ledger.getPayload(statement.payloadDigest))
    if (typeof opened === 'string') faults.set(opened, (faults.get(opened) ?? 0) + 1)
    else {
      jumps.look(`${toHex(statement.device)}/${statement.lane}`, opened)
      yield* opened
    }
  }
  const unopened = [...faults].map(([code, statements]) => ({ code, statements }))
  return { unopened, dropped, ...jumps.found() }
}

function createJumpReport(): {
  look(lane: string, readings: readonly DeviceReading[]): void
  found(): Pick<OpenReport, 'jumps' | 'firstJumps'>
} {
  // By lane: urgent readings overtake the others on their way to the ledger.
  const finders = new Map<string, ReturnType<typeof createJumpFinder>>()
  const firstJumps: (TimeJump & { readonly device: string })[] = []
  let jumps = 0
  return {
    look(lane, readings) {
      const find = finders.get(lane) ?? createJumpFinder()
      finders.set(lane, find)
      for (const { device, reading } of readings) {
        const jump = find(reading)
        if (jump === undefined) continue
        jumps++
        if (firstJumps.length < JUMPS_NAMED_MAX) firstJumps.push({ device, ...jump })
      }
    },
    found: () => ({ jumps, firstJumps })
  }
}

/** @returns the readings, or the code of why there are none */
type Opener = (
  statement: ReadingStatement,
  payload: Uint8Array | undefined
) => readonly DeviceReading[] | string

function createOpener(keys: KeyFinder): Opener {
  return (statement, payload) => {
    const found = keys(statement)
    if (found === undefined) return 'ERR_KEY_MISSING'
    if (payload === undefined) return 'ERR_PAYLOAD_MISSING'
    const decode = DECODERS.get(statement.contentFormat)
    if (decode === undefined) return 'ERR_PAYLOAD_FORMAT'
    try {
      const readings = decode(openPayload(statement, payload, found.key))
      return readings.map(reading => ({ device: found.name, reading }))
    } catch (error) {
      return errorCode(error)
    }
  }
}

/** What a payload in clear says, by content format. */
const DECODERS: ReadonlyMap<number, (clear: Uint8Array) => readonly Reading[]> = new Map([
  [CONTENT_FORMAT_SENML_CBOR, decodeReadings],
  [CONTENT_FORMAT_SAMPLES, (clear: Uint8Array) => [...samplesToReadings(decodeSamples(clear))]]
])
