import { encodeCbor } from '../../src/encoding/cbor.ts'
import type { Completeness } from '../../src/ledger/completeness.ts'
import { laneAfter, laneRecordCodec, laneStateKey } from '../../src/ledger/lane-record.ts'
import type { StateProofDocument } from '../../src/ledger/state-proof-document.ts'
import { STATEMENT_FLAG, type Statement } from '../../src/ledger/statement.ts'
import { decodeTransaction } from '../../src/ledger/transaction.ts'
import { inclusionProofs } from '../../src/merkle/history-many.ts'
import { proveState } from '../../src/merkle/state-proof.ts'
import { SmallLedger, TestDevice } from './small-ledger.ts'

/** A ledger whose state holds where each lane stands, as the contracts keep it. */
export class LaneLedger extends SmallLedger {
  /** Adds a block of statements and the records of their lanes. */
  addStatements(
    transactions: readonly Uint8Array[],
    options: { readonly quarantine?: boolean } & Parameters<SmallLedger['addBlock']>[1] = {}
  ): void {
    for (const transaction of transactions) {
      const opened = decodeTransaction(transaction)
      if (opened.type !== 'statement') throw new Error('a lane takes statements')
      const { device, lane } = opened.statement
      const key = laneStateKey(device, lane)
      const record = {
        ...laneAfter(opened.statement, opened.id),
        quarantinedHeight: options.quarantine === true ? this.blocks.length + 1 : undefined,
        publicKey: undefined,
        binding: undefined
      }
      this.state.set(key.join(), { key, value: encodeCbor(laneRecordCodec.write(record)) })
    }
    this.addBlock(transactions, options)
  }

  /** The proof of these transactions, against the newest header; with the lane's record when asked. */
  completeness(
    indices: readonly number[],
    options: { readonly head?: boolean; readonly pinSize?: number; readonly height?: number } = {}
  ): Completeness {
    const anchor = this.anchor(options.height, options.pinSize)
    const paths = inclusionProofs(indices, anchor.header.history.size, this.readNode)
    const statements = indices.map((index, k) => ({
      index,
      path: paths[k]!,
      transaction: this.transactions[index]!
    }))
    return { ...anchor, statements, head: options.head === true ? this.#head(indices) : undefined }
  }

  /** The proof of what the state holds under a key after the newest block. */
  stateProof(key: Uint8Array, pinSize?: number): StateProofDocument {
    return {
      ...this.anchor(undefined, pinSize),
      key,
      value: this.state.get(key.join())?.value,
      proof: proveState(this.stateStore, key)
    }
  }

  statementAt(index: number): Statement {
    const opened = decodeTransaction(this.transactions[index]!)
    if (opened.type !== 'statement') throw new Error(`no statement at ${index}`)
    return opened.statement
  }

  #head(indices: readonly number[]): Completeness['head'] {
    const { device, lane } = this.statementAt(indices[0]!)
    const { value, proof } = this.stateProof(laneStateKey(device, lane))
    return { value: value!, proof }
  }
}

/** The ledger of {@link lanesLedger}, with where the monitor's statements stand. */
export interface LanesLedger {
  readonly ledger: LaneLedger
  readonly monitor: TestDevice
  /** All that the monitor sent, in order. */
  readonly sent: readonly number[]
  readonly pumped: readonly number[]
}

/**
 * A monitor (Ed25519) and a pump (ES256) that take turns, over seven blocks. The monitor's 4th statement is a gap of 3,
 * its 7th begins a new boot, and its 8th goes on in another one after it lost its outbox.
 */
export async function lanesLedger(): Promise<LanesLedger> {
  const ledger = new LaneLedger()
  const monitor = new TestDevice(ledger.network, 'ed25519', 'monitor')
  const pump = new TestDevice(ledger.network, 'es256', 'pump')
  const sent: number[] = []
  const pumped: number[] = []
  const restart = (boot: number, flags = 0): Statement =>
    monitor.readings({ boot, seq: 0, flags }).statement
  const steps: readonly (() => Statement)[] = [
    () => monitor.readings().statement,
    () => monitor.readings().statement,
    () => monitor.readings().statement,
    () => monitor.gap(3),
    () => monitor.readings().statement,
    () => monitor.readings().statement,
    () => restart(2),
    () => restart(5, STATEMENT_FLAG.historyLost),
    () => monitor.readings().statement
  ]
  const queue: Uint8Array[] = []
  for (const [at, step] of steps.entries()) {
    sent.push(2 * at)
    pumped.push(2 * at + 1)
    queue.push(await monitor.transaction(step()), await pump.nextTransaction())
    if (at % 2 === 1) ledger.addStatements(queue.splice(0))
  }
  ledger.addStatements(queue.splice(0))
  ledger.addBlock([])
  return { ledger, monitor, sent, pumped }
}
