import { once } from 'node:events'
import { createServer } from 'node:http'
import { GENESIS_BYTES_MAX } from '@vitalchain/core'
import t from 'tap'
import { fetchGenesis } from '../../src/genesis/fetch-genesis.ts'

t.test('a server that sends without end is left as soon as it sent too much', async t => {
  let sent = 0
  const chunk = Buffer.alloc(64 * 1024)
  const server = createServer((_request, response) => {
    const write = (): void => {
      while (!response.destroyed && sent < 2_000 * GENESIS_BYTES_MAX) {
        sent += chunk.length
        if (!response.write(chunk)) return void response.once('drain', write)
      }
      response.end()
    }
    write()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await t.rejects(fetchGenesis(`http://127.0.0.1:${port}`, 'ab'.repeat(32)), {
    code: 'ERR_UNREACHABLE'
  })
  t.ok(sent < 500 * GENESIS_BYTES_MAX, `${sent} bytes were sent`)
})
