/** A process of the benchmark: how long the first verification takes that it makes, ms. */
import { fromHex, useCryptoBackend, verifyReceipt } from '@vitalchain/core'
import { nodeCryptoBackend } from '../../packages/node/src/crypto/node-crypto-backend.ts'

const [backend, receipt = '', genesis = ''] = process.argv.slice(2)
if (backend === 'node') useCryptoBackend(nodeCryptoBackend)
const [bytes, trusted] = [fromHex(receipt), fromHex(genesis)]
const from = performance.now()
verifyReceipt(bytes, { genesis: trusted })
process.stdout.write(`${performance.now() - from}\n`)
