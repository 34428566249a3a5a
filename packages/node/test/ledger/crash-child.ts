// Commits blocks for ever into the directory given, and says each height once it is durable. The test kills it.
import { argv, stdout } from 'node:process'
import { getLane } from '@vitalchain/contracts'
import { TestDevice, commitNext, testLedger, testNetwork, TestOperator } from './fixture.ts'

const network = testNetwork()
const ledger = await testLedger(network, argv[2] ?? '')
const device = new TestDevice(network)
if (ledger.head.height === 0) {
  await commitNext(network, ledger, [await new TestOperator(network).register(device)])
}
for (;;) {
  const lane = getLane(ledger.state, device.id, 0)
  let place = { seq: (lane?.seq ?? -1) + 1, previous: lane?.head ?? new Uint8Array(32) }
  const candidates = []
  for (let k = 0; k < 5; k += 1) {
    const { candidate, digest, payload } = await device.sign(place)
    await ledger.putPayload(digest, payload, { retention: 0 })
    candidates.push(candidate)
    place = { seq: place.seq + 1, previous: candidate.transaction.id }
  }
  await commitNext(network, ledger, candidates)
  stdout.write(`${ledger.head.height}\n`)
}
