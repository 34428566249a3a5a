import { createHash } from 'node:crypto'
import {
  BLOCK_TRANSACTIONS_MAX,
  bytes,
  decodeTransaction,
  equalBytes,
  format,
  GENESIS_BYTES_MAX,
  genesisFormat,
  hash32,
  mapped,
  PAYLOAD_BYTES_MAX,
  sha256,
  tagged,
  text,
  toHex,
  uint,
  union,
  type Block,
  type Format
} from '@vitalchain/core'
import type { LedgerFileReader } from '../audit/ledger-file.ts'
import { encodeRecord, openRecordFile } from '../audit/record-file.ts'
import { certifiedBlockFormat, type CertifiedBlock } from '../ledger/certified-block.ts'

/** Characters of the name of the node that made a backup. */
const NODE_NAME_MAX = 128

/** The highest retention class that a genesis can have. */
const RETENTION_MAX = 15

/** What a backup says of itself in front. */
export interface BackupManifest {
  /** The bytes of the genesis document, by which the network is known. */
  readonly genesis: Uint8Array
  /** The newest block in it, 0 for the genesis alone. */
  readonly height: number
  /** Hash of that block; the network id at height 0. */
  readonly head: Uint8Array
  /** Root of the state behind it. */
  readonly stateRoot: Uint8Array
  /** Transactions in all its blocks. */
  readonly transactions: number
  /** When it was made, ms since 1970, by the clock of its node. */
  readonly taken: number
  /** The member whose node made it, or the node's PeerId. */
  readonly node: string
}

/** What a backup says of itself at its end. */
export interface BackupEnd {
  /** Payloads in it. */
  readonly payloads: number
  /** Payloads that its statements name and the node no longer had, or not yet. */
  readonly payloadsMissing: number
  /** SHA-256 of everything in front of the end's own record. */
  readonly sha256: Uint8Array
}

/** A payload of a statement in the next block of a backup. */
export interface BackupPayload {
  /** The retention class that its statement names. */
  readonly retention: number
  readonly bytes: Uint8Array
}

type BodyRecord =
  | { readonly type: 'block'; readonly certified: CertifiedBlock }
  | ({ readonly type: 'payload' } & BackupPayload)
  | ({ readonly type: 'end' } & BackupEnd)

const manifestFormat: Format<BackupManifest> = format(
  'backup manifest',
  GENESIS_BYTES_MAX + 1_024,
  tagged(['vitalchain/backup', 1], {
    genesis: bytes(1, GENESIS_BYTES_MAX),
    height: uint(),
    head: hash32,
    stateRoot: hash32,
    transactions: uint(),
    taken: uint(),
    node: text(NODE_NAME_MAX)
  })
)

const bodyFormat: Format<BodyRecord> = format(
  'record of a backup',
  certifiedBlockFormat.bytesMax + 16,
  union<BodyRecord>({
    block: [
      1,
      {
        certified: mapped(
          bytes(1, certifiedBlockFormat.bytesMax),
          encoded => certifiedBlockFormat.decode(encoded),
          certified => certifiedBlockFormat.encode(certified)
        )
      }
    ],
    payload: [2, { retention: uint(RETENTION_MAX), bytes: bytes(1, PAYLOAD_BYTES_MAX) }],
    end: [3, { payloads: uint(), payloadsMissing: uint(), sha256: hash32 }]
  })
)

/** Makes the records of a backup one after the other. spec F-31 */
export interface BackupEncoder {
  manifest(manifest: BackupManifest): Uint8Array
  block(certified: CertifiedBlock): Uint8Array
  payload(payload: BackupPayload): Uint8Array
  end(counts: Omit<BackupEnd, 'sha256'>): Uint8Array
}

/** An encoder that hashes what it made. */
export function createBackupEncoder(): BackupEncoder {
  const hash = createHash('sha256')
  const hashed = (content: Uint8Array): Uint8Array => {
    const record = encodeRecord(content)
    hash.update(record)
    return record
  }
  return {
    manifest: manifest => hashed(manifestFormat.encode(manifest)),
    block: certified => hashed(bodyFormat.encode({ type: 'block', certified })),
    payload: payload => hashed(bodyFormat.encode({ type: 'payload', ...payload })),
    end: counts =>
      encodeRecord(
        bodyFormat.encode({ type: 'end', ...counts, sha256: Uint8Array.from(hash.digest()) })
      )
  }
}

/** A backup that is being read: a ledger file with a manifest, payloads and a checksum. */
export interface BackupReader extends LedgerFileReader {
  readonly manifest: BackupManifest
  /** What the end says; undefined before it is reached. */
  readonly end: BackupEnd | undefined
}

/**
 * Opens a backup; holds one record in memory.
 *
 * @param onPayload - told each payload before the block whose statement names it
 * @throws VitalchainError `ERR_LEDGER_FILE` when it is none, and while it is read when it is not whole; a system error when
 * it cannot be read
 */
export async function openBackup(
  file: string,
  onPayload: (payload: BackupPayload) => Promise<void> | void = () => undefined
): Promise<BackupReader> {
  // The end's record is not in its own hash: each is added when the next one is asked for.
  const hash = createHash('sha256')
  let waiting: Uint8Array[] = []
  const records = await openRecordFile(file, 'backup', read => void waiting.push(read))
  try {
    const manifest = await records.nextOf(manifestFormat)
    genesisOf(manifest)
    let end: BackupEnd | undefined
    return {
      manifest,
      genesis: manifest.genesis,
      size: records.size,
      get position() {
        return records.position
      },
      get end() {
        return end
      },
      async *blocks() {
        let payloads = 0
        let before: Uint8Array[] = []
        for (;;) {
          for (const read of waiting) hash.update(read)
          waiting = []
          const at = records.position
          const record = await records.nextOf(bodyFormat)
          if (record.type === 'block') {
            const named = payloadsNamed(record.certified.block)
            if (!before.every(digest => named.has(toHex(digest))))
              throw records.malformed('a payload is of no statement in the block behind it', at)
            before = []
            yield record.certified
          } else if (record.type === 'payload') {
            if (before.length >= BLOCK_TRANSACTIONS_MAX)
              throw records.malformed('a block has too many payloads', at)
            before.push(sha256(record.bytes))
            payloads += 1
            await onPayload(record)
          } else {
            if (records.position !== records.size)
              throw records.malformed('it goes on behind its end', records.position)
            if (!equalBytes(hash.digest(), record.sha256))
              throw records.malformed('its SHA-256 is another one', at)
            if (payloads !== record.payloads || before.length > 0)
              throw records.malformed('it lacks payloads that it counts', at)
            end = record
            return { height: manifest.height, head: manifest.head }
          }
        }
      },
      close: () => records.close()
    }
    function genesisOf({ genesis }: BackupManifest): void {
      try {
        genesisFormat.decode(genesis)
      } catch (cause) {
        throw records.malformed('its genesis is none', 0, cause)
      }
    }
  } catch (error) {
    await records.close()
    throw error
  }
}

/** The retention classes of the payloads that a block's statements name, by digest in hexadecimal. */
export function payloadsNamed({
  transactions
}: Pick<Block, 'transactions'>): ReadonlyMap<string, number> {
  const named = new Map<string, number>()
  for (const encoded of transactions) {
    const transaction = decodeTransaction(encoded)
    if (transaction.type !== 'statement' || transaction.statement.type !== 'readings') continue
    const { payloadDigest, retention } = transaction.statement
    named.set(toHex(payloadDigest), retention)
  }
  return named
}
