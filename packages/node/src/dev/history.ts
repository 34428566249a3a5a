import {
  blockHash,
  isVitalchainError,
  receiptFormat,
  toHex,
  type ReceiptVerifier
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'

/** A statement where a chain holds it. */
export interface PlacedStatement {
  /** Its identity, hexadecimal. */
  readonly id: string
  /** Its device, hexadecimal. */
  readonly device: string
  readonly lane: number
  readonly boot: number
  readonly seq: number
  /** Identity of the statement before it in its lane, hexadecimal; undefined for a lane's first. */
  readonly previous: string | undefined
  readonly height: number
}

/** What one node's chain says, from the first block to its newest. */
export interface Chain {
  /** Whose it is, for messages. */
  readonly node: string
  /** Whether the node left the network: then it holds the history's beginning only. */
  readonly left: boolean
  /** Hash of the block at each height, hexadecimal; height 1 first. */
  readonly blocks: readonly string[]
  /** Root of the state after the newest block, hexadecimal. */
  readonly state: string
  /** In the order of the ledger. */
  readonly statements: readonly PlacedStatement[]
  /** Heights of calls and conflicts that accuse somebody. */
  readonly accusations: readonly number[]
  /** Payloads that its statements name and it does not hold. */
  readonly payloadsMissing: number
  /** Blocks that a view above 0 decided. */
  readonly viewChanges: number
}

/** A receipt that a device was given, taken apart. */
export interface ProvedBatch {
  readonly id: string
  /** The block that the receipt names. */
  readonly height: number
  readonly block: string
}

/** What devices know at the end. */
export interface Acknowledged {
  /** Identities of all statements that were signed, hexadecimal, by device and lane in the order of signing. */
  readonly signed: ReadonlyMap<string, readonly string[]>
  /** Of the batches whose receipt verified on a device. */
  readonly proved: readonly ProvedBatch[]
}

/** Violations that are told of one kind; the rest are counted. */
const TOLD_MAX = 5

/**
 * Compares what devices were told with what the chains hold.
 *
 * All chains are equal, with equal states; every batch with a receipt is on each of them once, in the block that its
 * receipt names; each device's statements stand in the order of signing, contiguous, each naming the one before; nothing
 * stands there that no device signed; nobody is accused; no payload is missing.
 *
 * @param done - whether every signed batch must be on the chains: when the devices had drained before the end
 * @returns a sentence for each violation; none when the history is right
 */
export function checkHistory(
  chains: readonly Chain[],
  { signed, proved }: Acknowledged,
  done: boolean
): readonly string[] {
  const violations: string[] = []
  const longest = chains.toSorted((a, b) => b.blocks.length - a.blocks.length)[0]
  if (longest === undefined) return ['there is no chain']
  for (const chain of chains) {
    const say = (what: string): unknown => violations.push(`${chain.node}: ${what}`)
    checkSame(chain, longest, say)
    const places = checkOnce(chain, say)
    const upTo = chain.left ? chain.blocks.length : Number.POSITIVE_INFINITY
    const known = proved.filter(({ height }) => height <= upTo)
    checkProved(chain, places, known, say)
    checkOrder(chain, signed, say, done && !chain.left)
    for (const height of chain.accusations)
      say(`block ${height} accuses somebody, and all were honest`)
    if (chain.payloadsMissing > 0 && !chain.left)
      say(`${chain.payloadsMissing} payloads are missing`)
  }
  return violations
}

type Say = (what: string) => unknown

function checkSame(chain: Chain, longest: Chain, say: Say): void {
  const fork = chain.blocks.findIndex((hash, k) => hash !== longest.blocks[k])
  if (fork >= 0) say(`block ${fork + 1} differs from that of ${longest.node}: the network forked`)
  else if (chain.left) return
  else if (chain.blocks.length < longest.blocks.length)
    say(`ends at height ${chain.blocks.length}, ${longest.node} at ${longest.blocks.length}`)
  else if (chain.state !== longest.state) say(`the state differs from that of ${longest.node}`)
}

function checkOnce({ statements }: Chain, say: Say): ReadonlyMap<string, PlacedStatement> {
  const byId = new Map<string, PlacedStatement>()
  const places = new Set<string>()
  const twice: string[] = []
  for (const statement of statements) {
    const { id, device, lane, boot, seq } = statement
    const place = `${device}/${lane}/${boot}/${seq}`
    if (byId.has(id) || places.has(place)) twice.push(`statement ${place} stands there twice`)
    byId.set(id, statement)
    places.add(place)
  }
  tell(twice, say)
  return byId
}

function checkProved(
  { blocks }: Chain,
  places: ReadonlyMap<string, PlacedStatement>,
  proved: readonly ProvedBatch[],
  say: Say
): void {
  tell(
    proved.flatMap(({ id, height, block }) => {
      const place = places.get(id)
      if (place === undefined) return [`batch ${id} was proved and is lost`]
      // A receipt may name any later header of the same history.
      if (place.height > height) return [`batch ${id} is in block ${place.height}, after its proof`]
      return blocks[height - 1] === block
        ? []
        : [`the receipt of batch ${id} names a block ${height} that is not on the chain`]
    }),
    say
  )
}

function checkOrder(
  { statements }: Chain,
  signed: ReadonlyMap<string, readonly string[]>,
  say: Say,
  done: boolean
): void {
  const faults: string[] = []
  const lanes = new Map<string, PlacedStatement[]>()
  for (const statement of statements) {
    const lane = laneName(statement)
    const before = lanes.get(lane)
    if (before === undefined) lanes.set(lane, [statement])
    else before.push(statement)
  }
  for (const [lane, held] of lanes) {
    const own = signed.get(lane)
    for (const [k, { id, seq, previous }] of held.entries()) {
      if (own?.[k] !== id)
        faults.push(`statement ${k} of ${lane} is not what the device signed there`)
      if (k === 0) continue
      if (seq !== (held[k - 1]?.seq ?? 0) + 1)
        faults.push(`statement ${k} of ${lane} is out of order`)
      if (previous !== held[k - 1]?.id)
        faults.push(`statement ${k} of ${lane} does not name the one before it`)
    }
  }
  if (done) {
    for (const [lane, own] of signed) {
      const held = lanes.get(lane)?.length ?? 0
      if (held !== own.length) faults.push(`${lane} has ${held} statements of ${own.length} signed`)
    }
  }
  tell(faults, say)
}

function tell(faults: readonly string[], say: Say): void {
  for (const fault of faults.slice(0, TOLD_MAX)) say(fault)
  if (faults.length > TOLD_MAX) say(`and ${faults.length - TOLD_MAX} more like these`)
}

/** The name of a lane in {@link Acknowledged}. */
export function laneName({ device, lane }: Pick<PlacedStatement, 'device' | 'lane'>): string {
  return `${device}/${lane}`
}

/** Reads the whole chain of a stopped node. */
export function readChain(node: string, ledger: Ledger, left: boolean): Chain {
  const { head } = ledger
  const blocks: string[] = []
  let viewChanges = 0
  for (let height = 1; height <= head.height; height++) {
    const header = ledger.header(height)
    blocks.push(header === undefined ? 'missing' : toHex(blockHash(header)))
    if ((ledger.certificate(height)?.view ?? 0) > 0) viewChanges++
  }
  const statements: PlacedStatement[] = []
  const accusations: number[] = []
  let payloadsMissing = 0
  for (let leaf = 0; leaf < head.history.size; leaf++) {
    const transaction = ledger.decodedTransaction(leaf)
    const height = ledger.heightOf(leaf)
    if (transaction === undefined) continue
    if (transaction.type === 'call') continue
    if (transaction.type !== 'statement') {
      accusations.push(height)
      continue
    }
    const { statement } = transaction
    const { lane, boot, seq, previous } = statement
    statements.push({
      id: toHex(transaction.id),
      device: toHex(statement.device),
      lane,
      boot,
      seq,
      previous: seq === 0 ? undefined : toHex(previous),
      height
    })
    if (statement.type === 'readings' && ledger.getPayload(statement.payloadDigest) === undefined)
      payloadsMissing++
  }
  return {
    node,
    left,
    blocks,
    state: toHex(head.stateRoot),
    statements,
    accusations,
    payloadsMissing,
    viewChanges
  }
}

/** Verifies a receipt that was kept; undefined when it does not verify or is for another statement. */
export function readProof(
  verify: ReceiptVerifier,
  receipt: Uint8Array,
  id: string
): ProvedBatch | undefined {
  try {
    if (toHex(verify(receipt).transaction.id) !== id) return undefined
  } catch (error) {
    if (isVitalchainError(error)) return undefined
    throw error
  }
  const { header } = receiptFormat.decode(receipt)
  return { id, height: header.height, block: toHex(blockHash(header)) }
}
