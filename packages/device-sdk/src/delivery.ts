import {
  equalBytes,
  errorCode,
  isVitalchainError,
  laneAfter,
  createReceiptVerifier,
  VitalchainError,
  type LaneHead,
  type ReceiptVerifier,
  type ReadingStatement
} from '@vitalchain/core'
import type { EventHub } from './events.ts'
import type { HeardHeads } from './heard-heads.ts'
import { deviceStopped, type Lane } from './lane.ts'
import { HANDSHAKE_MS, WINDOW_STATEMENTS_MAX } from './limits.ts'
import { NodeSession, type SessionIdentity } from './node-session.ts'
import type { OutboxEntry, OutboxRecord } from './outbox.ts'
import type { Patience } from './patience.ts'
import type { Pending, Proof } from './submission.ts'
import type { DeviceTimers } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

const NO_STATEMENT = new Uint8Array(32)

/** What it takes to deliver the lanes of a device. */
export interface DeliveryInit {
  readonly identity: SessionIdentity
  /** In the order in which they are served. */
  readonly lanes: readonly Lane[]
  readonly timers: DeviceTimers
  /** Of this device, over all its connections. */
  readonly patience: Patience
  /** Where nodes said that lanes without a history stand, over all connections. */
  readonly heard: HeardHeads
  readonly events: EventHub
  /** The bytes of a stored statement. */
  readonly read: (record: OutboxRecord) => Promise<OutboxEntry>
  /** The outbox cannot read a statement, or cannot mark it as sent: its lane cannot go on. */
  readonly onFault: (lane: Lane, error: unknown) => void
  /** A statement is proved: the outbox may forget it. */
  readonly onProved: (pending: Pending, proof: Proof) => void
  /** A session is open. */
  readonly onSession: (session: NodeSession) => void
  /** A node refused a lane for good. */
  readonly onRefused: (lane: Lane, error: VitalchainError, what: 'session' | 'statement') => void
  /** A lane that lost its history learned a proved statement of its own: epochs go on behind that one's. */
  readonly onHistory: (statement: ReadingStatement) => void
}

/** One connection to one node: from hello to whatever ends it. */
export class Delivery {
  readonly #init: DeliveryInit
  readonly #ended = Promise.withResolvers<never>()
  #over = false
  /** Statements under way over this connection. */
  readonly #underWay: ReadonlyMap<Lane, Set<Pending>>
  /** Statements that this node says are committed: their receipts are asked for. */
  readonly #committed = new Set<Pending>()
  /** The lanes that wait for a proof: since when, ms of the timers, and how their wait ends early. */
  readonly #waits = new Map<Lane, { readonly since: number; readonly cancel: () => void }>()
  #proved = 0
  readonly #verifyReceipt: ReceiptVerifier

  constructor(init: DeliveryInit) {
    this.#verifyReceipt = createReceiptVerifier({ genesis: init.identity.network })
    this.#init = init
    this.#underWay = new Map(init.lanes.map(lane => [lane, new Set<Pending>()]))
    this.#ended.promise.catch(() => undefined)
  }

  /** How many statements this connection got proved. */
  get proved(): number {
    return this.#proved
  }

