import {
  comparePlaces,
  conflictTransaction,
  decodeTransaction,
  equalBytes,
  errorCode,
  isVitalchainError,
  sha256,
  signedBytes,
  toHex,
  transactionBody,
  TRANSACTION_BYTES_MAX,
  VitalchainError,
  type Statement,
  type Transaction
} from '@vitalchain/core'
import {
  checkNetwork,
  equalKeys,
  getDevice,
  getLane,
  laneKey,
  signedParts,
  type StatementTransaction
} from '@vitalchain/contracts'
import { verifyInThreadPool } from '../crypto/node-crypto-backend.ts'
import type { RestoredKeeper } from '../backup/restored-keeper.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { DoorRate } from './door-rate.ts'
import type { Pending, Pool } from './pool.ts'
import type { Unit } from './unit.ts'

/** The door of a node: what comes through is well-formed, signed, in its place, and with its payload on this node's disk. */
export interface Admission {
  /**
   * Checks a unit and puts it in the pool.
   *
   * @returns the waiting transaction; the one that waits already, when it was handed over before
   * @param client - who hands it over when that is no other node: then the lane's rate is looked at
   * @throws VitalchainError with the code of the refusal. Nothing is stored or relayed then.
   */
  submit(unit: Unit, client?: Client): Promise<Pending>
  /** Checks a unit that a block names, without a place in the pool: its form, signatures and payload. */
  check(unit: Unit): Promise<Pending>
}

/** A client of this node's own. */
export interface Client {
  /** The device whose session it is; undefined for any other client. */
  readonly device: Uint8Array | undefined
}

/** What {@link createAdmission} needs. */
export interface AdmissionComponents {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly now: () => number
  /** How fast clients may hand over statements; undefined for no limit. */
  readonly rate?: Pick<DoorRate, 'enter'>
  /** Whether something may be lost that was acknowledged, and what to tell of a statement whose predecessor is. */
  readonly restored?: Pick<RestoredKeeper, 'resumedAt' | 'lostBefore'>
  /** Is told each transaction that newly waits, with its payload, to tell others. */
  readonly onAdmitted: (pending: Pending, unit: Unit) => void
  /** Is told a transaction that was refused after its payload had been stored. */
  readonly onRefused: (refused: Pick<Pending, 'transaction'>) => void
}

