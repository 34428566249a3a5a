import {
  appendLeaves,
  blockHash,
  comparePlaces,
  decodeTransaction,
  EMPTY_FRONTIER,
  equalBytes,
  errorCode,
  followsIn,
  frontierHead,
  genesisFormat,
  genesisValidators,
  hashValidatorSet,
  inclusionProof,
  laneAfter,
  leafHash,
  networkId,
  quorum,
  receiptFormat,
  createSigner,
  sha256,
  signEd25519,
  toHex,
  utf8,
  verifySigned,
  VitalchainError,
  voteSignBytes,
  type Frontier,
  type Header,
  type LaneHead,
  type PublicKey,
  type ReadingStatement,
  type Statement
} from '@vitalchain/core'

/** A key seed for tests. */
export function seed(name: string): Uint8Array {
  return sha256(utf8(name))
}

const MEMBERS = 4
const ZERO = new Uint8Array(32)

function ed25519Key(name: string): Uint8Array {
  return createSigner('ed25519', seed(name)).publicKey.bytes
}

/** A genesis document of four hospitals. */
function testGenesis(name: string = 'test'): Uint8Array {
  return genesisFormat.encode({
    name,
    created: 1_700_000_000_000,
    members: Array.from({ length: MEMBERS }, (_, k) => ({
      name: `Hospital ${k}`,
      operatorKey: createSigner('ed25519', seed(`operator ${k}`)).publicKey,
      consensusKey: ed25519Key(`consensus ${k}`),
      checkpointKey: ed25519Key(`checkpoint ${k}`),
      transportKey: ed25519Key(`transport ${k}`)
    })),
    recovery: { threshold: 0, keys: [] },
    parameters: {
      clockPrecisionMs: 1_000,
      messageDelayMs: 1_000,
      payloadBytesPerMemberDay: 1e9,
      retentionDays: [3_650],
      unsafeSmallNetwork: false
    },
    contracts: [{ name: 'devices', version: 1 }]
  })
}

/** A statement that a node handed to the ledger. */
export interface Submitted {
  readonly transaction: Uint8Array
  readonly payload: Uint8Array | undefined
  readonly id: Uint8Array
  readonly statement: Statement
}

/** Committed readings. */
export interface CommittedReadings extends Submitted {
  readonly payload: Uint8Array
  readonly statement: ReadingStatement
}

/**
 * A ledger of one process that keeps the devices' rules and makes real blocks with a quorum's signatures. It commits
 * everything that continues a chain, in the order of the chain, and each statement once.
 */
export class FakeLedger {
  readonly genesis: Uint8Array = testGenesis()
  readonly network: Uint8Array = networkId(this.genesis)
  /** Every statement committed, in order. */
  readonly chain: Submitted[] = []
  /** The readings among them. */
  readonly committed: CommittedReadings[] = []
  /** Places for which two different statements of one kind came: a device that contradicts itself. */
  readonly conflicts: string[] = []
  /** Whether a device is registered by coming. */
  open = false
  /** How often a statement that was committed already was handed over again. */
  repeated = 0
  readonly #keys = new Map<string, PublicKey>()
  readonly #heads = new Map<string, LaneHead>()
  readonly #held = new Map<string, Submitted>()
  readonly #receipts = new Map<string, Uint8Array>()
  readonly #gapReceipts = new Map<string, Uint8Array>()
  readonly #listeners = new Set<(submitted: Submitted, receipt: Uint8Array) => void>()
  readonly #nodes = new Map<string, Uint8Array>()
  #frontier: Frontier = EMPTY_FRONTIER
  #height = 0
  #previous: Uint8Array = this.network
  #planned = false
  #paused = false
  readonly #places = new Map<string, string>()
  /** What else a statement must pass when it is committed: throws when it does not, which counts as a conflict. */
  rules: (transaction: Uint8Array) => void = () => undefined

  register(id: Uint8Array, key: PublicKey): void {
    this.#keys.set(toHex(id), key)
  }

  head(device: Uint8Array, lane: 0 | 1): LaneHead | undefined {
    return this.#heads.get(`${toHex(device)}.${lane}`)
  }

  receipt(id: Uint8Array): Uint8Array | undefined {
    return this.#receipts.get(toHex(id)) ?? this.#gapReceipts.get(toHex(id))
  }

  /** The device's key. @throws VitalchainError `ERR_DEVICE_UNKNOWN` */
  key(device: Uint8Array): PublicKey {
    const key = this.#keys.get(toHex(device))
    if (key === undefined) throw new VitalchainError('ERR_DEVICE_UNKNOWN', 'not registered')
    return key
  }

  onCommit(listener: (submitted: Submitted, receipt: Uint8Array) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** From now on nothing commits, until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#plan()
  }

