import {
  blockHash,
  equalBytes,
  errorCode,
  isVitalchainError,
  format,
  tuple,
  uint,
  VitalchainError,
  type Block,
  type ErrorValues,
  type Format
} from '@vitalchain/core'
import { certifiedBlockFormat } from '../ledger/certified-block.ts'
import { checkCertifies } from '../ledger/check-header.ts'
import type { Executed } from '../ledger/execute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network, RequestTarget } from '../network/index.ts'
import { notAMember } from '../network/refusal.ts'
import { unlessAborted, watchdog } from '../network/watchdog.ts'

/** Blocks in one answer; the asker asks again. */
export const SYNC_BLOCKS_MAX: number = 64

/** Bytes in one answer. */
export const SYNC_BYTES_MAX: number = 4 * 1024 * 1024

/** How long a member may take for the next block, ms. */
const SYNC_TIMEOUT_MS = 5_000

/**
 * How long a member may bring nothing before the next one is asked as well, ms: one whose line went dead is not noticed for
 * seconds, and a quorum may wait for this node. Longer than a block takes to be read, sent and carried out.
 */
const SECOND_OPINION_MS = 500

/** The name of the request for certified blocks. */
export const BLOCKS: string = 'blocks'

/** The bytes of such a request: the first height. */
export const rangeFormat: Format<{ readonly from: number }> = format(
  'range',
  16,
  tuple({ from: uint(Number.MAX_SAFE_INTEGER, 1) })
)

/** Brings a node that is behind to the others' height. */
export interface CatchUp {
  /**
   * Asks for blocks above the own head: this member first, then the others, until nobody has more. One run at a time; a
   * call during a run is part of it.
   */
  run(first?: Uint8Array): Promise<void>
  /**
   * Asks these, one after the other until one has blocks, for a node that nobody is linked with: a newcomer, or a member
   * that was removed while it was away. Waits for a run under way.
   */
  ask(targets: readonly RequestTarget[]): Promise<Asked>
}

/** What came of asking: how many answered, and how many refused because this node is no member. */
export interface Asked {
  readonly answered: number
  readonly refused: number
}

/** What {@link createCatchUp} needs. */
export interface CatchUpComponents {
  readonly ledger: Ledger
  readonly network: Network
  readonly signal: () => AbortSignal
  readonly exclusive: <T>(change: () => Promise<T>) => Promise<T>
  /** A block is durable that consensus on this node did not decide. */
  readonly onCommitted: (executed: Executed) => void
  /** The last height that a peer that is no member any more may read; undefined for who never was one. */
  readonly lastHeightOf: (peer: string) => number | undefined
  /** A certified block does not give the state that its header states: this node must not go on. */
  readonly onDiverged: (error: VitalchainError) => void
  readonly log: (event: string, values: ErrorValues) => void
}

/**
 * Makes the {@link CatchUp} of a node and answers others' requests. Nothing a member says is believed: every block must be
 * certified by the validators of its height, and give the state and history that its header states.
 */
