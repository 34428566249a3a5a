/**
 * What is wrong with a part of a ledger.
 *
 * | kind          | meaning                                                                                        |
 * | ------------- | ---------------------------------------------------------------------------------------------- |
 * | `file`        | a file of the store is not what was written                                                    |
 * | `damaged`     | a record is not what was written: its checksum is another                                      |
 * | `unreadable`  | a record has another form than records of its table                                            |
 * | `missing`     | a record that must be there is not                                                             |
 * | `orphan`      | a record that no block gives                                                                   |
 * | `differs`     | a record whose value is not the one that the blocks give                                       |
 * | `uncertified` | no quorum of the validators of its height certified the header                                 |
 * | `unbound`     | the certified header does not name these bytes                                                 |
 * | `invalid`     | a certified block does not do what its header says: the software or a quorum is at fault       |
 * | `pin`         | the history is not the one of the pin                                                          |
 * | `trust`       | the ledger is of another network than was asked for                                            |
 */
export type FaultKind =
  | 'file'
  | 'damaged'
  | 'unreadable'
  | 'missing'
  | 'orphan'
  | 'differs'
  | 'uncertified'
  | 'unbound'
  | 'invalid'
  | 'pin'
  | 'trust'

/** One thing that is wrong with a ledger, and where. */
export interface Fault {
  readonly kind: FaultKind
  /** The table of the record; `files`, `votes`, or `ledger` when it is no record that is at fault. */
  readonly table: string
  /** The record's key in hexadecimal, or the name of a file with the place in it. */
  readonly key: string
  /** The block that the record is of; undefined when nothing tells. */
  readonly height: number | undefined
  /** For people. */
  readonly message: string
}

/** Faults that a report lists: enough to see what is wrong, few enough to read. */
export const FAULTS_MAX: number = 1_000

/** Ends an audit that was to name the first fault only, or has named as many as it may. */
export class EnoughFaults extends Error {}

/** Takes note of faults. */
export interface FaultList {
  readonly faults: readonly Fault[]
  /** @throws EnoughFaults when no more are to be listed */
  add(fault: Fault): void
}

/** A list of at most `max` faults. */
export function createFaultList(max: number): FaultList {
  const faults: Fault[] = []
  return {
    faults,
    add(fault) {
      faults.push(fault)
      if (faults.length >= max) throw new EnoughFaults()
    }
  }
}

/** How far an audit is. */
export interface AuditProgress {
  /** `files`: bytes; `blocks`: blocks carried out; `records`: records compared; `backup`: bytes written. */
  readonly stage: 'files' | 'blocks' | 'records' | 'backup'
  readonly done: number
  /** Undefined when it is not known. */
  readonly total: number | undefined
}

/** Told how far an audit is; often. */
export type OnProgress = (progress: AuditProgress) => void