/** Makes the {@link Admission} of a node. */
export function createAdmission({
  ledger,
  pool,
  now,
  rate,
  restored,
  onAdmitted,
  onRefused
}: AdmissionComponents): Admission {
  const checking = new Map<string, Promise<Pending>>()

  async function admit(unit: Unit, hash: Uint8Array, client: Client | undefined): Promise<Pending> {
    const transaction = decodeTransaction(unit.transaction)
    checkNetwork(transaction, ledger.network)
    requireNew(transaction)
    checkPayload(transaction, unit.payload)
    const waiting = pool.find(transaction.id)
    if (waiting !== undefined) {
      // The same under another signature, which must be good too: whoever is told yes may relay it.
      await verifySignatures(transaction)
      return waiting
    }
    requireFirstAccusation(transaction)
    pool.checkRoom(transaction, unit.transaction.length)
    const objection = objectionTo(transaction)
    if (
      objection !== undefined &&
      !isHeld(objection, transaction) &&
      objection.code !== 'ERR_PLACE_TAKEN'
    )
      throw objection
    const before = [...checking.values()]
    const taken =
      client === undefined || transaction.type !== 'statement'
        ? undefined
        : await rate?.enter(transaction.statement, client.device)
    await verifySignatures(transaction)
    taken?.()
    if (objection?.code === 'ERR_CHAIN_AHEAD') await requireKnownBefore(transaction, before)
    const contradicted = contradictedBy(transaction)
    if (contradicted !== undefined) return refuseConflict(contradicted, unit.transaction)
    if (objection?.code === 'ERR_PLACE_TAKEN') throw objection
    // On disk before it counts: nobody proposes or votes for readings that a power cut could take.
    await storePayload(transaction, unit.payload)
    try {
      return await enter(unit, transaction, hash)
    } catch (error) {
      onRefused({ transaction })
      throw error
    }
  }

  /** Gives a checked transaction its place in the pool. While it was checked, a block or another door may have been faster. */
  async function enter(unit: Unit, transaction: Transaction, hash: Uint8Array): Promise<Pending> {
    requireNew(transaction)
    if (pool.find(transaction.id) === undefined) requireFirstAccusation(transaction)
    const rival = pool.find(transaction.id) ?? pool.rival(transaction)
    if (rival !== undefined) {
      if (equalBytes(rival.transaction.id, transaction.id)) return rival
      const contradicted = contradictedBy(transaction)
      if (contradicted !== undefined) return refuseConflict(contradicted, unit.transaction)
      throw new VitalchainError(
        'ERR_PLACE_TAKEN',
        'another transaction waits that follows the same one'
      )
    }
    const pending: Pending = {
      hash,
      bytes: unit.transaction,
      transaction,
      signaturesChecked: true,
      since: now()
    }
    pool.add(pending)
    onAdmitted(pending, unit)
    return pending
  }

  /** What waits already, handed over once more: the transaction is known, the payload beside it is not. */
  async function again(waiting: Pending, { payload }: Unit): Promise<Pending> {
    checkPayload(waiting.transaction, payload)
    // It may have been damaged on the disk since.
    await storePayload(waiting.transaction, payload)
    return waiting
  }

  function requireNew(transaction: Transaction): void {
    const leaf = ledger.findTransaction(transaction.id)
    if (leaf === undefined) return
    throw new VitalchainError('ERR_ALREADY_COMMITTED', 'the ledger holds this already', {
      values: { leaf }
    })
  }

  /** Before its signatures are checked: a faulty validator can prove one fault against itself any number of times. */
  function requireFirstAccusation(transaction: Transaction): void {
    if (transaction.type === 'evidence' && pool.rival(transaction) !== undefined)
      throw new VitalchainError('ERR_EVIDENCE_KNOWN', 'evidence of this fault waits already')
  }

  /** What the rules say against a transaction today. */
  function objectionTo(transaction: Transaction): VitalchainError | undefined {
    try {
      ledger.check(transaction, now())
      return undefined
    } catch (error) {
      if (isVitalchainError(error)) return error
      throw error
    }
  }

  /** A statement may come before the one that it follows; a call may when that one waits here. */
  function isHeld(objection: VitalchainError, transaction: Transaction): boolean {
    if (objection.code !== 'ERR_CHAIN_AHEAD') return false
    if (transaction.type === 'statement') return isByLane(transaction)
    return transaction.type !== 'call' || pool.find(transaction.call.previous) !== undefined
  }

  /** That a statement's predecessor is not lost: it waits, or is among those that came before and are being checked. */
  async function requireKnownBefore(
    transaction: Transaction,
    before: readonly Promise<Pending>[]
  ): Promise<void> {
    const resumedAt = restored?.resumedAt
    if (transaction.type !== 'statement' || restored === undefined || resumedAt === undefined)
      return
    const { statement } = transaction
    if (wroteAbove(statement, resumedAt)) return
    await Promise.allSettled(before)
    if (pool.find(statement.previous) !== undefined) return
    if (ledger.findTransaction(statement.previous) !== undefined) return
    throw restored.lostBefore(statement)
  }

  /** Whether a lane has a statement above a block: then it went on from what the ledger has. */
  function wroteAbove({ device, lane: number }: Statement, height: number): boolean {
    const lane = getLane(ledger.state, device, number)
    const leaf = lane && (ledger.findTransaction(lane.head) ?? ledger.findGap(lane.head))
    return leaf !== undefined && ledger.heightOf(leaf) > height
  }

  /** Signed by the lane's key of today, or by one that a waiting rotation brings: strangers take no place in the pool. */
  function isByLane({ statement, signed }: StatementTransaction): boolean {
    const device = getDevice(ledger.state, statement.device)
    if (device === undefined) return false
    const lane = getLane(ledger.state, statement.device, statement.lane)
    return (
      equalKeys(laneKey(device, lane), signed.publicKey) ||
      pool.hasRotation(statement, signed.publicKey)
    )
  }

  /** Another signed statement that contradicts this one at its place, committed or waiting. spec D-6 */
  function contradictedBy(transaction: Transaction): Uint8Array | undefined {
    if (transaction.type !== 'statement') return undefined
    const { statement } = transaction
    const leaf = ledger.findPlace(statement.device, statement.lane, statement)
    const committed = leaf === undefined ? undefined : ledger.transaction(leaf)
    const other = committed ?? pool.rival(transaction)?.bytes
    if (other === undefined) return undefined
    const known = decodeTransaction(other)
    if (known.type !== 'statement') return undefined
    // A device may drop what it did not send: a gap in the place of something else is no contradiction.
    if ((known.statement.type === 'gap') !== (statement.type === 'gap')) return undefined
    if (equalBytes(known.id, transaction.id) || comparePlaces(known.statement, statement) !== 0)
      return undefined
    return other
  }

  async function refuseConflict(known: Uint8Array, other: Uint8Array): Promise<never> {
    const evidence = conflictTransaction(transactionBody(known), transactionBody(other))
    try {
      await admission.submit({ transaction: evidence, payload: undefined })
    } catch (error) {
      // The lane is closed already, or another node was faster.
      if (errorCode(error) !== 'ERR_CHAIN_QUARANTINED') throw error
    }
    throw new VitalchainError(
      'ERR_STATEMENT_CONFLICT',
      'the device signed another statement for this place; its lane is closed'
    )
  }

  async function storePayload(
    transaction: Transaction,
    payload: Uint8Array | undefined
  ): Promise<void> {
    if (
      payload === undefined ||
      transaction.type !== 'statement' ||
      transaction.statement.type !== 'readings'
    )
      return
    const { payloadDigest, retention } = transaction.statement
    await ledger.putPayload(payloadDigest, payload, { retention })
  }

  const admission: Admission = {
    submit(unit, client) {
      const hash = sha256(unit.transaction.subarray(0, TRANSACTION_BYTES_MAX + 1))
      const name = toHex(hash)
      const known = pool.get(hash)
      if (known !== undefined) return again(known, unit)
      const running = checking.get(name)
      if (running !== undefined) return running.then(pending => again(pending, unit))
      const begun = admit(unit, hash, client).finally(() => checking.delete(name))
      checking.set(name, begun)
      return begun
    },
    async check(unit) {
      const transaction = decodeTransaction(unit.transaction)
      checkNetwork(transaction, ledger.network)
      checkPayload(transaction, unit.payload)
      await verifySignatures(transaction)
      await storePayload(transaction, unit.payload)
      return {
        hash: sha256(unit.transaction),
        bytes: unit.transaction,
        transaction,
        signaturesChecked: true,
        since: now()
      }
    }
  }
  return admission
}

