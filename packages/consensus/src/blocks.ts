import { blockHash, equalBytes } from '@vitalchain/core'
import type { BlockProposal } from './messages.ts'
import {
  blockKey,
  filtered,
  nextNumber,
  patchRound,
  report,
  unknownBlock,
  withEntry,
  type KnownBlock,
  type Turn
} from './state.ts'

/** What a block is wanted for: a vote (`live`), and as a fresh one whose time is checked. */
export interface BlockPurpose {
  readonly live: boolean
  readonly checkTime: boolean
}

/**
 * The block of a hash once the host found it valid for this purpose. Until then it is fetched or given to the host,
 * and this returns undefined; calling again asks nothing twice.
 *
 * @param from - validators that should hold the block
 */
export function wantBlock(
  turn: Turn,
  hash: Uint8Array,
  from: readonly number[],
  purpose: BlockPurpose
): BlockProposal | undefined {
  const key = blockKey(hash)
  const known = turn.state.round.blocks.get(key)
  if (known === undefined) {
    fetchBlock(turn, hash, from)
    return undefined
  }
  if (known.status === 'valid') return known.block
  // A question asked for a stricter purpose may have been answered no, or never be answered, for that alone.
  const askedForMore = (known.live && !purpose.live) || (known.checkTime && !purpose.checkTime)
  if (known.status === 'unknown' || askedForMore) {
    askHost(turn, known, from, purpose)
  } else if (known.status === 'invalid' && known.source === 'proposal' && !purpose.checkTime) {
    // The header is wanted by a quorum, so the list that came with it may be at fault: find another copy. spec C-11.
    patchRound(turn, { blocks: filtered(turn.state.round.blocks, each => each !== key) })
    fetchBlock(turn, hash, from)
  }
  return undefined
}

/** Keeps a block that came with a proposal, unless a valid copy is known. */
export function keepProposedBlock(turn: Turn, block: BlockProposal, hash: Uint8Array): void {
  const { blocks } = turn.state.round
  const known = blocks.get(blockKey(hash))
  if (known?.status === 'valid' || known?.source === 'fetched') return
  patchRound(turn, {
    blocks: withEntry(blocks, blockKey(hash), unknownBlock(block, hash, 'proposal'))
  })
}

/** Keeps the block that the host built. */
export function keepBuiltBlock(turn: Turn, block: BlockProposal, hash: Uint8Array): void {
  patchRound(turn, {
    blocks: withEntry(turn.state.round.blocks, blockKey(hash), unknownBlock(block, hash, 'built'))
  })
}

/** The host found a block that was asked for. */
export function acceptFetched(turn: Turn, block: BlockProposal): void {
  const { round } = turn.state
  const hash = blockHash(block.header)
  const key = blockKey(hash)
  if (!round.fetching.has(key)) return
  patchRound(turn, {
    fetching: filtered(round.fetching, each => each !== key),
    missing: new Set([...round.missing].filter(each => each !== key)),
    blocks: withEntry(round.blocks, key, unknownBlock(block, hash, 'fetched'))
  })
}

/** The host's answer about a block; undefined when nobody waits for it. */
export function acceptVerdict(
  turn: Turn,
  request: number,
  valid: boolean,
  code: string
): KnownBlock | undefined {
  const { blocks } = turn.state.round
  const known = [...blocks.values()].find(
    each => each.request === request && each.status === 'checking'
  )
  if (known === undefined) return undefined
  const answered = { ...known, status: valid ? ('valid' as const) : ('invalid' as const), code }
  patchRound(turn, { blocks: withEntry(blocks, blockKey(known.blockHash), answered) })
  return answered
}

/** Drops the blocks that nothing refers to any more. spec C-30. */
export function pruneBlocks(turn: Turn): void {
  const { round } = turn.state
  const kept = [
    ...[...round.proposals.values()].map(proposal => proposal.blockHash),
    ...[...round.viewChanges.values()].map(viewChange => viewChange.preparedHash),
    ...[round.prepared?.certificate, round.certified].flatMap(
      certificate => certificate?.blockHash ?? []
    )
  ]
  patchRound(turn, {
    blocks: filtered(round.blocks, (_, known) =>
      kept.some(hash => equalBytes(hash, known.blockHash))
    ),
    missing: new Set([...round.missing].filter(key => kept.some(hash => blockKey(hash) === key))),
    fetching: filtered(round.fetching, (_, wanted) =>
      kept.some(hash => equalBytes(hash, wanted.blockHash))
    )
  })
}

function fetchBlock(turn: Turn, hash: Uint8Array, from: readonly number[]): void {
  const { round } = turn.state
  const key = blockKey(hash)
  if (round.fetching.has(key)) return
  const others = from.filter(each => each !== round.self)
  patchRound(turn, { fetching: withEntry(round.fetching, key, { blockHash: hash, from: others }) })
  turn.effects.push({ type: 'fetch', height: round.context.height, blockHash: hash, from: others })
}

function askHost(
  turn: Turn,
  known: KnownBlock,
  from: readonly number[],
  purpose: BlockPurpose
): void {
  const request = nextNumber(turn)
  const { round } = turn.state
  const asked = { ...known, ...purpose, status: 'checking' as const, request }
  patchRound(turn, { blocks: withEntry(round.blocks, blockKey(known.blockHash), asked) })
  turn.effects.push({
    type: 'validate',
    request,
    blockHash: known.blockHash,
    proposal: known.block,
    view: round.view,
    from: from.filter(each => each !== round.self),
    ...purpose
  })
}

/** Ends a height whose certified block the host cannot accept. */
export function reportDivergence(turn: Turn, known: KnownBlock): void {
  patchRound(turn, { finished: true })
  report(turn, {
    name: 'diverged',
    height: turn.state.round.context.height,
    blockHash: known.blockHash,
    code: known.code
  })
}
