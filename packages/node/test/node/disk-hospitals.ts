import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ed25519PublicKey, memberId, sha256 } from '@vitalchain/core'
import type { Test } from 'tap'
import {
  createLedgerNode,
  createVoteState,
  type LedgerNode,
  type LedgerNodeOptions
} from '../../src/index.ts'
import { foundNetwork, operatorSigner } from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './wait.ts'

/** Four hospitals with directories, by their index as validators. */
export class Hospitals {
  readonly founded = foundNetwork({ names: ['A', 'B', 'C', 'D'], created: Date.now() })
  readonly #dir: string
  readonly #nodes = new Map<number, LedgerNode>()
  readonly #logs = new Map<number, string[]>()
  /** Secrets in the order of the validator set: by member identifier. */
  readonly #secrets

  constructor(t: Test) {
    this.#dir = t.testdir({})
    this.#secrets = this.founded.members.toSorted((a, b) =>
      Buffer.compare(this.#idOf(a), this.#idOf(b))
    )
    t.teardown(() => Promise.all([...this.#nodes.values()].map(node => node.stop())))
  }

  #idOf(secrets: (typeof this.founded.members)[number]): Uint8Array {
    return memberId(operatorSigner(secrets).publicKey)
  }

  dir(k: number): string {
    return join(this.#dir, `hospital-${k}`)
  }

  secrets(k: number): (typeof this.founded.members)[number] {
    return this.#secrets[k]!
  }

  member(k: number): Uint8Array {
    return this.#idOf(this.secrets(k))
  }

  node(k: number): LedgerNode {
    return this.#nodes.get(k)!
  }

  nodeIfUp(k: number): LedgerNode | undefined {
    return this.#nodes.get(k)
  }

  /** How often a node logged this. */
  logged(k: number, event: string): number {
    return (this.#logs.get(k) ?? []).filter(each => each === event).length
  }

  async start(k: number, options: Partial<LedgerNodeOptions> = {}): Promise<LedgerNode> {
    const { transport, consensus } = this.secrets(k)
    const logs = this.#logs.get(k) ?? []
    this.#logs.set(k, logs)
    const node = createLedgerNode({
      genesis: this.founded.document,
      keys: {
        transport,
        ...(options.signer === undefined ? { consensus } : {}),
        operator: operatorSigner(this.secrets(k))
      },
      dataDir: this.dir(k),
      bootstrap: [...this.#nodes.values()].flatMap(each => each.addresses()),
      log: event => void logs.push(event),
      ...options
    })
    await node.start()
    this.#nodes.set(k, node)
    return node
  }

  async startNew(...all: readonly number[]): Promise<void> {
    for (const k of all) {
      await createVoteState(this.dir(k), ed25519PublicKey(this.secrets(k).consensus))
      await this.start(k)
    }
  }

  async stop(k: number): Promise<void> {
    const node = this.node(k)
    this.#nodes.delete(k)
    await node.stop()
  }

  /** Everything of a hospital's disk is gone but its keys. */
  async lose(k: number): Promise<void> {
    await this.stop(k)
    await rm(this.dir(k), { recursive: true })
  }

  /** A new device is registered through a node: one block more. */
  async commit(k: number): Promise<void> {
    const { publicKey } = this.device()
    await this.node(k).registerDevice({ publicKey, model: 'monitor', firmware: undefined })
  }

  /** Hands work over; the promise says when it is committed, and nobody has to wait for it. */
  submit(k: number): Promise<unknown> {
    const { publicKey } = this.device()
    const handed = this.node(k).registerDevice({ publicKey, model: 'monitor', firmware: undefined })
    handed.catch(() => undefined)
    return handed
  }

  device(): TestDevice {
    return new TestDevice({ id: sha256(this.founded.document) }, `device ${Math.random()}`)
  }

  async same(...all: readonly number[]): Promise<void> {
    await until('all have the same head', () => {
      const heads = all.map(k => this.node(k).status().head)
      return new Set(heads).size === 1
    })
  }
}
