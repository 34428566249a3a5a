import { crc32 } from 'node:zlib'
import { concatBytes, u32be } from '@vitalchain/core'
import { OUTBOX_RECORD_BYTES_MAX, outboxRecordFormat, type LogRecord } from './outbox-record.ts'

/** Bytes in front of a record: its length and the CRC-32 of what follows, both big-endian. */
const HEADER_BYTES = 8

/** A record as it stands in a log. */
export function encodeLogRecord(record: LogRecord): Uint8Array {
  const body = outboxRecordFormat.encode(record)
  return concatBytes([u32be(body.length), u32be(crc32(body)), body])
}

/**
 * The record at a place of a log's bytes; undefined when no whole one is there.
 *
 * @returns the record, and where the next one stands
 */
export function readLogRecord(
  log: Uint8Array,
  at: number
): { readonly record: LogRecord; readonly end: number } | undefined {
  if (log.length < at + HEADER_BYTES) return undefined
  const header = new DataView(log.buffer, log.byteOffset + at, HEADER_BYTES)
  const size = header.getUint32(0)
  const start = at + HEADER_BYTES
  const body = log.subarray(start, start + size)
  // What was never written reads as zeros, and no bytes have the sum 0.
  if (size === 0 || size > OUTBOX_RECORD_BYTES_MAX) return undefined
  if (body.length !== size || crc32(body) !== header.getUint32(4)) return undefined
  return { record: outboxRecordFormat.decode(body), end: start + size }
}
