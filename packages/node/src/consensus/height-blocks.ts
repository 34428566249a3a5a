import {
  blockHash,
  errorCode,
  isVitalchainError,
  sha256,
  toHex,
  type Block
} from '@vitalchain/core'
import type { BlockProposal, Effect, Input, VoteState } from '@vitalchain/consensus'
import type { Executed } from '../ledger/execute.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Pending, Pool } from '../pool/pool.ts'
import { isStoreFailure } from '../store/store.ts'
import type { BlockSource } from './block-source.ts'
import type { PreparedBodies } from './vote-store.ts'

/** Doublings of the message delay that a proposal of a late view may have taken. */
const DELAY_DOUBLINGS_MAX = 6

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** What a replica is told, but for the time. */
export type ReplicaInput = Without<Input, 'now'>

type Asked<T extends Effect['type']> = Extract<Effect, { readonly type: T }>

/** The blocks of the height under way: built, found, checked and committed as the replica asks. */
export interface HeightBlocks {
  /**
   * Whether something waits that would take effect now. What would not must not count: this node would have every leader
   * replaced that does not propose it, and empty blocks would follow each other.
   */
  isWaitedFor(): boolean
  /** Builds a block from what waits. Undefined when its height is over. */
  build(effect: Asked<'build'>): ReplicaInput | undefined
  /** Gathers and carries out a proposed block. Undefined when its height was over first, or the signal aborted. */
  validate(effect: Asked<'validate'>, signal: AbortSignal): Promise<ReplicaInput | undefined>
  /** Finds a block. Undefined when its height was over first, and while another search for it is under way. */
  fetch(effect: Asked<'fetch'>, signal: AbortSignal): Promise<ReplicaInput | undefined>
  /** Makes a decided block durable. Undefined when its height was over first. */
  commit(effect: Asked<'commit'>, signal: AbortSignal): Promise<Executed | undefined>
  /**
   * The transactions of the prepared block: they must survive with the promise to propose it again, or a power cut everywhere
   * could leave a block that nobody can build on and nobody can drop.
   */
  bodiesOf(record: VoteState): PreparedBodies | undefined
  /** The newest proposal of this hash that was built, checked or committed here. */
  proposal(hash: Uint8Array): BlockProposal | undefined
  /** Keeps a proposal for those who ask for it. */
  keep(proposal: BlockProposal): void
  /** Drops what heights below the newest block left. */
  forget(): void
}

