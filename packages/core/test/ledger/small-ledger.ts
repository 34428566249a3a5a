import { u32be, utf8 } from '../../src/bytes.ts'
import { ed25519PublicKey, signEd25519 } from '../../src/crypto/ed25519.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { createSigner, type Signer } from '../../src/crypto/keys.ts'
import type { Algorithm, PublicKey } from '../../src/crypto/signatures.ts'
import type { Anchor, HandOver, Pin } from '../../src/ledger/anchor.ts'
import type { Block } from '../../src/ledger/block.ts'
import { hashCertificate, type Certificate } from '../../src/ledger/certificate.ts'
import { signCose } from '../../src/ledger/cose.ts'
import {
  genesisFormat,
  networkId,
  type Genesis,
  type GenesisMember
} from '../../src/ledger/genesis.ts'
import { blockHash, PROTOCOL_VERSION, type Header } from '../../src/ledger/header.ts'
import { deviceId, memberId } from '../../src/ledger/identity.ts'
import { receiptFormat, type Receipt } from '../../src/ledger/receipt.ts'
import { makeRotation, type RotationStatement } from '../../src/ledger/rotation.ts'
import { voteSignBytes } from '../../src/ledger/sign-bytes.ts'
import {
  CONTENT_FORMAT_SENML_CBOR,
  statementFormat,
  statementId,
  type GapStatement,
  type ReadingStatement,
  type Statement
} from '../../src/ledger/statement.ts'
import type { StreamStatement } from '../../src/ledger/stream-statement.ts'
import { statementTransaction } from '../../src/ledger/transaction.ts'
import {
  hashValidatorSet,
  quorum,
  type Validator,
  type ValidatorSet
} from '../../src/ledger/validators.ts'
import {
  consistencyProof,
  inclusionProof,
  rootAt,
  type NodeReader
} from '../../src/merkle/history-prove.ts'
import {
  appendLeaves,
  EMPTY_FRONTIER,
  frontierHead,
  leafHash,
  type Frontier
} from '../../src/merkle/history.ts'
import { EMPTY_STATE_ROOT, updateStateTree, type NodeStore } from '../../src/merkle/state-tree.ts'
import { epochKey } from '../../src/payload/epoch-key.ts'
import { encodeReadings } from '../../src/payload/senml.ts'
import { sealPayload } from '../../src/payload/seal.ts'

/** 2023-11-14T22:13:20Z, when every test ledger begins. */
export const START_MS = 1_700_000_000_000

/** 32 bytes that depend on a name alone: a secret key, a salt, an identifier. */
export function seed(name: string): Uint8Array {
  return sha256(utf8(`vitalchain test ${name}`))
}

export function testSigner(algorithm: Algorithm, name: string): Signer {
  return createSigner(algorithm, seed(name))
}

/** A hospital with its secrets. */
export interface TestMember {
  readonly operator: Signer
  readonly consensusSecret: Uint8Array
  readonly genesisMember: GenesisMember
  readonly validator: Validator
}

export function testMember(name: string, keys: string = name): TestMember {
  const operator = testSigner('ed25519', `${name} operator`)
  const consensusSecret = seed(`${keys} consensus`)
  const consensusKey = ed25519PublicKey(consensusSecret)
  const checkpointKey = ed25519PublicKey(seed(`${keys} checkpoint`))
  const transportKey = ed25519PublicKey(seed(`${keys} transport`))
  return {
    operator,
    consensusSecret,
    genesisMember: {
      name,
      operatorKey: operator.publicKey,
      consensusKey,
      checkpointKey,
      transportKey
    },
    validator: { member: memberId(operator.publicKey), consensusKey, checkpointKey }
  }
}

export const FOUNDERS: readonly TestMember[] = ['Aachen', 'Berlin', 'Celle', 'Dresden'].map(name =>
  testMember(name)
)

