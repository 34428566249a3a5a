import { FIRST_LEADERSHIP, type Leadership } from '@vitalchain/consensus'
import type { Rules } from '@vitalchain/contracts'
import {
  blockHash,
  EMPTY_FRONTIER,
  equalBytes,
  frontierAt,
  frontierHead,
  hashValidatorSet,
  networkId,
  readStateRoot,
  tileNodeReader,
  updateStateTree,
  VitalchainError,
  type Certificate,
  type Frontier,
  type Genesis,
  type Header,
  type NodeStore,
  type TreeHead,
  type ValidatorSet
} from '@vitalchain/core'
import type { Store, StoreReader } from '../store/store.ts'
import { META, nodeKey, numberKey, readNumber, tileKey } from '../store/tables.ts'
import type { ValidatorTerm } from './check-header.ts'
import { createOverlay } from './overlay.ts'
import {
  genesisWrites,
  leadershipFormat,
  readHeaderRecord,
  validatorSetFormat,
  type HeaderRecord
} from './records.ts'

/** The newest block, or the genesis at height 0. */
export interface Head {
  readonly height: number
  /** Hash of the block's header; the network id at height 0. */
  readonly hash: Uint8Array
  /** The block's time, ms since 1970; the genesis's at height 0. */
  readonly time: number
  readonly history: TreeHead
  readonly stateRoot: Uint8Array
  /** The certificate that this node committed the block with; undefined at height 0. */
  readonly certificate?: Certificate
  /** What the chain says about leaders when the next height begins. spec C-4 */
  readonly leadership: Leadership
}

/** What a ledger keeps in memory: small, and derived from the store when it opens. */
export interface Tip {
  readonly head: Head
  readonly frontier: Frontier
  /** All validator sets since genesis, ascending; the last one certifies the next block. */
  readonly terms: readonly ValidatorTerm[]
}

/** The state tree's records in a store. */
export function nodeStore(view: () => StoreReader): NodeStore {
  return { get: position => view().get('nodes', nodeKey(position)) }
}

/** A validator set in force from a height. */
export function createTerm(from: number, validators: ValidatorSet): ValidatorTerm {
  return { from, validators, hash: hashValidatorSet(validators) }
}

/** The term that certifies a height. The terms are not empty and start at height 1. */
export function termOf(terms: readonly ValidatorTerm[], height: number): ValidatorTerm {
  const found = terms.findLast(term => term.from <= height) ?? terms[0]
  if (found === undefined) {
    throw new VitalchainError('ERR_DAMAGED', 'the store holds no validator set')
  }
  return found
}

/** The head that a certified header makes. */
export function toHead(header: Header, certificate: Certificate, leadership: Leadership): Head {
  return {
    height: header.height,
    hash: certificate.blockHash,
    time: header.time,
    history: header.history,
    stateRoot: header.stateRoot,
    certificate,
    leadership
  }
}

/**
 * Writes the genesis into an empty store, or checks that the store is of this genesis, and reads the tip.
 *
 * @throws VitalchainError `ERR_STORE_NETWORK` when the store is of another genesis, `ERR_CONTRACTS` when the rules are
 * not the genesis's, `ERR_DAMAGED` when the store's parts do not fit each other
 */
export async function loadTip(
  store: Store,
  rules: Rules,
  genesis: { readonly bytes: Uint8Array; readonly document: Genesis }
): Promise<Tip> {
  const initial = createOverlay({ get: () => undefined })
  rules.genesis(initial, genesis.document)
  const state = initial.changes()
  const { root, writes } = updateStateTree({ get: () => undefined }, state)
  const head: Head = {
    height: 0,
    hash: networkId(genesis.bytes),
    time: genesis.document.created,
    history: frontierHead(EMPTY_FRONTIER),
    stateRoot: root,
    leadership: FIRST_LEADERSHIP
  }

  const stored = store.get('meta', META.genesis)
  if (stored === undefined) {
    const validators = rules.validators(initial)
    const effects = { state, nodes: writes, validators }
    await store.write(genesisWrites(genesis.bytes, effects, FIRST_LEADERSHIP))
  } else if (!equalBytes(stored, genesis.bytes)) {
    throw new VitalchainError('ERR_STORE_NETWORK', 'the store is of another network')
  }
  return readTip(store, head)
}

async function readTip(store: Store, genesisHead: Head): Promise<Tip> {
  const height = readNumber(required(store, META.head))
  const newest = height === 0 ? undefined : readRecord(store, height)
  const leadership = leadershipFormat.decode(required(store, META.leadership))
  const head =
    newest === undefined ? genesisHead : toHead(newest.header, newest.certificate, leadership)
  const readNode = tileNodeReader((tileLevel, tileIndex) =>
    store.get('tiles', tileKey({ tileLevel, tileIndex }))
  )
  const frontier = frontierAt(head.history.size, readNode)
  const terms: ValidatorTerm[] = []
  for await (const { key, value, damaged } of store.entries('validators')) {
    if (damaged) throw inconsistent('a validator set')
    terms.push(createTerm(readNumber(key), validatorSetFormat.decode(value)))
  }
  if (!equalBytes(frontierHead(frontier).root, head.history.root)) throw inconsistent('the history')
  if (!equalBytes(readStateRoot(nodeStore(() => store)), head.stateRoot))
    throw inconsistent('the state')
  if (newest !== undefined) {
    const { header } = newest
    const fits =
      equalBytes(blockHash(header), head.hash) &&
      header.height === height &&
      equalBytes(termOf(terms, height).hash, header.validatorsHash) &&
      equalBytes(termOf(terms, height + 1).hash, header.nextValidatorsHash)
    if (!fits) throw inconsistent('the newest header')
  }
  return { head, frontier, terms }
}

function readRecord(store: Store, height: number): HeaderRecord {
  const encoded = store.get('headers', numberKey(height))
  if (encoded === undefined) throw inconsistent(`header ${height}`)
  return readHeaderRecord(encoded)
}

function required(store: Store, key: Uint8Array): Uint8Array {
  const value = store.get('meta', key)
  if (value === undefined) throw inconsistent('the meta table')
  return value
}

function inconsistent(what: string): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', `${what} in the store is missing or damaged`, {
    values: { what }
  })
}
