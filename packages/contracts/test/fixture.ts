import {
  callFormat,
  callTransaction,
  concatBytes,
  createSigner,
  decodeTransaction,
  deviceId,
  genesisFormat,
  memberId,
  networkId,
  sha256,
  signCose,
  statementFormat,
  statementTransaction,
  toHex,
  u32be,
  utf8,
  type Genesis,
  type ReadingStatement,
  type Signer,
  type Statement,
  type Transaction
} from '@vitalchain/core'
import {
  createRules,
  devices,
  members,
  registerDeviceArgs,
  callHead,
  type BlockContext,
  type Contract,
  type Rules,
  type State
} from '@vitalchain/contracts'

/** A secret key that a test can name. */
export function secret(name: string): Uint8Array {
  return sha256(utf8(`test key ${name}`))
}

const signers = new Map<string, Signer>()

/** A signer that a test can name. Each is made once: finding a public key takes longer than most rules. */
export function signer(name: string, algorithm: 'ed25519' | 'es256' = 'ed25519'): Signer {
  const known = signers.get(`${algorithm} ${name}`)
  if (known !== undefined) return known
  const made = createSigner(algorithm, secret(name))
  signers.set(`${algorithm} ${name}`, made)
  return made
}

/** State in a map. */
export function mapState(): State & { readonly entries: Map<string, Uint8Array> } {
  const entries = new Map<string, Uint8Array>()
  return {
    entries,
    get: key => entries.get(toHex(key)),
    put: (key, value) => void entries.set(toHex(key), value),
    delete: key => void entries.delete(toHex(key))
  }
}

/** A network of four hospitals, or as many as asked for, with rules applied to a state, without blocks or nodes. */
export class World {
  readonly operators: readonly Signer[]
  readonly genesis: Genesis
  readonly network: Uint8Array
  readonly rules: Rules
  readonly state: State & { readonly entries: Map<string, Uint8Array> } = mapState()
  height = 1
  time = 1_700_000_000_000

  constructor(
    contracts: readonly Contract[] = [members, devices],
    parameters: Partial<Genesis['parameters']> = {},
    size = 4
  ) {
    this.operators = Array.from({ length: size }, (_, k) => signer(`operator ${k + 1}`))
    this.rules = createRules(contracts)
    this.genesis = {
      name: 'test',
      created: 1_700_000_000_000,
      members: this.operators.map((operator, k) => ({
        name: `Hospital ${k + 1}`,
        operatorKey: operator.publicKey,
        consensusKey: signer(`consensus ${k}`).publicKey.bytes,
        checkpointKey: signer(`checkpoint ${k}`).publicKey.bytes,
        transportKey: signer(`transport ${k}`).publicKey.bytes
      })),
      recovery: { threshold: 0, keys: [] },
      parameters: {
        clockPrecisionMs: 500,
        messageDelayMs: 2000,
        payloadBytesPerMemberDay: 1_000_000,
        retentionDays: [365],
        unsafeSmallNetwork: false,
        ...parameters
      },
      contracts: this.rules.versions
    }
    this.network = networkId(genesisFormat.encode(this.genesis))
    this.rules.genesis(this.state, this.genesis)
  }

  block(): BlockContext {
    return { network: this.network, genesis: this.genesis, height: this.height, time: this.time }
  }

  /** Applies a transaction, or throws and leaves the state as it was. */
  apply(bytes: Uint8Array): Transaction {
    const before = new Map(this.state.entries)
    const transaction = decodeTransaction(bytes)
    try {
      this.rules.apply(this.state, transaction, this.block(), false)
    } catch (error) {
      this.state.entries.clear()
      for (const [key, value] of before) this.state.entries.set(key, value)
      throw error
    }
    return transaction
  }

  async call(
    operator: Signer,
    method: string,
    args: Uint8Array,
    previous?: Uint8Array,
    author: Uint8Array = memberId(operator.publicKey)
  ): Promise<Uint8Array> {
    const call = {
      network: this.network,
      author,
      previous: previous ?? callHead(this.state, author) ?? new Uint8Array(32),
      method,
      args
    }
    return callTransaction(await signCose(operator, callFormat.encode(call)))
  }

  async register(device: Signer, operator: Signer = this.operators[0]!): Promise<Uint8Array> {
    const args = registerDeviceArgs({
      publicKey: device.publicKey,
      model: 'monitor',
      firmware: undefined
    })
    this.apply(await this.call(operator, 'devices.register', args))
    return deviceId(device.publicKey)
  }

  /** A statement of readings; its payload is a hash of its place. */
  readings(device: Signer, fields: Partial<ReadingStatement> = {}): ReadingStatement {
    const digest = sha256(concatBytes([utf8('payload'), u32be(fields.seq ?? 0)]))
    return {
      type: 'readings',
      network: this.network,
      device: deviceId(device.publicKey),
      lane: 0,
      boot: 1,
      seq: 0,
      previous: new Uint8Array(32),
      from: 1_700_000_000_000,
      to: 1_700_000_060_000,
      clock: undefined,
      count: 60,
      stream: new Uint8Array(16),
      generation: 0,
      epoch: 0,
      flags: 0,
      retention: 0,
      contentFormat: 112,
      payloadSize: 1000,
      payloadDigest: digest,
      commitment: digest,
      ...fields
    }
  }

  async sign(device: Signer, statement: Statement): Promise<Uint8Array> {
    return statementTransaction(await signCose(device, statementFormat.encode(statement)))
  }
}
