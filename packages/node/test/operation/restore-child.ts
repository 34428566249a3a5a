// Restores a backup into a directory and kills itself before a block, as a power cut would.
import { argv } from 'node:process'
import { createRules, devices, members } from '@vitalchain/contracts'
import { useCryptoBackend } from '@vitalchain/core'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'

useCryptoBackend(nodeCryptoBackend)
const [, , file = '', dataDir = '', before = ''] = argv
let block = 0
await restoreBackup(file, dataDir, {
  rules: createRules([members, devices]),
  network: undefined,
  now: Date.now,
  goOn() {
    block += 1
    if (block === Number(before)) process.kill(process.pid, 'SIGKILL')
  }
})
