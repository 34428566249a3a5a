import { join } from 'node:path'
import { createRules, devices, members } from '@vitalchain/contracts'
import { ClassicLevel } from 'classic-level'
import { ledgerDirectory, repairStore, type RepairReport } from '../audit/repair.ts'
import { EXIT, type CliIo } from './io.ts'
import { readGenesis } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { createProgressBar } from './progress-bar.ts'
import { openStoppedStore, requireStopped } from './stopped-node.ts'

/**
 * Makes the damaged store of a stopped node anew from its own sound blocks.
 *
 * @throws VitalchainError `ERR_FILE`, `ERR_DATA_DIR_IN_USE`, `ERR_STORE`
 */
export async function repairCommand(
  { dataDir, json }: { readonly dataDir: string; readonly json: boolean },
  io: CliIo
): Promise<number> {
  const genesis = await readGenesis(join(dataDir, GENESIS_FILE))
  await requireStopped(dataDir)
  const location = ledgerDirectory(dataDir)
  const bar = createProgressBar(io)
  let report: RepairReport
  try {
    const store = await openStoppedStore(dataDir, { anyFormat: true }).catch(async () => {
      // A damaged manifest: LevelDB makes one from the tables it finds. What comes of that is checked block by block.
      await ClassicLevel.repair(location)
      return openStoppedStore(dataDir, { anyFormat: true })
    })
    const rules = createRules([members, devices])
    report = await repairStore(location, store, genesis, rules, bar.onProgress)
  } finally {
    bar.end()
  }
  if (json) {
    io.out(JSON.stringify(report))
    return EXIT.ok
  }
  const { height, ended, payloads, payloadsLost, old } = report
  io.out(`Kept blocks 1 to ${height}, and ${payloads} payloads; ${payloadsLost} were damaged.`)
  if (ended !== undefined) io.out(`Block ${height + 1} was not kept: ${ended}.`)
  io.out('What is missing is fetched from the other hospitals when the node starts.')
  io.out(`The old store is in ${old}; delete it when the node runs well.`)
  return EXIT.ok
}