  /**
   * Delivers until the connection ends, which it says by rejecting; resolves only when every lane is stopped.
   *
   * @throws VitalchainError why the connection ended
   */
  async run(transport: DeviceTransport, signal: AbortSignal): Promise<void> {
    const { timers } = this.#init
    const connecting = new AbortController()
    const onAbort = (): void => this.#end(deviceStopped())
    signal.addEventListener('abort', onAbort)
    const cancelHandshake = timers.after(HANDSHAKE_MS, () =>
      this.#end(retryable('ERR_HANDSHAKE_TIMEOUT', 'the node did not open a session in time'))
    )
    const opening = transport.connect({ signal: connecting.signal })
    try {
      if (signal.aborted) throw deviceStopped()
      const connection = await Promise.race([opening, this.#ended.promise])
      const session = await Promise.race([
        NodeSession.open(connection, this.#init.identity, {
          onReceipt: (id, receipt) => this.#takeReceipt(id, receipt),
          onEnd: error => this.#end(error)
        }).catch((error: unknown) => {
          this.#refusedSession(this.#init.lanes, error)
          throw error
        }),
        this.#ended.promise
      ])
      // First of all, so that the answer does not wait behind statements and tells the time less well.
      this.#init.onSession(session)
      await Promise.race([this.#align(session), this.#ended.promise])
      cancelHandshake()
      this.#init.events.emit({ type: 'connected', transport: transport.name, node: session.node })
      const pumps = this.#init.lanes.map(lane => this.#pump(lane, session))
      await Promise.race([Promise.all(pumps), this.#ended.promise])
    } finally {
      this.#over = true
      cancelHandshake()
      signal.removeEventListener('abort', onAbort)
      connecting.abort()
      for (const { cancel } of this.#waits.values()) cancel()
      for (const lane of this.#init.lanes) lane.wake()
      await opening.then(
        connection => connection.close(),
        () => undefined
      )
    }
  }

  /** Learns where the lanes stand and goes on from there. */
  async #align(session: NodeSession): Promise<void> {
    const lanes = this.#init.lanes.filter(lane => lane.failure === undefined)
    const { heard } = this.#init
    const heads = new Map<Lane, LaneHead | undefined>()
    let isEnough = true
    for (const lane of lanes) {
      const head = await session.head(lane.number)
      if (lane.unopened && head !== undefined) await this.#proveHistory(lane, session, head.head)
      heads.set(lane, head)
    }
    for (const lane of lanes) {
      const head = heads.get(lane)
      // Only now that the history of both is known: no lane may open an epoch that the other has used.
      if (lane.unopened) {
        if (!heard.hear(lane, session.node, head)) {
          isEnough = false
          continue
        }
        const furthest = heard.furthest(lane)
        lane.open(furthest, true)
        // With a history that was lost the next start asks again, until a statement has said so.
        if (furthest === undefined)
          await lane.remember().catch((error: unknown) => this.#init.onFault(lane, error))
      }
      for (const pending of this.#compare(lane, head)) {
        this.#committed.add(pending)
        this.#commit(pending)
      }
      lane.sessionOpened()
    }
    if (!isEnough)
      throw retryable('ERR_ONE_NODE', 'another node is asked too where the lanes stand')
  }

  #compare(lane: Lane, head: LaneHead | undefined): readonly Pending[] {
    try {
      return lane.committedAt(head)
    } catch (error) {
      this.#refusedSession([lane], error)
      throw error
    }
  }

  /** A head is one node's word. That the statement exists, and is this device's, the quorum must say. */
  async #proveHistory(lane: Lane, session: NodeSession, id: Uint8Array): Promise<void> {
    let next = id
    while (true) {
      const { answered } = await session.receipt(next)
      const { transaction } = this.#prove(await answered).proven
      const statement = transaction.type === 'statement' ? transaction.statement : undefined
      if (
        statement === undefined ||
        // Behind a gap the head is the identity of the last statement that it stands for. spec D-5
        !equalBytes(laneAfter(statement, transaction.id).head, next) ||
        statement.lane !== lane.number ||
        !equalBytes(statement.device, this.#init.identity.device)
      ) {
        throw invalidReceipt('the head is not a statement of this lane')
      }
      // Only readings say in which epoch they are; a few other statements may stand behind them.
      if (statement.type === 'readings') return this.#init.onHistory(statement)
      if (equalBytes(statement.previous, NO_STATEMENT)) return
      next = statement.previous
    }
  }

  /** Sends a lane's statements in order, as many at once as the window allows, until the connection or the lane ends. */
  async #pump(lane: Lane, session: NodeSession): Promise<void> {
    const underWay = this.#underWay.get(lane) ?? new Set()
    while (!this.#over && lane.failure === undefined) {
      const next = this.#nextOf(lane, underWay)
      if (next === undefined) {
        await lane.changed()
        continue
      }
      underWay.add(next)
      if (!this.#waits.has(lane)) this.#awaitProof(lane)
      try {
        if (this.#committed.has(next)) await this.#askReceipt(lane, session, next)
        else await this.#submit(lane, session, next)
      } catch (error) {
        // Not an answer: the connection is gone, and the session has said why.
        this.#end(error)
      }
    }
  }

  #nextOf(lane: Lane, underWay: ReadonlySet<Pending>): Pending | undefined {
    if (underWay.size >= WINDOW_STATEMENTS_MAX) return undefined
    const next = lane.queue.find(pending => !underWay.has(pending))
    if (next === undefined || underWay.size === 0) return next
    let bytes = next.record.bytes
    for (const pending of underWay) bytes += pending.record.bytes
    return bytes <= lane.windowBytes ? next : undefined
  }

  async #submit(lane: Lane, session: NodeSession, pending: Pending): Promise<void> {
    const entry = await this.#load(lane, pending)
    if (entry === undefined) return
    const { answered } = await session.submit(entry)
    void this.#takeAnswer(lane, session, pending, answered)
  }

  /** The bytes to send; undefined when there is nothing to send any more. */
  async #load(lane: Lane, pending: Pending): Promise<OutboxEntry | undefined> {
    try {
      if (await lane.leave(pending)) return await this.#init.read(pending.record)
    } catch (error) {
      // Proved over an unasked receipt in the meantime, so its bytes are gone.
      if (lane.queue.includes(pending)) this.#init.onFault(lane, error)
    }
    this.#underWay.get(lane)?.delete(pending)
    this.#awaitProof(lane)
    return undefined
  }

  async #takeAnswer(
    lane: Lane,
    session: NodeSession,
    pending: Pending,
    answered: Promise<unknown>
  ): Promise<void> {
    try {
      await answered
      if (pending.accept())
        this.#init.events.emit({ type: 'accepted', submission: pending.submission })
    } catch (error) {
      if (errorCode(error) !== 'ERR_ALREADY_COMMITTED') return this.#refused(lane, error)
      this.#commit(pending)
      // Its receipt may have come unasked in the meantime.
      if (lane.find(pending.id) === undefined) return
      await this.#askReceipt(lane, session, pending).catch((lost: unknown) => this.#end(lost))
    }
  }

  async #askReceipt(lane: Lane, session: NodeSession, pending: Pending): Promise<void> {
    const { answered } = await session.receipt(pending.id)
    answered.catch((error: unknown) => this.#refused(lane, error))
  }

  /** A receipt for a statement that waits is verified; any other was asked for by somebody else, or came twice. */
  #takeReceipt(id: Uint8Array, receipt: Uint8Array): void {
    const lane = this.#init.lanes.find(each => each.find(id) !== undefined)
    const pending = lane?.find(id)
    if (lane === undefined || pending === undefined) return
    const proof = this.#verify(id, receipt)
    this.#commit(pending)
    this.#underWay.get(lane)?.delete(pending)
    this.#committed.delete(pending)
    this.#proved++
    const wait = this.#waits.get(lane)
    if (wait !== undefined) this.#init.patience.proved(this.#init.timers.elapsed() - wait.since)
    this.#awaitProof(lane)
    lane.settle(pending, proof)
    this.#init.onProved(pending, proof)
  }

  /** @throws VitalchainError `ERR_RECEIPT` (retryable: another node may have a good one) with the reason as its cause */
  #verify(id: Uint8Array, receipt: Uint8Array): Proof {
    const proof = this.#prove(receipt)
    const { transaction } = proof.proven
    if (transaction.type !== 'statement' || !equalBytes(transaction.id, id))
      throw invalidReceipt('the receipt proves another statement')
    return proof
  }

  #prove(receipt: Uint8Array): Proof {
    try {
      return { receipt, proven: this.#verifyReceipt(receipt) }
    } catch (cause) {
      throw invalidReceipt('the receipt does not hold', cause)
    }
  }

  #commit(pending: Pending): void {
    if (pending.commit())
      this.#init.events.emit({ type: 'committed', submission: pending.submission })
  }

