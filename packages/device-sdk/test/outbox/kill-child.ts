// A device in a process of its own, which is killed. Its network is its parent: frames go over the channel between them.
import { createSigner, deviceAnswerFormat, deviceRequestFormat, toHex } from '@vitalchain/core'
import type { DeviceAnswer } from '@vitalchain/core'
import { createDevice, type DeviceTimers, type DeviceTransport } from '../../src/index.ts'
import { nodeDisk, type Disk } from '../../src/stores/disk.ts'
import { fileOutbox } from '../../src/stores/node.ts'
import { seed } from '../fake-ledger.ts'
import { heartRates, STREAM } from '../fixture.ts'
import { useNodeCrypto } from '../node-crypto.ts'
import { createDice } from './dice.ts'
import { HASTE, type FromChild, type Life, type ToChild } from './kill-messages.ts'

useNodeCrypto()

/** What the device's clock says at its start, ms since 1970: it runs as fast as its timers. */
const START_MS = 1_700_000_000_000

const connections = new Map<number, (message: ToChild) => void>()

function say(message: FromChild): void {
  process.send?.(message)
}

/** The parent hears of every sync before anything that follows from it: it may tear only what was not synced. */
const disk: Disk = {
  ...nodeDisk,
  async open(path, how) {
    const file = await nodeDisk.open(path, how)
    let written = 0
    return {
      ...file,
      async write(bytes, at) {
        await file.write(bytes, at)
        written = at + bytes.length
      },
      async sync() {
        await file.sync()
        if (written > 0) say({ type: 'synced', path, bytes: written })
      }
    }
  }
}

const timers: DeviceTimers = {
  elapsed: () => performance.now() * HASTE,
  after(ms, callback) {
    const timer = setTimeout(callback, ms / HASTE)
    return () => clearTimeout(timer)
  }
}

let opened = 0

/** A way to one of the parent's nodes. */
function wayTo(node: number): DeviceTransport {
  return {
    name: `node ${node}`,
    async connect({ signal }) {
      const connection = opened++
      const answers: DeviceAnswer[] = []
      let over = false
      let change = Promise.withResolvers<void>()
      const connected = Promise.withResolvers<void>()
      const wake = (): void => {
        change.resolve()
        change = Promise.withResolvers<void>()
      }
      connections.set(connection, message => {
        if (message.type === 'connected') connected.resolve()
        if (message.type === 'answer') answers.push(deviceAnswerFormat.decode(message.frame))
        if (message.type === 'closed') {
          over = true
          connected.reject(new Error('unreachable'))
        }
        wake()
      })
      signal.addEventListener('abort', () => connected.reject(new Error('aborted')))
      say({ type: 'connect', connection, node })
      await connected.promise
      return {
        async send(request) {
          if (over) throw new Error('connection lost')
          say({ type: 'request', connection, frame: deviceRequestFormat.encode(request) })
        },
        answers: (async function* () {
          while (true) {
            const answer = answers.shift()
            if (answer !== undefined) yield answer
            else if (over) return
            else await change.promise
          }
        })(),
        async close() {
          over = true
          wake()
          say({ type: 'close', connection })
        }
      }
    }
  }
}

async function live({ seed: lifeSeed, genesis, directory, nodes, next, outboxBytes }: Life) {
  const dice = createDice(lifeSeed)
  const device = createDevice({
    signer: createSigner('ed25519', seed('device')),
    genesis,
    stream: STREAM,
    transport: Array.from({ length: nodes }, (_, k) => wayTo(k)),
    outbox: fileOutbox(directory, disk),
    timers,
    now: () => START_MS + Math.floor(timers.elapsed()),
    random: dice.bytes,
    batch: { readings: 1 + dice.roll(4), ms: 1 + dice.roll(2_000) },
    ...(outboxBytes === undefined ? {} : { full: 'drop-oldest', outboxBytes })
  })
  void (async () => {
    for await (const event of device.events())
      if (event.type === 'proved') say({ type: 'proved', id: toHex(event.submission.id) })
  })()
  await device.start()
  const numbers = [...next]
  const stored: Promise<void>[] = []
  for (let calls = 1 + dice.roll(25); calls > 0; calls--) {
    const urgent = dice.roll(5) === 0
    const lane = urgent ? 1 : 0
    const count = 1 + dice.roll(6)
    const first = numbers[lane] ?? 0
    numbers[lane] = first + count
    stored.push(
      device
        .record(heartRates(count, first), { urgent })
        .then(() => say({ type: 'stored', lane, first, count }))
    )
    if (dice.roll(3) === 0) await Promise.all(stored)
  }
  await Promise.all(stored)
  await device.drained()
  say({ type: 'drained' })
  return device
}

let device: ReturnType<typeof live> | undefined

async function stop(): Promise<void> {
  await (await device)?.stop()
  process.disconnect()
}

process.on('message', (message: ToChild) => {
  if (message.type === 'live') device = live(message)
  else if (message.type === 'stop') void stop()
  else connections.get(message.connection)?.(message)
})
