import { advanceLeadership, heightRecordFormat } from '@vitalchain/consensus'
import type { BlockContext, StateReader } from '@vitalchain/contracts'
import {
  decodeTransaction,
  equalBytes,
  genesisFormat,
  isVitalchainError,
  networkId,
  proveState,
  toHex,
  verifyStateProof,
  VitalchainError,
  type Certificate,
  type Genesis,
  type TileReader,
  type ValidatorSet
} from '@vitalchain/core'
import { openPayloadStore, type PayloadStore } from '../store/payload-store.ts'
import type { StoreReader } from '../store/store.ts'
import { numberKey } from '../store/tables.ts'
import type { WantedPayload } from '../store/wanted-payloads.ts'
import { createArchive } from './archive.ts'
import { createGoodCertificates } from './proofs.ts'
import { buildBlock, validateBlock, type Base } from './blocks.ts'
import { checkCertifies } from './check-header.ts'
import { createBell, FIRST_CURSOR, streamEvents } from './events.ts'
import { createDamageList, watched } from './damage.ts'
import type { Executed } from './execute.ts'
import { createTerm, loadTip, nodeStore, termOf, toHead, type Tip } from './head.ts'
import { createOverlay } from './overlay.ts'
import { commitWrites, firstLeaf, readTransactionRecord } from './records.ts'
import { createRestore } from './restore.ts'
import type { CommittedBlock, Ledger, LedgerInit } from './types.ts'

export type * from './types.ts'
export type { CommittedEvent } from './events.ts'

const DAY_MS = 86_400_000

/** Heights for which it is kept what was heard beside the block: a fork is found long before they are over. */
const HEARD_HEIGHTS_MAX = 10_000

/**
 * Opens the ledger in a store; an empty store gets the genesis.
 *
 * @throws VitalchainError as `Format.decode` for the genesis, `ERR_STORE_NETWORK`, `ERR_CONTRACTS`; `ERR_DAMAGED`,
 * `ERR_TILE_MISSING` or `ERR_STATE_NODE` when the store's parts do not fit each other
 */
export async function openLedger(init: LedgerInit): Promise<Ledger> {
  const { store, genesis, rules, now = Date.now } = init
  const document = genesisFormat.decode(genesis)
  const tip = await loadTip(store, rules, { bytes: genesis, document })
  const payloads = await openPayloadStore(store, retentionIn(store))
  return createLedger({ store, genesis, rules, now }, document, tip, payloads)
}

/** The retention class that the newest statement gives a payload; undefined when none names it or it cannot be read. */
function retentionIn(store: StoreReader): (digest: Uint8Array) => number | undefined {
  return digest => {
    try {
      const leaf = store.get('named', digest)
      const record = leaf && store.get('transactions', leaf)
      const found = record && decodeTransaction(readTransactionRecord(record).bytes)
      return found?.type === 'statement' && found.statement.type === 'readings'
        ? found.statement.retention
        : undefined
    } catch (error) {
      if (isVitalchainError(error) && error.code !== 'ERR_STORE') return undefined
      throw error
    }
  }
}

