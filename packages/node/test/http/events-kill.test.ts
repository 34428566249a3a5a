import { once } from 'node:events'
import { sha256, toHex } from '@vitalchain/core'
import t from 'tap'
import { WebSocket } from 'ws'
import { operatorToken } from '../../src/cli/node-dir.ts'
import { createClient, streamEvents } from '../../src/client/index.ts'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { registerDevice } from '../../src/dev/register-device.ts'
import { unitFormat } from '../../src/pool/unit.ts'
import { TestDevice, testNetwork } from '../ledger/fixture.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { bearer, unitOf } from './service.ts'

/** Readings that are committed; the node is killed in the middle of them. */
const READINGS = 60
const KILLED_AFTER = 25

startPlainProcesses()

t.test(
  'three clients that stream while the node is killed have the exact sequence afterwards',
  async t => {
    const { founded, hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
    const [hospital] = hospitals
    if (hospital === undefined) throw new Error('no hospital')
    const { process: node, url, dataDir } = hospital
    await node.start()
    t.teardown(() => node.kill())
    const token = await operatorToken(dataDir)
    const network = { ...testNetwork(), id: sha256(founded.document) }
    const device = new TestDevice(network, 'pump')
    const stop = new AbortController()
    t.teardown(() => stop.abort())
    const model = { publicKey: device.publicKey, model: 'Pump', firmware: undefined }
    await registerDevice(hospital, network.id, model, stop.signal)

    // The registration, and the readings.
    const total = READINGS + 1
    let running = Promise.resolve()
    const seen: string[][] = [[], [], []]
    const all = Promise.all([byClient(seen[0]!), bySocket(seen[1]!), byPlainRequests(seen[2]!)])

    /** Server-sent events as the typed client reads them: it connects again by itself. */
    async function byClient(ids: string[]): Promise<void> {
      for await (const { id, data } of streamEvents({ url, token, signal: stop.signal })) {
        ids.push(`${id} ${data.id}`)
        if (ids.length >= total) return
      }
    }

    /** A WebSocket, opened again behind the last message each time that it closes. */
    async function bySocket(ids: string[]): Promise<void> {
      const protocols = [
        'vitalchain.events.1',
        `vitalchain.bearer.${Buffer.from(token).toString('base64url')}`
      ]
      let from = '0.0'
      while (ids.length < total) {
        await running
        const socket = new WebSocket(
          `${url.replace('http', 'ws')}/v1/events?from=${from}`,
          protocols
        )
        t.teardown(() => socket.terminate())
        socket.on('error', () => undefined)
        socket.on('message', (message: Buffer) => {
          const { id, data } = JSON.parse(message.toString()) as {
            id: string
            data: { id: string }
          }
          from = id
          ids.push(`${id} ${data.id}`)
          if (ids.length >= total) socket.close()
        })
        await once(socket, 'close')
      }
    }

    /** Server-sent events as any program reads them, with the header `Last-Event-ID`. */
    async function byPlainRequests(ids: string[]): Promise<void> {
      let last = '0.0'
      while (ids.length < total) {
        await running
        try {
          const response = await fetch(`${url}/v1/events`, {
            headers: { ...bearer(token), 'last-event-id': last },
            signal: stop.signal
          })
          let text = ''
          for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
            text += chunk
            const events = text.split('\n\n')
            text = events.pop()!
            for (const event of events) {
              const [, id = '', data = ''] =
                /^id: (\S+)\nevent: transaction\ndata: (.*)$/.exec(event) ?? []
              if (id === '') continue
              last = id
              ids.push(`${id} ${(JSON.parse(data) as { id: string }).id}`)
            }
            if (ids.length >= total) break
          }
        } catch {
          // The node was killed.
        }
      }
    }

    const client = createClient({ url, token })
    const readings = []
    for (let k = 0; k < READINGS; k++) readings.push(await device.read())
    let kills = 0
    for (let k = 0; k < READINGS;) {
      if (k === KILLED_AFTER && kills === 0) {
        kills += 1
        // One more is under way when it is killed.
        void client
          .POST('/v1/transactions', { body: unitFormat.encode(unitOf(readings[k]!)) })
          .catch(() => undefined)
        running = node.kill().then(() => node.start())
        await running
      }
      const { error } = await client.POST('/v1/transactions', {
        params: { header: { prefer: 'wait=20' } },
        body: unitFormat.encode(unitOf(readings[k]!)),
        parseAs: 'arrayBuffer'
      })
      if (error !== undefined) throw new Error(error.code)
      k += 1
    }
    await all

    const exact = await client.GET('/v1/transactions')
    const expected = exact.data!.transactions.map(
      ({ height, index, id }) => `${height}.${index} ${id}`
    )
    t.equal(expected.length, total)
    t.equal(expected.at(-1)!.split(' ')[1], toHex(readings.at(-1)!.candidate.transaction.id))
    for (const [k, ids] of seen.entries()) t.same(ids, expected, `client ${k + 1}`)
  }
)
