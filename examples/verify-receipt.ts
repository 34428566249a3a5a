// Verify a receipt offline: no node, no network, only the receipt and the genesis document.
//   node --conditions=@vitalchain/source examples/verify-receipt.ts RECEIPT GENESIS
import { readFile } from 'node:fs/promises'
import { errorCode, toHex, verifyReceipt } from '@vitalchain/core'

const [receiptFile, genesisFile] = process.argv.slice(2)
if (receiptFile === undefined || genesisFile === undefined) {
  process.stderr.write('usage: verify-receipt RECEIPT GENESIS\n')
  process.exit(2)
}

try {
  const proven = verifyReceipt(await readFile(receiptFile), {
    genesis: await readFile(genesisFile)
  })
  const { transaction, header, certifiedBy, validators } = proven
  process.stdout.write(
    `VALID: recorded by height ${header.height} of network ${toHex(proven.network)}\n`
  )
  if (transaction.type === 'statement' && transaction.statement.type === 'readings') {
    const { device, lane, boot, seq, count, from, to } = transaction.statement
    process.stdout.write(
      `device ${toHex(device)} signed ${count} readings as lane ${lane}, boot ${boot}, number ${seq}\n`
    )
    process.stdout.write(
      `by its clock from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}\n`
    )
  }
  const names = certifiedBy.map(({ name, member }) => name ?? toHex(member)).join(', ')
  process.stdout.write(`certified by ${certifiedBy.length} of ${validators} hospitals: ${names}\n`)
} catch (error) {
  process.stdout.write(`INVALID: ${errorCode(error)}\n`)
  process.exitCode = 1
}
