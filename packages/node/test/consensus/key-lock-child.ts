import { errorCode, fromHex } from '@vitalchain/core'
import { lockKey } from '../../src/consensus/key-lock.ts'

// Takes the key of its argument, says whether it got it, and stays until it is killed.
process.stdin.resume()
process.stdin.on('end', () => process.exit())
try {
  await lockKey(fromHex(process.argv[2] ?? ''))
  process.stdout.write('held\n')
} catch (error) {
  process.stdout.write(`${errorCode(error)}\n`)
}