/** A statement of readings comes with exactly the payload that it names; nothing else comes with one. */
function checkPayload(transaction: Transaction, payload: Uint8Array | undefined): void {
  const statement =
    transaction.type === 'statement' && transaction.statement.type === 'readings'
      ? transaction.statement
      : undefined
  if (statement === undefined) {
    if (payload !== undefined)
      throw new VitalchainError(
        'ERR_PAYLOAD_UNEXPECTED',
        'only a statement of readings has a payload'
      )
    return
  }
  if (payload === undefined)
    throw new VitalchainError(
      'ERR_PAYLOAD_MISSING',
      'the payload that the statement names is missing'
    )
  if (
    payload.length !== statement.payloadSize ||
    !equalBytes(sha256(payload), statement.payloadDigest)
  ) {
    throw new VitalchainError(
      'ERR_PAYLOAD_DIGEST',
      'the payload is not the one that the statement names'
    )
  }
}

async function verifySignatures(transaction: Transaction): Promise<void> {
  const verdicts = await Promise.all(
    signedParts(transaction).map(signed =>
      verifyInThreadPool(signed.publicKey, signedBytes(signed), signed.signature)
    )
  )
  if (!verdicts.every(Boolean))
    throw new VitalchainError('ERR_SIGNATURE', 'a signature of the transaction is not valid')
}
