import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRules, devices, members } from '@vitalchain/contracts'
import { networkId, toHex, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { restoreBackup, type RestoreReport } from '../backup/restore-backup.ts'
import { readRestoredNote, saveRestoredNote } from '../backup/restored-note.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { fingerprint } from '../genesis/network-file.ts'
import { KEYS_FILE, writeSecretFile } from '../keys/keys-file.ts'
import { isSealed } from '../keys/sealed-text.ts'
import { EXIT, printable, requireGoOn, type CliIo } from './io.ts'
import { readGenesis, readJsonFile, readTextFile } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { createProgressBar } from './progress-bar.ts'
import { isoTime } from './proven-text.ts'

/** What `vitalchain restore` was asked for. */
export interface RestoreCommandOptions {
  readonly dataDir: string
  readonly from?: string
  readonly keys?: string
  readonly network?: Uint8Array
  readonly acknowledge: boolean
  readonly json: boolean
}

/** Bytes of a keys file. */
const KEYS_BYTES_MAX = 64 * 1024

/**
 * Makes the ledger of a data directory from a backup, or takes note of what was lost.
 *
 * @throws VitalchainError as `restoreBackup`; `ERR_USAGE`, `ERR_FILE`, `ERR_OTHER_NETWORK` when the directory's genesis or
 * `--network` is another
 */
export async function restoreCommand(options: RestoreCommandOptions, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir, from, keys, acknowledge, json } = options
  if (acknowledge) return acknowledgeLoss(dataDir, io)
  if (from === undefined) throw new VitalchainError('ERR_USAGE', 'say --from, or --acknowledge')
  const sealed = keys === undefined ? undefined : await sealedKeys(keys)
  if (sealed !== undefined) await requireNoOtherKeys(dataDir, sealed)
  const genesisFile = join(dataDir, GENESIS_FILE)
  const own = (await isThere(genesisFile)) ? await readGenesis(genesisFile) : undefined
  const bar = createProgressBar(io)
  let report: RestoreReport
  try {
    report = await restoreBackup(from, dataDir, {
      rules: createRules([members, devices]),
      network: options.network ?? (own === undefined ? undefined : networkId(own)),
      now: Date.now,
      onProgress: bar.onProgress,
      goOn: () => requireGoOn(io),
      async complete({ genesis }) {
        if (own === undefined) await writeFile(genesisFile, genesis, { flush: true })
        if (sealed !== undefined && !(await isThere(join(dataDir, KEYS_FILE))))
          await writeSecretFile(join(dataDir, KEYS_FILE), sealed)
      }
    })
  } finally {
    bar.end()
  }
  const { manifest, end, payloads } = report
  const missing: string[] = []
  for (const name of ['node.json', KEYS_FILE])
    if (!(await isThere(join(dataDir, name)))) missing.push(name)
  const { height, head, taken, node } = manifest
  if (json)
    io.out(
      JSON.stringify({
        dataDir,
        height,
        head: toHex(head),
        taken,
        node,
        payloads,
        payloadsMissing: end.payloads + end.payloadsMissing - payloads,
        missing
      })
    )
  else {
    io.out(
      `Restored blocks 1 to ${height} and ${payloads} payloads, of ${isoTime(taken)} by ${printable(node)}; head ${toHex(head)}.`
    )
    if (missing.length > 0)
      io.out(`Before it can start the directory needs ${missing.join(' and ')}.`)
    if (own === undefined && options.network === undefined)
      io.out(
        `Its genesis came with the backup: compare that it is of the network ${fingerprint(manifest.genesis)}.`
      )
    io.out('The node follows until it is safe to vote; vitalchain status shows it.')
  }
  return EXIT.ok
}

async function acknowledgeLoss(dataDir: string, io: CliIo): Promise<number> {
  const note = await readRestoredNote(dataDir)
  if (note === undefined)
    throw new VitalchainError('ERR_FILE', `${dataDir} was not restored from a backup`)
  if (note.state === 'following')
    throw new VitalchainError(
      'ERR_USAGE',
      'it is not known yet whether anything is lost: the node has to vote, or to follow, first'
    )
  await saveRestoredNote(dataDir, { ...note, acknowledged: note.acknowledged ?? Date.now() })
  io.out('Noted. The node says no more of it after its next start.')
  return EXIT.ok
}

async function sealedKeys(file: string): Promise<string> {
  if (isSealed(await readJsonFile(file))) return readTextFile(file, KEYS_BYTES_MAX)
  throw new VitalchainError('ERR_FILE', `${file} holds no encrypted keys`)
}

/** A restore that was cut off may have put the same keys there. */
async function requireNoOtherKeys(dataDir: string, sealed: string): Promise<void> {
  const file = join(dataDir, KEYS_FILE)
  if (!(await isThere(file)) || (await readTextFile(file, KEYS_BYTES_MAX)) === sealed) return
  throw new VitalchainError(
    'ERR_DATA_DIR_NOT_EMPTY',
    `${file} holds other keys: move them away, or restore without --keys`
  )
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
