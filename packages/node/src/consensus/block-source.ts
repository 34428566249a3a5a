import {
  equalBytes,
  errorCode,
  sha256,
  toHex,
  VitalchainError,
  blockHash,
  checkBlock,
  hash32,
  format,
  tuple,
  type ErrorValues,
  type Format
} from '@vitalchain/core'
import { blockProposalCodec, type BlockProposal } from '@vitalchain/consensus'
import type { Ledger } from '../ledger/ledger.ts'
import { pause } from '../loop.ts'
import type { Network } from '../network/index.ts'
import type { Admission } from '../pool/admission.ts'
import { createBlockMeter, type Candidate } from '../ledger/execute.ts'
import type { Pool } from '../pool/pool.ts'
import {
  bundles,
  hashesFormat,
  payloadDigest,
  unitBytes,
  unitsFormat,
  type Unit
} from '../pool/unit.ts'

/** Pause between two rounds of asking, ms: another member may have got it meanwhile. */
const ASK_AGAIN_MS = 50

/** How long to wait for gossip to bring what a proposal names before asking for it, ms. They are sent at the same moment. */
const GOSSIP_GRACE_MS = 25

/** How long one member may take to answer, ms, before the next one is asked. */
const ANSWER_TIMEOUT_MS = 2_000

/** Bytes that one answer may have: a full block with all its payloads. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024

/** Bytes of a proposal: 2 000 hashes, a header and a certificate. */
const PROPOSAL_BYTES_MAX = 128 * 1024

const UNITS = 'units'
const PROPOSAL = 'proposal'

/** How a wait ends. */
export interface Wait {
  readonly signal: AbortSignal
  /** Whether what is asked for is of no more use. */
  readonly isOver: () => boolean
}

/** Where a node finds what a proposal names: in its pool, or at other members. */
export interface BlockSource {
  /**
   * The transactions of these hashes, in order, with their signatures checked. With `live`, their payloads are held too.
   *
   * @returns undefined when the wait was over first
   */
  transactions(
    hashes: readonly Uint8Array[],
    from: readonly Uint8Array[],
    wait: Wait & { readonly live: boolean }
  ): Promise<readonly Candidate[] | undefined>
  /** The proposal of a block hash. */
  proposal(
    hash: Uint8Array,
    from: readonly Uint8Array[],
    wait: Wait
  ): Promise<BlockProposal | undefined>
  /** A transaction came into the pool: somebody may wait for it. */
  arrived(): void
  /** Keeps the transactions of a block that this node may vote for: who still lacks them may find nobody else to ask. */
  hold(transactions: readonly Candidate[]): void
  /** Keeps what a block took from the pool for those who are a moment late, and drops what was held for its height. */
  keep(committed: readonly Candidate[]): void
}

const hashFormat: Format<{ readonly hash: Uint8Array }> = format(
  'hash',
  64,
  tuple({ hash: hash32 })
)
const proposalFormat: Format<BlockProposal> = format(
  'proposal',
  PROPOSAL_BYTES_MAX,
  blockProposalCodec
)