/** Makes the {@link HeightBlocks} of a node. */
export function createHeightBlocks({
  ledger,
  pool,
  source,
  now,
  proposer,
  membersOf,
  onRefused
}: {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly source: BlockSource
  readonly now: () => number
  /** This node's index among the validators of the height above the head. */
  readonly proposer: () => number
  /** The members of validator indices. */
  readonly membersOf: (indices: readonly number[]) => readonly Uint8Array[]
  /** Transactions that can never be committed were taken out of the pool. */
  readonly onRefused: (refused: readonly Pending[]) => void
}): HeightBlocks {
  const executed = new Map<string, Executed>()
  const proposals = new Map<string, BlockProposal>()
  /** Hashes of blocks that are being looked for. */
  const searches = new Set<string>()

  /** @param lost - takes the hashes of those that never will */
  function someTakesEffect(lost: Uint8Array[]): boolean {
    for (const { hash, transaction } of pool.firsts()) {
      try {
        ledger.check(transaction, now())
        return true
      } catch (error) {
        if (isStoreFailure(error)) throw error
        if (!isVitalchainError(error) || !error.retryable) lost.push(hash)
      }
    }
    return false
  }

  function drop(refused: readonly Uint8Array[]): void {
    const dropped = refused.flatMap(hash => pool.drop(hash) ?? [])
    if (dropped.length > 0) onRefused(dropped)
  }

  function remember(proposal: BlockProposal, result: Executed): void {
    executed.set(toHex(blockHash(proposal.header)), result)
    blocks.keep(proposal)
    source.hold(result.transactions)
  }

  /** Gathers a block's transactions and executes it. Undefined when the height is over before they were found. */
  async function execute(
    proposal: BlockProposal,
    from: readonly number[],
    live: boolean,
    signal: AbortSignal
  ): Promise<Executed | undefined> {
    const { height } = proposal.header
    const held = await source.transactions(proposal.transactions, membersOf(from), {
      live,
      signal,
      isOver: () => ledger.head.height >= height
    })
    if (held === undefined || ledger.head.height !== height - 1) return undefined
    const checked = new Map(held.map(each => [toHex(each.hash), each]))
    return ledger.validate(
      {
        header: proposal.header,
        previousCertificate: proposal.previousCertificate,
        transactions: held.map(each => each.bytes)
      },
      {
        signaturesChecked: hash => checked.has(toHex(hash)),
        known: hash => checked.get(toHex(hash))
      }
    )
  }

  /** A fresh block's time must be about now. spec C-5 */
  function isInTime(time: number, view: number): boolean {
    const { clockPrecisionMs, messageDelayMs } = ledger.genesis.parameters
    const late = messageDelayMs * 2 ** Math.min(view, DELAY_DOUBLINGS_MAX)
    return time - clockPrecisionMs <= now() && now() <= time + late + clockPrecisionMs
  }

  const blocks: HeightBlocks = {
    isWaitedFor() {
      const lost: Uint8Array[] = []
      const waits = someTakesEffect(lost)
      drop(lost)
      return waits
    },
    build({ height, view, minTime, allowEmpty }) {
      if (height !== ledger.head.height + 1) return undefined
      const {
        block,
        executed: result,
        refused
      } = ledger.build(pool.candidates(), {
        view,
        proposer: proposer(),
        time: Math.max(now(), minTime)
      })
      drop(refused.filter(({ error }) => !error.retryable).map(({ hash }) => hash))
      if (block.transactions.length === 0 && !allowEmpty) return { type: 'built', height, view }
      const proposal = proposalOf(block)
      remember(proposal, result)
      return { type: 'built', height, view, proposal }
    },
    async validate({ request, blockHash: hash, proposal, view, from, live, checkTime }, signal) {
      const refused = (code: string): ReplicaInput => ({
        type: 'validated',
        request,
        valid: false,
        code
      })
      try {
        if (checkTime && !isInTime(proposal.header.time, view)) return refused('ERR_BLOCK_TIME')
        if (!executed.has(toHex(hash))) {
          const result = await execute(proposal, from, live, signal)
          if (result === undefined) return undefined
          remember(proposal, result)
        }
        // spec C-24: nobody votes for readings that a power cut could take from its own disk.
        if (live) await ledger.flushPayloads()
      } catch (error) {
        if (signal.aborted) return undefined
        // A disk that fails says nothing about the block.
        if (isStoreFailure(error)) throw error
        return refused(errorCode(error))
      }
      return { type: 'validated', request, valid: true }
    },
    async fetch({ height, blockHash: wanted, from }, signal) {
      const name = toHex(wanted)
      // Asked again at each resend; one search goes on by itself until the height is over.
      if (searches.has(name)) return undefined
      searches.add(name)
      try {
        const proposal = await source.proposal(wanted, membersOf(from), {
          signal,
          isOver: () => ledger.head.height >= height
        })
        return proposal === undefined ? undefined : { type: 'fetched', proposal }
      } finally {
        searches.delete(name)
      }
    },
    async commit({ blockHash: decided, proposal, certificate }, signal) {
      if (ledger.head.height >= certificate.height) return undefined
      const result =
        executed.get(toHex(decided)) ??
        (await execute(proposal, certificate.signers, false, signal))
      // The replica verified every signature of the certificate.
      if (result !== undefined) await ledger.commit(result, certificate, { verified: true })
      return result
    },
    bodiesOf({ prepared }) {
      if (prepared === undefined) return undefined
      const hash = prepared.certificate.blockHash
      const held = executed.get(toHex(hash))
      return held === undefined
        ? undefined
        : { blockHash: hash, transactions: held.transactions.map(each => each.bytes) }
    },
    proposal: hash => proposals.get(toHex(hash)),
    keep(proposal) {
      proposals.set(toHex(blockHash(proposal.header)), proposal)
    },
    forget() {
      // Not what was built or checked for the next height: catch-up and consensus may both tell of one block.
      for (const [hash, { block }] of executed)
        if (block.header.height <= ledger.head.height) executed.delete(hash)
      for (const [hash, proposal] of proposals)
        if (proposal.header.height < ledger.head.height) proposals.delete(hash)
    }
  }
  return blocks
}

function proposalOf({ header, previousCertificate, transactions }: Block): BlockProposal {
  return { header, previousCertificate, transactions: transactions.map(sha256) }
}