  /** Checks a statement as admission does. @throws VitalchainError */
  check(transaction: Uint8Array, payload: Uint8Array | undefined): Submitted {
    const decoded = decodeTransaction(transaction)
    if (decoded.type !== 'statement')
      throw new VitalchainError('ERR_SCHEMA', 'expected a statement')
    const { statement, signed, id } = decoded
    const key = this.key(statement.device)
    if (!equalBytes(statement.network, this.network))
      throw new VitalchainError('ERR_OTHER_NETWORK', 'other network')
    if (!verifySigned(signed) || !equalBytes(signed.publicKey.bytes, key.bytes))
      throw new VitalchainError('ERR_SIGNATURE', 'bad signature')
    const place = [toHex(statement.device), statement.lane, statement.boot, statement.seq]
    const name = [...place, statement.type === 'gap'].join('.')
    const other = this.#places.get(name)
    if (other !== undefined && other !== toHex(id)) this.conflicts.push(name)
    this.#places.set(name, toHex(id))
    if (statement.type !== 'readings') {
      if (payload !== undefined) throw new VitalchainError('ERR_PAYLOAD_UNEXPECTED', 'a payload')
    } else if (
      payload === undefined ||
      payload.length !== statement.payloadSize ||
      !equalBytes(sha256(payload), statement.payloadDigest)
    )
      throw new VitalchainError('ERR_PAYLOAD_DIGEST', 'other payload')
    if (this.#receipts.has(toHex(id))) {
      this.repeated++
      throw new VitalchainError('ERR_ALREADY_COMMITTED', 'committed already')
    }
    const head = this.head(statement.device, statement.lane)
    if (head !== undefined && comparePlaces(statement, head) <= 0)
      throw new VitalchainError('ERR_PLACE_TAKEN', 'another statement stands here')
    return { transaction, payload, id, statement }
  }

  /** Holds a checked statement until it continues its chain. */
  hold(submitted: Submitted): void {
    this.#held.set(toHex(submitted.id), submitted)
    this.#plan()
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      if (!this.#paused) this.#commit()
    })
  }

  #continues({ statement }: Submitted): boolean {
    const head = this.head(statement.device, statement.lane)
    return head === undefined
      ? statement.seq === 0 && equalBytes(statement.previous, ZERO)
      : followsIn(head, statement)
  }

  #commit(): void {
    const block: Submitted[] = []
    for (let next = this.#take(); next !== undefined; next = this.#take()) block.push(next)
    if (block.length === 0) return
    const first = this.#frontier.size
    for (const submitted of block) {
      this.chain.push(submitted)
      const { payload, statement } = submitted
      if (payload !== undefined && statement.type === 'readings')
        this.committed.push({ ...submitted, payload, statement })
    }
    this.#frontier = appendLeaves(
      this.#frontier,
      block.map(({ transaction }) => leafHash(transaction)),
      (level, index, hash) => this.#nodes.set(`${level}.${index}`, hash)
    )
    const genesis = genesisFormat.decode(this.genesis)
    const validators = genesisValidators(genesis)
    this.#height++
    const header: Header = {
      protocol: 1,
      network: this.network,
      recoveryEpoch: 0,
      height: this.#height,
      previous: this.#previous,
      time: 1_700_000_000_000 + this.#height,
      originView: 0,
      originProposer: 0,
      transactionCount: block.length,
      history: frontierHead(this.#frontier),
      stateRoot: ZERO,
      validatorsHash: hashValidatorSet(validators),
      nextValidatorsHash: hashValidatorSet(validators),
      previousCertificateHash: ZERO
    }
    this.#previous = blockHash(header)
    const place = { network: this.network, recoveryEpoch: 0, height: this.#height, view: 0 }
    const message = voteSignBytes(place, { type: 'commit', blockHash: this.#previous })
    const signers = Array.from({ length: quorum(MEMBERS) }, (_, k) => k)
    const certificate = {
      phase: 'commit' as const,
      height: this.#height,
      view: 0,
      blockHash: this.#previous,
      signers,
      signatures: signers.map(k => signEd25519(seed(`consensus ${k}`), message))
    }
    block.forEach((submitted, k) => {
      const receipt = receiptFormat.encode({
        genesis: this.genesis,
        handOvers: [],
        header,
        certificate,
        consistency: undefined,
        index: first + k,
        path: inclusionProof(
          first + k,
          this.#frontier.size,
          (level, index) => this.#nodes.get(`${level}.${index}`) ?? ZERO
        ),
        transaction: submitted.transaction
      })
      this.#receipts.set(toHex(submitted.id), receipt)
      // Behind a gap the lane's head is the identity of what was dropped.
      if (submitted.statement.type === 'gap')
        this.#gapReceipts.set(toHex(laneAfter(submitted.statement, submitted.id).head), receipt)
      for (const tell of this.#listeners) tell(submitted, receipt)
    })
  }

  #take(): Submitted | undefined {
    for (const [key, submitted] of this.#held) {
      if (!this.#continues(submitted)) continue
      this.#held.delete(key)
      try {
        this.rules(submitted.transaction)
      } catch (error) {
        this.conflicts.push(`refused by the contracts: ${errorCode(error)}`)
      }
      const { device, lane } = submitted.statement
      this.#heads.set(`${toHex(device)}.${lane}`, laneAfter(submitted.statement, submitted.id))
      return submitted
    }
    return undefined
  }
}
