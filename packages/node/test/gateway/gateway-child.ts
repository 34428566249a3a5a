// A gateway in a process of its own, to be killed. Its settings come as JSON in the first argument.
import { fromHex } from '@vitalchain/core'
import { createGateway, mqttSource } from '@vitalchain/device-sdk/gateway'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { streamOf } from './gateway-network.ts'

/** What {@link spawnGateway} says to its process. */
export interface ChildSettings {
  readonly genesis: string
  readonly network: string
  readonly secret: string
  readonly addresses: readonly string[]
  readonly directory: string
  readonly url: string
  readonly sensor: string
}

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings
const { addresses, directory, url, sensor } = settings
const gateway = createGateway({
  genesis: fromHex(settings.genesis),
  secret: fromHex(settings.secret),
  sensors: [{ name: sensor, stream: streamOf(sensor), batch: { readings: 20, ms: 100 } }],
  sources: [
    mqttSource({ url, clientId: 'killed', topics: [{ topic: 'hr', sensor, name: '8867-4' }] })
  ],
  transport: () => libp2pTransport({ network: fromHex(settings.network), addresses }),
  directory
})
await gateway.start()
process.stdout.write('started\n')
let stored = 0
for await (const event of gateway.device(sensor).events()) {
  if (event.type !== 'stored') continue
  stored += event.submission.count
  process.stdout.write(`${stored}\n`)
}
