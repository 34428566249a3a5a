import {
  blockFormat,
  blockHash,
  bytes,
  certificateCodec,
  equalBytes,
  errorCode,
  isVitalchainError,
  format,
  tuple,
  uint,
  VitalchainError,
  type Block,
  type Certificate,
  type ErrorValues,
  type Format
} from '@vitalchain/core'
import { checkCertifies } from '../ledger/check-header.ts'
import type { Executed } from '../ledger/execute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'

/** Blocks in one answer; the asker asks again. */
export const SYNC_BLOCKS_MAX: number = 64

/** Bytes in one answer. */
export const SYNC_BYTES_MAX: number = 4 * 1024 * 1024

/** How long a member may take for the next block, ms. */
const SYNC_TIMEOUT_MS = 5_000

const BLOCKS = 'blocks'

const rangeFormat: Format<{ readonly from: number }> = format(
  'range',
  16,
  tuple({ from: uint(Number.MAX_SAFE_INTEGER, 1) })
)

const certifiedFormat: Format<{ readonly block: Uint8Array; readonly certificate: Certificate }> =
  format(
    'certified block',
    blockFormat.bytesMax + 8 * 1024,
    tuple({ block: bytes(1, blockFormat.bytesMax), certificate: certificateCodec })
  )

/** Brings a node that is behind to the others' height. */
export interface CatchUp {
  /**
   * Asks for blocks above the own head: this member first, then the others, until nobody has more. One run at a time; a
   * call during a run is part of it.
   */
  run(first?: Uint8Array): Promise<void>
}

/** What {@link createCatchUp} needs. */
export interface CatchUpComponents {
  readonly ledger: Ledger
  readonly network: Network
  readonly signal: () => AbortSignal
  readonly exclusive: <T>(change: () => Promise<T>) => Promise<T>
  /** A block is durable that consensus on this node did not decide. */
  readonly onCommitted: (executed: Executed) => void
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
  log
}: CatchUpComponents): CatchUp {
  let running: Promise<void> | undefined

  network.handleRequest(
    BLOCKS,
    { access: 'members', maxRequestBytes: rangeFormat.bytesMax, timeoutMs: SYNC_TIMEOUT_MS },
    async request => certifiedBlocks(ledger, rangeFormat.decode(request).from)
  )

  async function fromMember(member: Uint8Array): Promise<void> {
    for (let before = -1; before < ledger.head.height && !signal().aborted;) {
      before = ledger.head.height
      let next = before + 1
      const answer = network.request(member, BLOCKS, rangeFormat.encode({ from: before + 1 }), {
        maxResponseBytes: SYNC_BYTES_MAX + certifiedFormat.bytesMax,
        timeoutMs: SYNC_TIMEOUT_MS,
        signal: signal()
      })
      for await (const part of answer) {
        const { block: encoded, certificate } = certifiedFormat.decode(part)
        const block = blockFormat.decode(encoded)
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

  async function fromAnybody(first: Uint8Array | undefined): Promise<void> {
    const linked = network.linkedMembers()
    const members =
      first === undefined ? linked : [first, ...linked.filter(member => !equalBytes(member, first))]
    const started = ledger.head.height
    for (const member of members) {
      if (signal().aborted) return
      try {
        await fromMember(member)
        // One that had blocks had all there were a moment ago; consensus brings the rest.
        if (ledger.head.height > started) return
      } catch (error) {
        log('catch-up from a member failed', { code: errorCode(error), height: ledger.head.height })
      }
    }
  }

  return {
    run(first) {
      running ??= fromAnybody(first).finally(() => {
        running = undefined
      })
      return running
    }
  }
}

async function* certifiedBlocks(ledger: Ledger, from: number): AsyncGenerator<Uint8Array> {
  let sent = 0
  for (let height = from; height < from + SYNC_BLOCKS_MAX && sent < SYNC_BYTES_MAX; height++) {
    const block = ledger.block(height)
    const certificate = ledger.certificate(height)
    if (block === undefined || certificate === undefined) return
    const encoded = certifiedFormat.encode({ block: blockFormat.encode(block), certificate })
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