export function testGenesis(
  founders: readonly TestMember[] = FOUNDERS,
  name = 'test network'
): Genesis {
  return {
    name,
    created: START_MS,
    members: founders.map(each => each.genesisMember),
    recovery: {
      threshold: 2,
      keys: ['one', 'two', 'three'].map(key => testSigner('es256', `recovery ${key}`).publicKey)
    },
    parameters: {
      clockPrecisionMs: 500,
      messageDelayMs: 2_000,
      payloadBytesPerMemberDay: 1_000_000_000,
      retentionDays: [30, 3_650],
      unsafeSmallNetwork: false
    },
    contracts: [
      { name: 'members', version: 1 },
      { name: 'devices', version: 1 }
    ]
  }
}

/** A certificate by these members of the set, by default its first quorum. */
export function certify(
  header: Header,
  set: readonly TestMember[],
  options: {
    readonly signers?: readonly number[]
    readonly view?: number
    readonly phase?: 'prepare' | 'commit'
  } = {}
): Certificate {
  const {
    signers = Array.from({ length: quorum(set.length) }, (_, index) => index),
    view = 0,
    phase = 'commit'
  } = options
  const { network, recoveryEpoch, height } = header
  const hash = blockHash(header)
  const message = voteSignBytes(
    { network, recoveryEpoch, height, view },
    { type: phase, blockHash: hash }
  )
  return {
    phase,
    height,
    view,
    blockHash: hash,
    signers,
    signatures: signers.map(signer => signEd25519(set[signer]!.consensusSecret, message))
  }
}

/** A ledger in memory: blocks with real signatures, a history tree and a state tree, but no contracts. */
export class SmallLedger {
  readonly genesis: Genesis
  readonly genesisBytes: Uint8Array
  readonly network: Uint8Array
  readonly blocks: { readonly block: Block; readonly certificate: Certificate }[] = []
  readonly transactions: Uint8Array[] = []
  /** Values by key, as the newest header's state root covers them. */
  readonly state = new Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>()
  readonly #handOvers: HandOver[] = []
  readonly #nodes = new Map<string, Uint8Array>()
  readonly #stateNodes = new Map<string, Uint8Array>()
  #set: readonly TestMember[]
  #frontier: Frontier = EMPTY_FRONTIER

  constructor(founders: readonly TestMember[] = FOUNDERS, name?: string) {
    this.#set = founders
    this.genesis = testGenesis(founders, name)
    this.genesisBytes = genesisFormat.encode(this.genesis)
    this.network = networkId(this.genesisBytes)
  }

  get readNode(): NodeReader {
    return (level, index) => this.#nodes.get(`${level}/${index}`)!
  }