export function createCatchUp({
  ledger,
  network,
  signal,
  exclusive,
  onCommitted,
  onDiverged,
  lastHeightOf,
  log
}: CatchUpComponents): CatchUp {
  let running: Promise<void> | undefined

  network.handleRequest(
    BLOCKS,
    // Open to all, to be closed here: who was a member may still read up to the block that removed it, and so learn of it.
    { access: 'anyone', maxRequestBytes: rangeFormat.bytesMax, timeoutMs: SYNC_TIMEOUT_MS },
    async (request, { member, peer }) => {
      const last = member === undefined ? lastHeightOf(peer) : Infinity
      if (last === undefined) throw notAMember()
      return certifiedBlocks(ledger, rangeFormat.decode(request).from, last)
    }
  )

  async function fromMember(
    member: RequestTarget,
    stop: AbortSignal,
    onBlock: () => void
  ): Promise<void> {
    for (let before = -1; before < ledger.head.height && !stop.aborted;) {
      before = ledger.head.height
      let next = before + 1
      const answer = network.request(member, BLOCKS, rangeFormat.encode({ from: before + 1 }), {
        maxResponseBytes: SYNC_BYTES_MAX + certifiedBlockFormat.bytesMax,
        timeoutMs: SYNC_TIMEOUT_MS,
        signal: stop
      })
      for await (const part of answer) {
        onBlock()
        const { block, certificate } = certifiedBlockFormat.decode(part)
        // A member that sends other blocks than were asked for could go on for ever, and nobody else would be asked.
        if (block.header.height !== next || next >= before + 1 + SYNC_BLOCKS_MAX)
          throw new VitalchainError('ERR_BLOCK_HEIGHT', `block ${next} was to come`, {
            values: { height: block.header.height }
          })
        next++
        const executed = await exclusive(async () => {
          const { header } = block
          if (header.height !== ledger.head.height + 1) return undefined
          // First the quorum, then the work: what nobody certified is not worth a signature check more.
          checkCertifies(
            certificate,
            { network: ledger.network, height: header.height, hash: blockHash(header) },
            ledger.validators()
          )
          const result = validate(block)
          await ledger.commit(result, certificate, { verified: true })
          return result
        })
        if (executed !== undefined) onCommitted(executed)
      }
    }
  }

  /** A certified block that is invalid here means that the state here is not the others'. */
  function validate(block: Block): Executed {
    try {
      return ledger.validate(block, { signaturesChecked: () => false })
    } catch (error) {
      // Parts that the header does not bind are the sender's fault; so is nothing of this node's disk.
      const own = isVitalchainError(error) && DIVERGED.has(error.code)
      if (own) onDiverged(diverged(block.header.height, error))
      throw error
    }
  }

  /** Asks one after the other, and the next already while one brings nothing: two that bring the same blocks do no harm. */
  async function fromAny(targets: readonly RequestTarget[]): Promise<Asked> {
    const started = ledger.head.height
    const enough = new AbortController()
    const stop = AbortSignal.any([signal(), enough.signal])
    let answered = 0
    let refused = 0
    const from = async (target: RequestTarget, onBlock: () => void): Promise<void> => {
      try {
        await fromMember(target, stop, onBlock)
        answered++
        // One that had blocks had all there were a moment ago; consensus brings the rest.
        if (ledger.head.height > started) enough.abort()
      } catch (error) {
        if (enough.signal.aborted) return
        const code = errorCode(error)
        if (code === 'ERR_NOT_A_MEMBER') refused++
        else log('catch-up from a member failed', { code, height: ledger.head.height })
      }
    }
    const asked: Promise<void>[] = []
    for (const target of targets) {
      if (stop.aborted) break
      const patience = watchdog(SECOND_OPINION_MS)
      const one = from(target, () => patience.touch())
      asked.push(one)
      // Rejects when the patience is at its end, which only means that the next one's turn has come.
      await unlessAborted(one, patience.signal).catch(() => undefined)
      patience.stop()
    }
    await Promise.all(asked)
    return { answered, refused }
  }

  async function fromLinked(first: Uint8Array | undefined): Promise<void> {
    const linked = network.linkedMembers()
    await fromAny(
      first === undefined ? linked : [first, ...linked.filter(member => !equalBytes(member, first))]
    )
  }

  return {
    run(first) {
      running ??= fromLinked(first).finally(() => {
        running = undefined
      })
      return running
    },
    async ask(targets) {
      for (let other = running; other !== undefined; other = running) await other
      const asked = fromAny(targets)
      running = asked.then(
        () => (running = undefined),
        () => (running = undefined)
      )
      return asked
    }
  }
}

async function* certifiedBlocks(
  ledger: Ledger,
  from: number,
  last: number
): AsyncGenerator<Uint8Array> {
  let sent = 0
  const end = Math.min(last, from + SYNC_BLOCKS_MAX - 1)
  for (let height = from; height <= end && sent < SYNC_BYTES_MAX; height++) {
    const block = ledger.block(height)
    const certificate = ledger.certificate(height)
    if (block === undefined || certificate === undefined) return
    const encoded = certifiedBlockFormat.encode({ block, certificate })
    sent += encoded.length
    yield encoded
  }
}

/** What only a state that differs can make of a block whose parts its header binds. */
const DIVERGED: ReadonlySet<string> = new Set(['ERR_BLOCK_STATE', 'ERR_BLOCK_NEXT_VALIDATORS'])

function diverged(height: number, cause: VitalchainError): VitalchainError {
  return new VitalchainError(
    'ERR_DIVERGED',
    'a certified block does not give the state that it states: the state here differs from the others',
    { cause, values: { height, code: cause.code } }
  )
}
