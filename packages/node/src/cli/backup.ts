import { open, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isVitalchainError, toHex, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import type { OnProgress } from '../audit/fault.ts'
import { openBackup, type BackupEnd, type BackupManifest } from '../backup/backup-file.ts'
import { createBackup } from '../backup/create-backup.ts'
import { syncDirectory } from '../consensus/vote-file.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { refusal } from '../dev/node-api.ts'
import { KEYS_FILE } from '../keys/keys-file.ts'
import { isSealed } from '../keys/sealed-text.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { EXIT, printable, requireGoOn, type CliIo } from './io.ts'
import { readJsonFile, readTextFile } from './json-file.ts'
import { adminUrl } from './own-node.ts'
import { createProgressBar } from './progress-bar.ts'
import { openStoppedLedger } from './stopped-node.ts'

/** What `vitalchain backup` was asked for. */
export interface BackupOptions {
  readonly dataDir?: string
  readonly url?: string
  readonly tokenFile?: string
  readonly out?: string
  readonly withKeys: boolean
  readonly json: boolean
}

/** How long a node may send nothing, ms. */
const SILENCE_MS = 30_000

/** What a backup says of a node that was stopped: without its keys it is not known whose it is. */
const STOPPED_NODE = 'a stopped node'

/** Bytes of a keys or token file. */
const KEYS_BYTES_MAX = 64 * 1024

/**
 * Writes a backup of a node, which may run.
 *
 * @throws VitalchainError `ERR_USAGE`, `ERR_FILE` when the file exists or the keys are not encrypted, `ERR_UNREACHABLE`
 * (retryable), `ERR_LEDGER_FILE` when what came is not whole, and the node's refusals
 */
export async function backupCommand(options: BackupOptions, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir, url, out, withKeys, json } = options
  if (out === undefined || (dataDir === undefined && url === undefined))
    throw new VitalchainError('ERR_USAGE', 'say --out, and --data-dir or --url')
  if (withKeys && dataDir === undefined)
    throw new VitalchainError('ERR_USAGE', 'the keys are in the data directory: say --data-dir')
  await requireAbsent(out)
  const keys = withKeys && dataDir !== undefined ? await sealedKeys(dataDir) : undefined
  if (keys !== undefined) await requireAbsent(`${out}.keys`)
  const stopped =
    dataDir === undefined || url !== undefined ? undefined : await stoppedChunks(dataDir)
  const chunks = stopped ?? liveChunks(await adminOf(options), io.stop)
  const bar = createProgressBar(io)
  try {
    await writeChunks(out, chunks, bar.onProgress)
  } finally {
    bar.end()
  }
  if (keys !== undefined) await writeFile(`${out}.keys`, keys, { mode: 0o600, flag: 'wx' })
  const { manifest, end, size } = await readThrough(out)
  const { height, head, transactions, taken, node } = manifest
  if (json)
    io.out(
      JSON.stringify({
        file: out,
        bytes: size,
        height,
        head: toHex(head),
        transactions,
        taken,
        node,
        payloads: end.payloads,
        payloadsMissing: end.payloadsMissing,
        sha256: toHex(end.sha256)
      })
    )
  else
    io.out(
      `${printable(out)}: ${height} blocks with ${transactions} transactions, ${size} bytes, SHA-256 ${toHex(end.sha256)}`
    )
  return EXIT.ok
}

async function requireAbsent(file: string): Promise<void> {
  if ((await stat(file).catch(() => undefined)) !== undefined)
    throw new VitalchainError('ERR_FILE', `${file} exists`, { values: { file } })
}

async function sealedKeys(dataDir: string): Promise<string> {
  const file = join(dataDir, KEYS_FILE)
  if (isSealed(await readJsonFile(file))) return readTextFile(file, KEYS_BYTES_MAX)
  throw new VitalchainError(
    'ERR_FILE',
    `${file} is not encrypted: a copy of it would be the keys themselves`
  )
}

/** The backup of a node that does not run; undefined when it does. */
async function stoppedChunks(dataDir: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const ledger = await openStoppedLedger(dataDir).catch((error: unknown) => {
    if (isVitalchainError(error) && error.code === 'ERR_DATA_DIR_IN_USE') return undefined
    throw error
  })
  return ledger === undefined ? undefined : thenClose(ledger)
}

async function* thenClose(ledger: Ledger): AsyncGenerator<Uint8Array> {
  try {
    yield* createBackup(ledger, { node: STOPPED_NODE, taken: Date.now() })
  } finally {
    await ledger.close()
  }
}

/** Where the administration of a running node is, and the token for it. */
async function adminOf({
  dataDir,
  url,
  tokenFile
}: BackupOptions): Promise<{ readonly url: string; readonly token: string }> {
  if (dataDir === undefined) {
    if (url === undefined || tokenFile === undefined)
      throw new VitalchainError('ERR_USAGE', '--url without --data-dir needs --token-file')
    return { url, token: (await readTextFile(tokenFile, KEYS_BYTES_MAX)).trim() }
  }
  return adminUrl({ dataDir, ...(url === undefined ? {} : { url }) })
}

/** A backup as a running node sends it. */
async function* liveChunks(
  { url, token }: { readonly url: string; readonly token: string },
  stop: AbortSignal
): AsyncGenerator<Uint8Array> {
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), SILENCE_MS)
  try {
    const response = await fetch(new URL('/admin/backup', url), {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([stop, silent.signal])
    })
    if (!response.ok) throw refusal(await response.text(), '/admin/backup')
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), SILENCE_MS)
      yield chunk
    }
  } catch (cause) {
    requireGoOn({ stop })
    if (isVitalchainError(cause)) throw cause
    throw new VitalchainError('ERR_UNREACHABLE', `${url} does not answer: does the node run?`, {
      cause,
      retryable: true
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Writes a file that is there whole and durable, or not at all. */
async function writeChunks(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  onProgress: OnProgress
): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  let done = 0
  try {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk)
      done += chunk.length
      onProgress({ stage: 'backup', done, total: undefined })
    }
    await handle.sync()
    await syncDirectory(dirname(resolve(file)))
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** Reads what was written from the disk: its form and its checksum. */
async function readThrough(
  file: string
): Promise<{ readonly manifest: BackupManifest; readonly end: BackupEnd; readonly size: number }> {
  const reader = await openBackup(file)
  try {
    const blocks = reader.blocks()
    let next = await blocks.next()
    while (next.done !== true) next = await blocks.next()
    const { manifest, end, size } = reader
    if (end === undefined) throw new VitalchainError('ERR_LEDGER_FILE', 'the backup has no end')
    return { manifest, end, size }
  } finally {
    await reader.close()
  }
}
