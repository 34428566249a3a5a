import {
  createReceiptVerifier,
  errorCode,
  type Proven,
  type ReceiptVerifier
} from '@vitalchain/core'
import type { LedgerNode } from '../../src/index.ts'
import { TestDevice } from '../ledger/fixture.ts'

/** What a device was told: a statement is on the ledger. */
export interface Acknowledged {
  readonly id: Uint8Array
  readonly digest: Uint8Array
  /** The block that it stands in. */
  readonly height: number
  readonly receipt: Uint8Array
}

/** Devices that hand over one reading after the other, each behind the receipt of the one before. */
export class Load {
  readonly acknowledged: Acknowledged[] = []
  /** The devices, in the order of the nodes that they began with. */
  readonly devices: TestDevice[] = []
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[] = []
  #verifier: ReceiptVerifier | undefined

  /** Registers a device at each of these nodes and begins. */
  static async start(nodes: readonly (() => LedgerNode | undefined)[]): Promise<Load> {
    const load = new Load()
    for (const node of nodes) {
      const device = new TestDevice({ id: node()!.network }, `device ${Math.random()}`)
      await node()!.registerDevice({
        publicKey: device.publicKey,
        model: 'monitor',
        firmware: undefined
      })
      load.devices.push(device)
      load.#running.push(load.#run(device, node))
    }
    return load
  }

  /** Ends when each device has its last receipt, or its node is gone. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  /** The newest acknowledged height. */
  get height(): number {
    return Math.max(0, ...this.acknowledged.map(({ height }) => height))
  }

  #verify(node: LedgerNode, receipt: Uint8Array): Proven {
    this.#verifier ??= createReceiptVerifier({ genesis: node.ledger.genesisBytes })
    return this.#verifier(receipt)
  }

  async #run(device: TestDevice, node: () => LedgerNode | undefined): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const { candidate, payload, digest } = await device.read()
      const unit = { transaction: candidate.bytes, payload }
      const { id } = candidate.transaction
      for (let done = false; !done;) {
        try {
          const at = node()
          if (at === undefined) return
          await at.submit(unit).catch((error: unknown) => {
            if (errorCode(error) !== 'ERR_ALREADY_COMMITTED') throw error
          })
          const receipt = await at.committed(id)
          const { header } = this.#verify(at, receipt)
          this.acknowledged.push({ id, digest, height: header.height, receipt })
          done = true
        } catch (error) {
          if (signal.aborted) return
          if (errorCode(error) !== 'ERR_NOT_STARTED') throw error
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      }
    }
  }
}
