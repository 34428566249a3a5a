import type { Block, ErrorValues, Transaction } from '@vitalchain/core'
import type { Unit } from '../pool/unit.ts'

/**
 * What the rooms of a node tell whoever measures or traces it. A node without meters measures nothing; none of these may throw,
 * wait or change anything. What a meter makes of it must be bounded: it may count by member, code or route, and never by device.
 */
export interface Meters {
  /**
   * A client of this node's own (HTTP, a device's session, the owner of the process) hands a transaction over.
   *
   * @returns to be told how that ended: what waits now, or the error
   */
  submitting(unit: Unit): (outcome: SubmissionOutcome) => void
  /** A transaction newly waits, wherever it came from. */
  admitted(pending: MeteredTransaction): void
  /** A block was proposed at the next height, by this node or another. */
  proposed(proposal: ProposalMeter): void
  /** Consensus on this node finished a height. */
  heightDone(height: HeightMeter): void
  /** A block is durable here. Told before its transactions leave the pool. */
  committed(block: CommitMeter): void
  /** A receipt was made for the transaction with this identity. */
  receiptMade(id: Uint8Array): void
  /** A request was answered over HTTP. */
  httpAnswered(answer: HttpMeter): void
  /** Something that goes to the log. */
  logged(event: string, values: ErrorValues): void
}

/** A transaction, as meters are told of it. */
export interface MeteredTransaction {
  /** SHA-256 of `bytes`. */
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
  /** What `bytes` decode to. */
  readonly transaction: Transaction
}

/** How handing a transaction over ended. */
export type SubmissionOutcome =
  | { readonly pending: MeteredTransaction; readonly error?: undefined }
  | { readonly pending?: undefined; readonly error: unknown }

/** A proposal, as {@link Meters.proposed} is told of it. */
export interface ProposalMeter {
  readonly height: number
  readonly view: number
  /** SHA-256 of the bytes of each transaction, 32 bytes each. */
  readonly transactions: readonly Uint8Array[]
}

/** Where the time of a height went. */
export interface HeightMeter {
  readonly height: number
  readonly view: number
  /** Whether this node proposed the block. */
  readonly leads: boolean
  /** Transactions in the block. */
  readonly transactions: number
  /** Writes that were waited for. */
  readonly syncs: number
  /** ms of each step, and `total`. */
  readonly steps: Readonly<Record<string, number>>
}

/** A block that became durable. */
export interface CommitMeter {
  readonly executed: {
    readonly block: Block
    readonly transactions: readonly MeteredTransaction[]
  }
  /** `consensus`: decided here; `catch-up`: fetched from another node. */
  readonly by: 'consensus' | 'catch-up'
  /** How long each of its transactions that this node knew before had waited here, ms. */
  readonly waitedMs: readonly number[]
}

/** An answer of the HTTP API. */
export interface HttpMeter {
  readonly method: string
  /** The template of the route, such as `/v1/receipts/:id`; undefined for none. Never the URL. */
  readonly route: string | undefined
  readonly status: number
  readonly ms: number
}

/** Tells each of several meters. */
export function allMeters(meters: readonly Meters[]): Meters {
  return {
    submitting(unit) {
      const ends = meters.map(each => each.submitting(unit))
      return outcome => {
        for (const end of ends) end(outcome)
      }
    },
    admitted(pending) {
      for (const each of meters) each.admitted(pending)
    },
    proposed(proposal) {
      for (const each of meters) each.proposed(proposal)
    },
    heightDone(height) {
      for (const each of meters) each.heightDone(height)
    },
    committed(block) {
      for (const each of meters) each.committed(block)
    },
    receiptMade(id) {
      for (const each of meters) each.receiptMade(id)
    },
    httpAnswered(answer) {
      for (const each of meters) each.httpAnswered(answer)
    },
    logged(event, values) {
      for (const each of meters) each.logged(event, values)
    }
  }
}
