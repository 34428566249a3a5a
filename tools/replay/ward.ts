// A network of four hospitals in this process, devices of it, and what comes back of what they recorded.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createSigner,
  epochKey,
  equalBytes,
  generateSecretKey,
  openPayload,
  type ReadingStatement
} from '@vitalchain/core'
import { createDevice, type Device } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { fileOutbox } from '@vitalchain/device-sdk/node'
import { createTestNetwork, type LedgerNode } from '@vitalchain/node'

/** A statement of a device on the ledger of a node, with its payload decrypted. */
export interface Opened {
  readonly statement: ReadingStatement
  /** Bytes of the encrypted payload. */
  readonly bytes: number
  readonly clear: Uint8Array
}

/** A device that records, on its way to one hospital; what it recorded is read at another one. */
export interface WardDevice {
  readonly device: Device
  /** Waits until everything is proved to the device and on the other hospital's ledger, and opens it there. */
  readonly readBack: () => Promise<readonly Opened[]>
  readonly stop: () => Promise<void>
}

export interface Ward {
  /** Registers and starts a device with an outbox on disk. */
  device(model: string, batch: number): Promise<WardDevice>
  stop(): Promise<void>
}

export async function openWard(): Promise<Ward> {
  const network = await createTestNetwork()
  const scratch = await mkdtemp(join(tmpdir(), 'vitalchain-replay-'))
  const near = network.nodes[0]
  const far = network.nodes.at(-1)
  if (near === undefined || far === undefined) throw new Error('a network has nodes')
  let devices = 0
  // The operator's calls follow one another.
  let registering: Promise<unknown> = Promise.resolve()
  return {
    async device(model, batch) {
      const signer = createSigner('ed25519', generateSecretKey('ed25519'))
      const { publicKey } = signer
      registering = registering.then(() =>
        near.registerDevice({ publicKey, model, firmware: undefined })
      )
      await registering
      const secret = generateSecretKey('ed25519')
      const device = createDevice({
        signer,
        genesis: network.genesis,
        stream: { id: generateSecretKey('ed25519').subarray(0, 16), generation: 0, secret },
        transport: libp2pTransport({ network: near.network, addresses: near.addresses() }),
        outbox: fileOutbox(join(scratch, `device-${devices++}`)),
        batch: { readings: batch }
      })
      await device.start()
      return {
        device,
        async readBack() {
          await device.drained()
          await hasReached(far, near.ledger.head.height)
          return openAll(far, device.id, secret)
        },
        stop: () => device.stop()
      }
    },
    async stop() {
      await network.stop()
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

/** How often it is asked whether a node has fetched what it lacks, ms. */
const POLL_MS = 100

/** Resolves when a node's ledger is as high as another one's was, and holds all payloads. */
async function hasReached(node: LedgerNode, height: number): Promise<void> {
  while (node.ledger.head.height < height || node.status().payloadsMissing > 0) await delay(POLL_MS)
}

function openAll(node: LedgerNode, device: Uint8Array, secret: Uint8Array): readonly Opened[] {
  const opened: Opened[] = []
  const { ledger } = node
  for (let leaf = 0; leaf < ledger.head.history.size; leaf++) {
    const transaction = ledger.decodedTransaction(leaf)
    if (transaction?.type !== 'statement' || !equalBytes(transaction.statement.device, device))
      continue
    const { statement } = transaction
    if (statement.type !== 'readings') continue
    const payload = ledger.getPayload(statement.payloadDigest)
    if (payload === undefined) throw new Error('the node has no payload of a statement')
    const clear = openPayload(statement, payload, epochKey(secret, statement.epoch))
    opened.push({ statement, bytes: payload.length, clear })
  }
  return opened
}
