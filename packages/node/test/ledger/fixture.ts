import {
  createRules,
  devices,
  members,
  registerDeviceArgs,
  type Contract,
  type Rules
} from '@vitalchain/contracts'
import {
  callFormat,
  callTransaction,
  CONTENT_FORMAT_SENML_CBOR,
  conflictTransaction,
  createSigner,
  deviceId,
  genesisFormat,
  memberId,
  networkId,
  quorum,
  sha256,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  utf8,
  u32be,
  voteSignBytes,
  type Algorithm,
  type Block,
  type Certificate,
  type Genesis,
  type GenesisParameters,
  type Header,
  type PublicKey,
  type ReadingStatement,
  type Signer,
  blockHash
} from '@vitalchain/core'
import { createCandidate, type Candidate } from '../../src/ledger/execute.ts'
import { openLedger, type CommittedBlock, type Ledger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'

/** A time to begin with: 2026-01-01T00:00:00Z. */
export const START_MS: number = Date.UTC(2026, 0, 1)

/** A key that depends on its name alone, so that every run has the same bytes. */
export function testSigner(name: string, algorithm: Algorithm = 'ed25519'): Signer {
  return createSigner(algorithm, sha256(utf8(`test key of ${name}`)))
}

/** A founding member with all its keys. */
export interface TestMember {
  readonly id: Uint8Array
  readonly operator: Signer
  readonly consensus: Signer
}

/** A network that exists only as its genesis and keys. */
export interface TestNetwork {
  readonly genesis: Uint8Array
  readonly document: Genesis
  /** The network id. */
  readonly id: Uint8Array
  readonly members: readonly TestMember[]
  readonly rules: Rules
}

/** Makes the genesis of a network of `size` members with keys of their own. */
export function testNetwork(
  options: {
    size?: number
    name?: string
    parameters?: Partial<GenesisParameters>
    contracts?: readonly Contract[]
  } = {}
): TestNetwork {
  const { size = 4, name = 'test network', parameters, contracts = [members, devices] } = options
  const rules = createRules(contracts)
  const founders = Array.from({ length: size }, (_, k) => {
    const [operator, consensus, checkpoint, transport] = [
      testSigner(`${name} operator ${k}`),
      testSigner(`${name} consensus ${k}`),
      testSigner(`${name} checkpoint ${k}`),
      testSigner(`${name} transport ${k}`)
    ]
    return { operator, consensus, checkpoint, transport, id: memberId(operator.publicKey) }
  })
  const document: Genesis = {
    name,
    created: START_MS,
    members: founders.map((founder, k) => ({
      name: `Hospital ${k}`,
      operatorKey: founder.operator.publicKey,
      consensusKey: founder.consensus.publicKey.bytes,
      checkpointKey: founder.checkpoint.publicKey.bytes,
      transportKey: founder.transport.publicKey.bytes
    })),
    recovery: { threshold: 0, keys: [] },
    parameters: {
      clockPrecisionMs: 500,
      messageDelayMs: 1_000,
      payloadBytesPerMemberDay: 1024 ** 3,
      retentionDays: [30, 3650],
      unsafeSmallNetwork: size < 4,
      ...parameters
    },
    contracts: rules.versions
  }
  const genesis = genesisFormat.encode(document)
  return { genesis, document, id: networkId(genesis), members: founders, rules }
}

/** The member of a number. */
export function memberOf(network: TestNetwork, index = 0): TestMember {
  const member = network.members[index]
  if (member === undefined) throw new RangeError(`no member ${index}`)
  return member
}

/** A ledger of this network over a store in memory, or in a directory. */
export async function testLedger(network: TestNetwork, location = 'memory'): Promise<Ledger> {
  const store = await openStore(location)
  try {
    return await openLedger({
      store,
      genesis: network.genesis,
      rules: network.rules,
      now: () => START_MS
    })
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Makes a member's calls, each behind the one before. */
export class TestOperator {
  readonly #network: TestNetwork
  readonly #member: TestMember
  #previous: Uint8Array = new Uint8Array(32)

  constructor(network: TestNetwork, index = 0) {
    this.#network = network
    this.#member = memberOf(network, index)
  }

  /** The next call of this operator, signed. */
  async call(method: string, args: Uint8Array): Promise<Candidate> {
    const { id: author, operator } = this.#member
    const call = { network: this.#network.id, author, previous: this.#previous, method, args }
    const encoded = callFormat.encode(call)
    this.#previous = sha256(encoded)
    return createCandidate(callTransaction(await signCose(operator, encoded)), true)
  }

  /** The call that registers a device. */
  register(device: TestDevice): Promise<Candidate> {
    const args = { publicKey: device.publicKey, model: 'Test monitor', firmware: undefined }
    return this.call('devices.register', registerDeviceArgs(args))
  }
}

/** A statement that a device signed, with its payload. */
export interface SignedReading {
  readonly candidate: Candidate
  readonly payload: Uint8Array
  readonly digest: Uint8Array
  readonly statement: ReadingStatement
}

/** A device that signs statements, each behind the one before. Its payloads are stand-ins for encrypted ones. */
export class TestDevice {
  readonly id: Uint8Array
  readonly #signer: Signer
  readonly #network: Pick<TestNetwork, 'id'>
  #seq = 0
  #previous: Uint8Array = new Uint8Array(32)

  constructor(network: Pick<TestNetwork, 'id'>, name = 'device', algorithm: Algorithm = 'ed25519') {
    this.#network = network
    this.#signer = testSigner(name, algorithm)
    this.id = deviceId(this.#signer.publicKey)
  }

  get publicKey(): PublicKey {
    return this.#signer.publicKey
  }

  /** The identity of the newest statement of lane 0. */
  get previous(): Uint8Array {
    return this.#previous
  }

  /** The place of the next one. */
  get next(): Pick<ReadingStatement, 'seq' | 'previous'> {
    return { seq: this.#seq, previous: this.#previous }
  }

  /** The next statement of lane 0. */
  async read(fields: Partial<ReadingStatement> = {}): Promise<SignedReading> {
    const reading = await this.sign({ seq: this.#seq, previous: this.#previous, ...fields })
    this.#seq += 1
    this.#previous = statementId(statementFormat.encode(reading.statement))
    return reading
  }

  /** A statement with any fields, outside of the chain. */
  async sign(fields: Partial<ReadingStatement> = {}): Promise<SignedReading> {
    const payload = sha256(u32be(fields.seq ?? 0))
    const statement: ReadingStatement = {
      type: 'readings',
      network: this.#network.id,
      device: this.id,
      lane: 0,
      boot: 0,
      seq: 0,
      previous: new Uint8Array(32),
      from: START_MS,
      to: START_MS + 1_000,
      clock: { offset: 0, uncertainty: 10 },
      count: 4,
      stream: new Uint8Array(16).fill(7),
      generation: 0,
      epoch: 0,
      flags: 0,
      retention: 0,
      contentFormat: CONTENT_FORMAT_SENML_CBOR,
      payloadSize: payload.length,
      payloadDigest: sha256(payload),
      commitment: new Uint8Array(32).fill(9),
      ...fields
    }
    const cose = await signCose(this.#signer, statementFormat.encode(statement))
    const candidate = createCandidate(statementTransaction(cose), true)
    return { candidate, payload, digest: statement.payloadDigest, statement }
  }

  /** The proof that this device signed two statements for one place. */
  async conflict(a: Partial<ReadingStatement>, b: Partial<ReadingStatement>): Promise<Candidate> {
    const coses = await Promise.all(
      [a, b].map(async fields => {
        const { statement } = await this.sign(fields)
        return signCose(this.#signer, statementFormat.encode(statement))
      })
    )
    return createCandidate(conflictTransaction(coses[0]!, coses[1]!), true)
  }
}

/** A quorum's certificate of a block by the founders or others; the signers are the first, or the indices given. */
export async function certify(
  network: TestNetwork,
  header: Header,
  options: {
    view?: number
    phase?: 'prepare' | 'commit'
    signers?: readonly number[]
    validators?: readonly TestMember[]
  } = {}
): Promise<Certificate> {
  const { view = header.originView, phase = 'commit', validators = network.members } = options
  const signers = options.signers ?? Array.from({ length: quorum(validators.length) }, (_, k) => k)
  const hash = blockHash(header)
  const { height, recoveryEpoch } = header
  const message = voteSignBytes(
    { network: network.id, recoveryEpoch, height, view },
    { type: phase, blockHash: hash }
  )
  const signatures = await Promise.all(
    signers.map(signer => validators[signer]!.consensus.sign(message))
  )
  return { phase, height, view, blockHash: hash, signers, signatures }
}

/** Builds a block of these candidates on the head, one second later. */
export function buildNext(ledger: Ledger, candidates: Iterable<Candidate>, view = 0): Block {
  return ledger.build(candidates, { view, proposer: 0, time: ledger.head.time + 1_000 }).block
}

/** Builds, certifies and commits a block of these candidates. */
export async function commitNext(
  network: TestNetwork,
  ledger: Ledger,
  candidates: Iterable<Candidate>,
  view = 0
): Promise<CommittedBlock> {
  const { block, executed } = ledger.build(candidates, {
    view,
    proposer: 0,
    time: ledger.head.time + 1_000
  })
  return ledger.commit(executed, await certify(network, block.header))
}

/** A network with one registered device and its ledger at height 1. */
export async function ledgerWithDevice(
  location = 'memory',
  options: Parameters<typeof testNetwork>[0] = {}
): Promise<{ network: TestNetwork; ledger: Ledger; device: TestDevice; operator: TestOperator }> {
  const network = testNetwork(options)
  const ledger = await testLedger(network, location)
  const device = new TestDevice(network)
  const operator = new TestOperator(network)
  await commitNext(network, ledger, [await operator.register(device)])
  return { network, ledger, device, operator }
}