/** Makes the {@link BlockSource} of a node and answers others' requests. */
export function createBlockSource({
  ledger,
  pool,
  network,
  admission,
  proposals,
  onUnused,
  log
}: {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly network: Network
  readonly admission: Admission
  /** The proposals that this node knows. */
  readonly proposals: (hash: Uint8Array) => BlockProposal | undefined
  /** Is told what was fetched for blocks of a height that is over: no block may have taken it. */
  readonly onUnused: (fetched: readonly Candidate[]) => void
  readonly log: (event: string, values: ErrorValues) => void
}): BlockSource {
  // The transactions of the last two blocks: a member that is later than that catches up by whole blocks.
  let recent: ReadonlyMap<string, Candidate> = new Map()
  let older: ReadonlyMap<string, Candidate> = new Map()
  /** Those of blocks that this node built or found valid at the height under way. */
  const held = new Map<string, Candidate>()
  /** Those that came from others for such blocks, with their payloads. */
  let fetched: Candidate[] = []

  const known = (hash: Uint8Array): Candidate | undefined => {
    const name = toHex(hash)
    return pool.get(hash) ?? held.get(name) ?? recent.get(name) ?? older.get(name)
  }

  network.handleRequest(
    UNITS,
    { access: 'members', maxRequestBytes: hashesFormat.bytesMax, timeoutMs: ANSWER_TIMEOUT_MS * 5 },
    async request => {
      const asked = new Map(hashesFormat.decode(request).map(hash => [toHex(hash), hash]))
      return encodeBundles(unitsOf(asked.values()))
    }
  )
  network.handleRequest(
    PROPOSAL,
    { access: 'members', maxRequestBytes: hashFormat.bytesMax, timeoutMs: ANSWER_TIMEOUT_MS },
    async request => {
      const proposal = proposals(hashFormat.decode(request).hash)
      if (proposal === undefined)
        throw new VitalchainError('ERR_NOT_FOUND', 'no such proposal is known here', {
          retryable: true
        })
      return proposalFormat.encode(proposal)
    }
  )

  /** One by one, so that an answer takes no more memory than a bundle, and no more than one block may hold. */
  function* unitsOf(hashes: Iterable<Uint8Array>): IterableIterator<Unit> {
    let sent = 0
    for (const hash of hashes) {
      const candidate = known(hash)
      if (candidate === undefined) continue
      const unit = toUnit(ledger, candidate)
      sent += unitBytes(unit)
      if (sent > ANSWER_BYTES_MAX) return
      yield unit
    }
  }

  const waiting = new Set<() => void>()

  /** Waits until `isDone`, looking at each arrival, for at most {@link GOSSIP_GRACE_MS}. */
  function forArrivals(isDone: () => boolean, signal: AbortSignal): Promise<unknown> {
    const ended = new AbortController()
    const look = (): void => {
      if (isDone()) ended.abort()
    }
    waiting.add(look)
    return pause(GOSSIP_GRACE_MS, AbortSignal.any([signal, ended.signal])).finally(() =>
      waiting.delete(look)
    )
  }

  async function askForUnits(
    member: Uint8Array,
    hashes: readonly Uint8Array[],
    found: Map<string, Candidate>,
    signal: AbortSignal
  ): Promise<void> {
    const wanted = new Set(hashes.map(toHex))
    const answer = network.request(member, UNITS, hashesFormat.encode(hashes), {
      maxResponseBytes: ANSWER_BYTES_MAX,
      timeoutMs: ANSWER_TIMEOUT_MS,
      signal
    })
    for await (const part of answer) {
      const asked = unitsFormat.decode(part).flatMap(unit => {
        const hash = toHex(sha256(unit.transaction))
        return wanted.delete(hash) ? [{ hash, unit }] : []
      })
      // A member that sends what nobody asked for could go on for ever.
      if (asked.length === 0) return
      await Promise.all(
        asked.map(async ({ hash, unit }) => {
          const candidate = await admission.check(unit)
          fetched.push(candidate)
          found.set(hash, candidate)
        })
      )
      if (wanted.size === 0) return
    }
  }

  /** Asks one member after another until nothing is left to ask for. */
  async function untilDone(
    from: readonly Uint8Array[],
    wait: Wait,
    ask: (member: Uint8Array) => Promise<boolean>
  ): Promise<boolean> {
    while (!wait.isOver() && !wait.signal.aborted) {
      const linked = network.linkedMembers()
      const others = linked.filter(member => !from.some(each => equalBytes(each, member)))
      for (const member of [
        ...from.filter(each => linked.some(other => equalBytes(each, other))),
        ...others
      ]) {
        if (wait.isOver() || wait.signal.aborted) return false
        try {
          if (await ask(member)) return true
        } catch (error) {
          log('member did not help', { code: errorCode(error) })
        }
      }
      await pause(ASK_AGAIN_MS, wait.signal)
    }
    return false
  }

  const source: BlockSource = {
    async transactions(hashes, from, wait) {
      const found = new Map<string, Candidate>()
      const missing = (): readonly Uint8Array[] =>
        hashes.filter(hash => {
          const pending = found.get(toHex(hash)) ?? known(hash)
          if (pending === undefined) return true
          found.set(toHex(hash), pending)
          return wait.live && !holdsPayload(ledger, pending)
        })
      if (missing().length > 0) await forArrivals(() => missing().length === 0, wait.signal)
      const isOver = (): boolean => wait.isOver() || !fitBlock(found.values())
      const done =
        missing().length === 0 ||
        (await untilDone(from, { ...wait, isOver }, async member => {
          const wanted = missing()
          if (wanted.length > 0) await askForUnits(member, wanted, found, wait.signal)
          return missing().length === 0
        }))
      // No need to hold the rest of it to know.
      if (!done && !fitBlock(found.values()))
        throw new VitalchainError('ERR_BLOCK_SIZE', 'the block holds more than a block may')
      return done ? hashes.flatMap(hash => found.get(toHex(hash)) ?? []) : undefined
    },
    async proposal(hash, from, wait) {
      let found: BlockProposal | undefined
      await untilDone(from, wait, async member => {
        const answer = network.request(member, PROPOSAL, hashFormat.encode({ hash }), {
          maxResponseBytes: proposalFormat.bytesMax,
          timeoutMs: ANSWER_TIMEOUT_MS,
          signal: wait.signal
        })
        // The first part is the answer; a member that sends more could go on for ever.
        for await (const part of answer) {
          const proposal = proposalFormat.decode(part)
          const asked = equalBytes(blockHash(proposal.header), hash)
          if (asked && (await isWhole(proposal, member, wait))) found = proposal
          break
        }
        return found !== undefined
      })
      return found
    },
    arrived() {
      for (const look of waiting) look()
    },
    hold(transactions) {
      for (const candidate of transactions) held.set(toHex(candidate.hash), candidate)
    },
    keep(committed) {
      held.clear()
      onUnused(fetched)
      fetched = []
      older = recent
      recent = new Map(committed.map(pending => [toHex(pending.hash), pending]))
    }
  }

  /**
   * Whether the list of transactions is the one that the header binds. A header alone does not tell: a faulty member can
   * send it with another list, and the block would seem invalid.
   */
  async function isWhole(
    proposal: BlockProposal,
    member: Uint8Array,
    wait: Wait
  ): Promise<boolean> {
    const limit = AbortSignal.any([wait.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
    const held = await source.transactions(proposal.transactions, [member], {
      live: false,
      signal: limit,
      isOver: wait.isOver
    })
    if (held === undefined) return false
    const { header, previousCertificate } = proposal
    checkBlock(
      { header, previousCertificate, transactions: held.map(each => each.bytes) },
      ledger.frontier
    )
    return true
  }
  return source
}

/** Whether transactions could stand in one block together. */
function fitBlock(transactions: Iterable<Candidate>): boolean {
  const meter = createBlockMeter()
  for (const candidate of transactions) {
    if (!meter.fits(candidate)) return false
    meter.add(candidate)
  }
  return true
}

function holdsPayload(ledger: Ledger, { transaction }: Candidate): boolean {
  const digest = payloadDigest(transaction)
  return digest === undefined || ledger.hasPayload(digest)
}

/** A transaction with its payload as this node holds it. */
export function toUnit(
  ledger: Ledger,
  { bytes, transaction }: Pick<Candidate, 'bytes' | 'transaction'>
): Unit {
  const digest = payloadDigest(transaction)
  return {
    transaction: bytes,
    payload: digest === undefined ? undefined : ledger.getPayload(digest)
  }
}

async function* encodeBundles(units: Iterable<Unit>): AsyncGenerator<Uint8Array> {
  for (const bundle of bundles(units)) yield unitsFormat.encode(bundle)
}