  /** Statements commit in order, so a lane with any under way is to see a proof now and then. */
  #awaitProof(lane: Lane): void {
    this.#waits.get(lane)?.cancel()
    this.#waits.delete(lane)
    if (this.#over || (this.#underWay.get(lane)?.size ?? 0) === 0) return
    const { patience, timers } = this.#init
    const cancel = timers.after(patience.ms, () => {
      patience.disappointed()
      this.#end(retryable('ERR_COMMIT_TIMEOUT', 'the network did not commit in time'))
    })
    this.#waits.set(lane, { since: timers.elapsed(), cancel })
  }

  /** A node will not have a lane's statement: another one is tried, and if it is final that counts. */
  #refused(lane: Lane, error: unknown): void {
    // Answers to what was sent behind the first refused statement say nothing more.
    if (this.#over) return
    if (isVitalchainError(error) && !error.retryable) this.#init.onRefused(lane, error, 'statement')
    this.#end(error)
  }

  /** A node will not serve these lanes at all. */
  #refusedSession(lanes: readonly Lane[], error: unknown): void {
    if (this.#over || !isVitalchainError(error) || error.retryable) return
    for (const lane of lanes) this.#init.onRefused(lane, error, 'session')
  }

  #end(error: unknown): void {
    this.#over = true
    this.#ended.reject(error)
  }
}

function retryable(code: string, message: string): VitalchainError {
  return new VitalchainError(code, message, { retryable: true })
}

function invalidReceipt(message: string, cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_RECEIPT', message, { cause, retryable: true })
}