  get stateStore(): NodeStore {
    return { get: position => this.#stateNodes.get(position) }
  }

  get frontier(): Frontier {
    return this.#frontier
  }

  header(height: number): Header {
    return this.blocks[height - 1]!.block.header
  }

  /** Adds a block of these transactions; the next one is certified by `next`, by default by the same members. */
  addBlock(
    transactions: readonly Uint8Array[],
    options: {
      readonly next?: readonly TestMember[]
      readonly signers?: readonly number[]
      readonly view?: number
    } = {}
  ): Header {
    const last = this.blocks.at(-1)
    const height = this.blocks.length + 1
    const next = options.next ?? this.#set
    for (const transaction of transactions) {
      const key = utf8(`test/transaction/${this.transactions.length}`)
      this.state.set(key.join(), { key, value: sha256(transaction) })
      this.transactions.push(transaction)
    }
    this.#frontier = appendLeaves(
      this.#frontier,
      transactions.map(leafHash),
      (level, index, hash) => this.#nodes.set(`${level}/${index}`, hash)
    )
    const header: Header = {
      protocol: PROTOCOL_VERSION,
      network: this.network,
      recoveryEpoch: 0,
      height,
      previous: last === undefined ? this.network : blockHash(last.block.header),
      time: START_MS + height * 1_000,
      originView: 0,
      originProposer: height % this.#set.length,
      transactionCount: transactions.length,
      history: frontierHead(this.#frontier),
      stateRoot: this.#updateState(),
      validatorsHash: hashValidatorSet(validatorsOf(this.#set)),
      nextValidatorsHash: hashValidatorSet(validatorsOf(next)),
      previousCertificateHash: hashCertificate(last?.certificate)
    }
    const certificate = certify(header, this.#set, options)
    this.blocks.push({
      block: { header, previousCertificate: last?.certificate, transactions },
      certificate
    })
    if (next !== this.#set)
      this.#handOvers.push({ header, certificate, validators: validatorsOf(next) })
    this.#set = next
    return header
  }

  /** What ties the header of a height to genesis, and to the history of an earlier size. */
  anchor(height: number = this.blocks.length, pinSize?: number): Anchor {
    const { block, certificate } = this.blocks[height - 1]!
    return {
      genesis: this.genesisBytes,
      handOvers: this.#handOvers.filter(each => each.header.height < height),
      header: block.header,
      certificate,
      consistency:
        pinSize === undefined
          ? undefined
          : {
              size: pinSize,
              root: rootAt(pinSize, this.readNode),
              path: consistencyProof(pinSize, block.header.history.size, this.readNode)
            }
    }
  }

  /** The checkpoint of a height, as somebody trusts it; with the validators that certified it when asked. */
  pin(height: number, options: { readonly validators?: boolean } = {}): Pin {
    const { history, validatorsHash } = this.header(height)
    return options.validators === true ? { ...history, validators: validatorsHash } : history
  }

  /** The receipt of transaction `index` against the header of a height, by default the newest. */
  receipt(index: number, height?: number, pinSize?: number): Receipt {
    const anchor = this.anchor(height, pinSize)
    return {
      ...anchor,
      index,
      path: inclusionProof(index, anchor.header.history.size, this.readNode),
      transaction: this.transactions[index]!
    }
  }

  encodedReceipt(index: number, height?: number, pinSize?: number): Uint8Array {
    return receiptFormat.encode(this.receipt(index, height, pinSize))
  }

  #updateState(): Uint8Array {
    if (this.state.size === 0) return EMPTY_STATE_ROOT
    const changes = [...this.state.values()].map(({ key, value }) => [key, value] as const)
    const { root, writes } = updateStateTree(this.stateStore, changes)
    for (const [position, record] of writes) {
      if (record === undefined) this.#stateNodes.delete(position)
      else this.#stateNodes.set(position, record)
    }
    return root
  }
}

export function validatorsOf(set: readonly TestMember[]): ValidatorSet {
  return set.map(each => each.validator)
}

/** A device that seals real payloads and keeps its chain; everything it does follows from its name. */
export class TestDevice {
  readonly signer: Signer
  readonly id: Uint8Array
  readonly #network: Uint8Array
  #boot = 1
  #seq = 0
  #previous: Uint8Array = new Uint8Array(32)

  constructor(network: Uint8Array, algorithm: Algorithm, name: string) {
    this.#network = network
    this.signer = testSigner(algorithm, `device ${name}`)
    this.id = deviceId(this.signer.publicKey)
  }

  get #place(): Omit<GapStatement, 'type' | 'last' | 'lastDropped' | 'count' | 'reason' | 'time'> {
    return {
      network: this.#network,
      device: this.id,
      lane: 0,
      boot: this.#boot,
      seq: this.#seq,
      previous: this.#previous
    }
  }

  /** The next statement with its payload, not signed yet; the device moves on. */
  readings(changes: Partial<ReadingStatement> = {}): {
    statement: ReadingStatement
    payload: Uint8Array
    clear: Uint8Array
    key: Uint8Array
  } {
    const from = START_MS + this.#seq * 60_000
    const clear = encodeReadings([
      { name: '8867-4', unit: '/min', time: from, value: 62 },
      { name: '8867-4', unit: '/min', time: from + 30_000, value: 64 }
    ])
    const generation = 1
    const epoch = 7
    const key = epochKey(seed(`stream ${generation}`), epoch)
    const place = this.#place
    const sealed = sealPayload(clear, place, key, seed(`salt ${this.#seq}`).subarray(0, 16))
    const statement: ReadingStatement = {
      type: 'readings',
      ...place,
      from,
      to: from + 30_000,
      clock: this.#seq % 2 === 0 ? undefined : { offset: -120, uncertainty: 40 },
      count: 2,
      stream: seed('stream').subarray(0, 16),
      generation,
      epoch,
      flags: 0,
      retention: 0,
      contentFormat: CONTENT_FORMAT_SENML_CBOR,
      payloadSize: sealed.payload.length,
      payloadDigest: sealed.payloadDigest,
      commitment: sealed.commitment,
      ...changes
    }
    this.#follow(statement.boot, statement.seq, statementId(statementFormat.encode(statement)))
    return { statement, payload: sealed.payload, clear, key }
  }

  /** The next statement, binding the lane; the device moves on. */
  binding(stream: Uint8Array | undefined, generation: number): StreamStatement {
    const statement = { type: 'stream', ...this.#place, flags: 0, stream, generation } as const
    this.#follow(statement.boot, statement.seq, statementId(statementFormat.encode(statement)))
    return statement
  }

  /** The next statement, bringing a new key, which the caller signs with from now on; the device moves on. */
  async rotation(
    next: Signer,
    oldKey: PublicKey = this.signer.publicKey
  ): Promise<RotationStatement> {
    const statement = await makeRotation(this.#place, 0, oldKey, next)
    this.#follow(statement.boot, statement.seq, statementId(statementFormat.encode(statement)))
    return statement
  }

  /** The next statement, standing for `dropped` statements; the device moves on. */
  gap(dropped: number): GapStatement {
    const place = this.#place
    const last = { boot: place.boot, seq: place.seq + dropped - 1 }
    const { statement } = this.readings({ ...last, previous: sha256(u32be(last.seq)) })
    return {
      type: 'gap',
      ...place,
      last,
      lastDropped: statementFormat.encode(statement),
      count: dropped * 2,
      reason: 1,
      time: START_MS + last.seq * 60_000
    }
  }

  async transaction(statement: Statement): Promise<Uint8Array> {
    return statementTransaction(await signCose(this.signer, statementFormat.encode(statement)))
  }

  async nextTransaction(): Promise<Uint8Array> {
    return this.transaction(this.readings().statement)
  }

  #follow(boot: number, seq: number, previous: Uint8Array): void {
    this.#boot = boot
    this.#seq = seq + 1
    this.#previous = previous
  }
}

/** Five blocks of statements by an Ed25519 and an ES256 device, the validator set as founded. */
export async function plainLedger(): Promise<SmallLedger> {
  const ledger = new SmallLedger()
  const monitor = new TestDevice(ledger.network, 'ed25519', 'monitor')
  const pump = new TestDevice(ledger.network, 'es256', 'pump')
  for (const count of [1, 3, 2, 4, 1]) {
    const transactions: Uint8Array[] = []
    for (let k = 0; k < count; k++) {
      transactions.push(await monitor.nextTransaction(), await pump.nextTransaction())
    }
    ledger.addBlock(transactions, { signers: count % 2 === 0 ? [0, 2, 3] : [0, 1, 2], view: count })
  }
  ledger.addBlock([await monitor.transaction(monitor.gap(5)), await pump.nextTransaction()])
  return ledger
}

/** Eight blocks over which the validator set changes three times: a member joins, a key changes, a member leaves. */
export async function movingLedger(): Promise<SmallLedger> {
  const ledger = new SmallLedger(FOUNDERS, 'moving network')
  const pump = new TestDevice(ledger.network, 'es256', 'pump')
  const joined = [...FOUNDERS, testMember('Essen')]
  const rekeyed = joined.with(1, testMember('Berlin', 'Berlin new'))
  const left = rekeyed.slice(1)
  for (const next of [undefined, joined, undefined, rekeyed, left, undefined, undefined, undefined])
    ledger.addBlock([await pump.nextTransaction()], next === undefined ? {} : { next })
  return ledger
}

/**
 * What the founders of {@link movingLedger} could forge with the consensus keys that they kept after the first
 * hand-over: the same genesis, `shared` of its true transactions, and then their own.
 */
export async function retiredFork(moving: SmallLedger, shared: number): Promise<SmallLedger> {
  const fork = new SmallLedger(FOUNDERS, 'moving network')
  for (const transaction of moving.transactions.slice(0, shared)) fork.addBlock([transaction])
  const liar = new TestDevice(fork.network, 'ed25519', 'liar')
  while (fork.blocks.length <= moving.blocks.length) fork.addBlock([await liar.nextTransaction()])
  return fork
}
