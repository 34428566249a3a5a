// A device in a process of its own: `node proxied-device-child.ts <transport> <address> <genesis file> <name of its key>`.
import { readFile } from 'node:fs/promises'
import { createSigner, sha256, utf8 } from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { httpTransport } from '@vitalchain/device-sdk/http'
import { webSocketTransport } from '@vitalchain/device-sdk/websocket'

const [transport, address = '', genesis = '', name = ''] = process.argv.slice(2)
const addresses = [address]
const device = createDevice({
  signer: createSigner('ed25519', sha256(utf8(name))),
  genesis: new Uint8Array(await readFile(genesis)),
  stream: { id: new Uint8Array(16), generation: 0, secret: sha256(utf8('stream')) },
  transport:
    transport === 'http' ? httpTransport({ addresses }) : webSocketTransport({ addresses }),
  boot: 1,
  batch: { readings: 10 }
})
await device.start()
const submissions = await device.record(
  Array.from({ length: 50 }, (_, k) => ({ name: '8867-4', unit: '/min', time: k, value: 60 }))
)
await Promise.all(submissions.map(({ proved }) => proved))
await device.stop()
process.stdout.write(`${submissions.length} proved`)