function createLedger(
  { store, genesis, rules, now }: Required<LedgerInit>,
  document: Genesis,
  loaded: Tip,
  payloads: PayloadStore
): Ledger {
  const network = networkId(genesis)
  let tip = loaded
  // While a block is being written this is the store as it was before: state and head move together.
  let view: StoreReader = store
  let commits: Promise<unknown> = Promise.resolve()
  const closing = new AbortController()
  const bell = createBell()
  const size = (): number => tip.head.history.size
  const damage = createDamageList()
  const good = createGoodCertificates()
  const unwatched = createArchive({
    genesis,
    network,
    good,
    view: () => view,
    head: () => tip.head,
    terms: () => tip.terms,
    places: range => store.range('places', range)
  })
  const archive = watched(unwatched, damage.note)
  const state: StateReader = { get: key => view.get('state', key) }
  const nodes = nodeStore(() => view)

  const provenState: StateReader = {
    get(key) {
      const value = state.get(key)
      const claim = { root: tip.head.stateRoot, key, value, proof: proveState(nodes, key) }
      if (verifyStateProof(claim)) return value
      throw new VitalchainError('ERR_DAMAGED', 'a value of the state is damaged', {
        values: { table: 'state', key: toHex(key) }
      })
    }
  }

  const readTile: TileReader = (tileLevel, tileIndex) => archive.tile(tileLevel, tileIndex)

  const context = (time: number): BlockContext => ({
    network,
    genesis: document,
    height: tip.head.height + 1,
    time
  })
  const base = (): Base => ({
    network,
    tip,
    ground: { rules, state, nodes, frontier: tip.frontier, readTile },
    context
  })
  const validatorsOf = (height: number): ValidatorSet => termOf(tip.terms, height).validators

  const write = async (executed: Executed, certificate: Certificate): Promise<void> => {
    const { header } = executed.block
    const { validators } = executed.effects
    const term = termOf(tip.terms, header.height)
    const next = createTerm(header.height + 1, validators)
    const handsOver = !equalBytes(next.hash, term.hash)
    const leadership = advanceLeadership(
      tip.head.leadership,
      header.height,
      term.validators,
      executed.block.previousCertificate?.view
    )
    const wanted = missingPayloads(executed)
    const snapshot = store.snapshot()
    view = snapshot
    try {
      await store.write(commitWrites(executed, certificate, { leadership, handsOver, wanted }))
      tip = {
        head: toHead(header, certificate, leadership),
        frontier: executed.effects.frontier,
        terms: handsOver ? [...tip.terms, next] : tip.terms
      }
    } finally {
      view = store
      await snapshot.close()
    }
    // Its signatures were checked before the block was committed.
    good.add(certificate)
    payloads.want(wanted)
    bell.ring()
  }

  /** What a block names, this node lacks and its retention time would still keep. */
  const missingPayloads = ({ block, transactions }: Executed): WantedPayload[] =>
    transactions.flatMap(({ transaction }) => {
      if (transaction.type !== 'statement' || transaction.statement.type !== 'readings') return []
      const { payloadDigest: digest, retention } = transaction.statement
      const days = document.parameters.retentionDays[retention] ?? 0
      const isOver = block.header.time + days * DAY_MS < now()
      return isOver || payloads.has(digest) ? [] : [{ digest, retention }]
    })

  const commitNow = async (
    executed: Executed,
    certificate: Certificate,
    verified: boolean
  ): Promise<CommittedBlock> => {
    const { block, hash } = executed
    const { height, previous } = block.header
    const { head } = tip
    const done = { height, hash, block, firstLeaf: firstLeaf(block.header) }
    if (height <= head.height) {
      const committed = archive.certificate(height)
      if (committed === undefined) {
        throw new VitalchainError('ERR_DAMAGED', `the store lacks block ${height}`, {
          values: { height }
        })
      }
      if (!equalBytes(committed.blockHash, hash)) {
        // Without a certificate it is an error of the caller, not a fork of the network.
        if (!verified) checkCertifies(certificate, { network, height, hash }, validatorsOf(height))
        throw new VitalchainError('ERR_FORK', `two blocks are certified at height ${height}`, {
          values: { height }
        })
      }
      return { ...done, certificate: committed }
    }
    if (height !== head.height + 1 || !equalBytes(previous, head.hash)) {
      throw new VitalchainError('ERR_NOT_NEXT', `block ${height} does not follow the head`, {
        values: { height, head: head.height }
      })
    }
    if (!verified) checkCertifies(certificate, { network, height, hash }, validatorsOf(height))
    await write(executed, certificate)
    return { ...done, certificate }
  }

  const restore = createRestore({
    network,
    store,
    head: () => tip.head,
    validators: validatorsOf,
    transaction: index => unwatched.transaction(index),
    exclusive(task) {
      const result = commits.then(task)
      commits = result.catch(() => undefined)
      return result
    }
  })

  return {
    ...archive,
    damage,
    restore,
    network,
    genesis: document,
    genesisBytes: genesis,
    rules,
    state,
    provenState,
    get frontier() {
      return tip.frontier
    },
    get head() {
      return tip.head
    },
    validators: (height = tip.head.height + 1) => validatorsOf(height),
    heard(height) {
      const encoded = view.get('heard', numberKey(height))
      return encoded && heightRecordFormat.decode(encoded)
    },
    keepHeard(record) {
      const { height } = record
      const write = {
        table: 'heard',
        key: numberKey(height),
        value: heightRecordFormat.encode(record)
      } as const
      return store.note(write, numberKey(Math.max(0, height - HEARD_HEIGHTS_MAX)))
    },
    validatorSets: () => tip.terms.map(({ validators }) => validators),
    check(transaction, time) {
      rules.apply(
        createOverlay(state),
        transaction,
        context(Math.max(time, tip.head.time + 1)),
        true
      )
    },
    build: (candidates, as) => buildBlock(base(), candidates, as),
    validate: (block, options) => validateBlock(base(), block, options),
    commit(executed, certificate, { verified = false } = {}) {
      const result = commits.then(() => commitNow(executed, certificate, verified))
      commits = result.catch(() => undefined)
      return result
    },
    events({ from = FIRST_CURSOR, signal } = {}) {
      const end = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
      return streamEvents({ archive, size, bell }, from, end)
    },
    putPayload: (digest, bytes, { retention }) =>
      payloads.put({ digest, bytes, retention }, { time: now(), height: tip.head.height }),
    flushPayloads: () => payloads.flush(),
    getPayload: digest => payloads.get(digest),
    hasPayload: digest => payloads.has(digest),
    payloadMeta: digest => payloads.meta(digest),
    deletePayload: digest => payloads.delete(digest),
    discardPayload: async digest => {
      if (store.get('named', digest) === undefined) await payloads.delete(digest)
    },
    wantedPayloads: max => payloads.wanted(max),
    proveState: key => proveState(nodes, key),
    async close() {
      closing.abort()
      await commits
      try {
        await payloads.flush()
      } finally {
        await store.close()
      }
    }
  }
}
