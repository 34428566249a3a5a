import {
  appendLeaves,
  blockHash,
  consistencyProof,
  createSigner,
  ed25519PublicKey,
  EMPTY_FRONTIER,
  EMPTY_STATE_ROOT,
  frontierHead,
  genesisFormat,
  hashCertificate,
  hashValidatorSet,
  leafHash,
  memberId,
  networkId,
  quorum,
  sha256,
  signEd25519,
  utf8,
  voteSignBytes,
  type Certificate,
  type CertifiedHeader,
  type Frontier,
  type HandOver,
  type Header,
  type Pin,
  type Validator
} from '@vitalchain/core'
import { useNodeCrypto } from '../node-crypto.ts'

useNodeCrypto()

/** 2023-11-14T22:13:20Z, when every test ledger begins. */
const START_MS = 1_700_000_000_000

function seed(name: string): Uint8Array {
  return sha256(utf8(`light client test ${name}`))
}

/** A hospital with the secret that it votes with. */
export interface TestMember {
  readonly name: string
  readonly consensusSecret: Uint8Array
  readonly validator: Validator
}

export function testMember(name: string): TestMember {
  const operator = createSigner('ed25519', seed(`${name} operator`))
  const consensusSecret = seed(`${name} consensus`)
  return {
    name,
    consensusSecret,
    validator: {
      member: memberId(operator.publicKey),
      consensusKey: ed25519PublicKey(consensusSecret),
      checkpointKey: ed25519PublicKey(seed(`${name} checkpoint`))
    }
  }
}

export const FOUNDERS: readonly TestMember[] = ['Aachen', 'Berlin', 'Celle', 'Dresden'].map(
  testMember
)

/** What a test decides of a block. */
export interface BlockOptions {
  /** How many leaves it adds; default 2. */
  readonly leaves?: number
  /** Who certifies the next block; default as before. */
  readonly next?: readonly TestMember[]
  /** Another text makes another block: its leaves differ. */
  readonly mark?: string
  /** Fields that the block has instead of the right ones. */
  readonly header?: Partial<Header>
  readonly signers?: readonly number[]
  readonly view?: number
}

/** Certified headers over a history tree, without contracts; it can be copied, and go on in two ways. */
export class ForkableLedger {
  readonly genesis: Uint8Array
  readonly network: Uint8Array
  readonly blocks: CertifiedHeader[] = []
  readonly handOvers: HandOver[] = []
  #set: readonly TestMember[] = FOUNDERS
  #frontier: Frontier = EMPTY_FRONTIER
  readonly #nodes = new Map<string, Uint8Array>()

  constructor(name: string = 'light network') {
    this.genesis = genesisFormat.encode({
      name,
      created: START_MS,
      members: FOUNDERS.map(({ name, validator }) => ({
        name,
        operatorKey: createSigner('ed25519', seed(`${name} operator`)).publicKey,
        consensusKey: validator.consensusKey,
        checkpointKey: validator.checkpointKey,
        transportKey: ed25519PublicKey(seed(`${name} transport`))
      })),
      recovery: { threshold: 0, keys: [] },
      parameters: {
        clockPrecisionMs: 500,
        messageDelayMs: 2_000,
        payloadBytesPerMemberDay: 1_000_000,
        retentionDays: [30],
        unsafeSmallNetwork: false
      },
      contracts: [{ name: 'members', version: 1 }]
    })
    this.network = networkId(this.genesis)
  }

  get height(): number {
    return this.blocks.length
  }

  header(height: number): Header {
    return this.blocks[height - 1]!.header
  }

  /** The checkpoint of a height with its validators. */
  pin(height: number): Pin {
    const { history, validatorsHash } = this.header(height)
    return { ...history, validators: validatorsHash }
  }

  grow(blocks: number, options: BlockOptions = {}): this {
    for (let k = 0; k < blocks; k++) this.addBlock(options)
    return this
  }

  addBlock({ leaves = 2, next, mark = '', header: changes, ...by }: BlockOptions = {}): Header {
    const last = this.blocks.at(-1)
    const height = this.blocks.length + 1
    const hashes = Array.from({ length: leaves }, (_, k) =>
      leafHash(utf8(`${mark} ${height}.${k}`))
    )
    this.#frontier = appendLeaves(this.#frontier, hashes, (level, index, hash) =>
      this.#nodes.set(`${level}/${index}`, hash)
    )
    const header: Header = {
      protocol: 1,
      network: this.network,
      recoveryEpoch: 0,
      height,
      previous: last === undefined ? this.network : blockHash(last.header),
      time: START_MS + height * 1_000,
      originView: 0,
      originProposer: 0,
      transactionCount: leaves,
      history: frontierHead(this.#frontier),
      stateRoot: EMPTY_STATE_ROOT,
      validatorsHash: hashOf(this.#set),
      nextValidatorsHash: hashOf(next ?? this.#set),
      previousCertificateHash: hashCertificate(last?.certificate),
      ...changes
    }
    const certificate = certify(header, this.#set, by)
    this.blocks.push({ header, certificate })
    if (next !== undefined) {
      this.handOvers.push({ header, certificate, validators: next.map(each => each.validator) })
      this.#set = next
    }
    return header
  }

  /** The same ledger up to a height, to go on in another way. */
  copy(height: number = this.height): ForkableLedger {
    const other = Object.assign(new ForkableLedger(), {
      genesis: this.genesis,
      network: this.network
    })
    for (const { header, certificate } of this.blocks.slice(0, height))
      other.blocks.push({ header, certificate })
    for (const each of this.handOvers) if (each.header.height <= height) other.handOvers.push(each)
    for (const [name, hash] of this.#nodes) other.#nodes.set(name, hash)
    const size = height === 0 ? 0 : this.header(height).history.size
    // The peaks of that size, largest first.
    const peaks: Uint8Array[] = []
    let start = 0
    for (let level = 52; level >= 0; level--) {
      const width = 2 ** level
      if (Math.floor(size / width) % 2 === 1) {
        peaks.push(this.#nodes.get(`${level}/${start / width}`)!)
        start += width
      }
    }
    other.#frontier = { size, peaks }
    const handed = other.handOvers.at(-1)?.validators
    other.#set =
      handed === undefined
        ? FOUNDERS
        : handed.map(({ consensusKey }) =>
            MEMBERS.find(each => each.validator.consensusKey.join() === consensusKey.join())!
          )
    return other
  }

  consistency(from: number, to: number): readonly Uint8Array[] {
    return consistencyProof(from, to, (level, index) => this.#nodes.get(`${level}/${index}`)!)
  }
}

/** Everybody who may ever be a validator of a test. */
export const MEMBERS: readonly TestMember[] = [
  ...FOUNDERS,
  ...['Essen', 'Fulda', 'Gotha', 'Hanau'].map(testMember)
]

function hashOf(set: readonly TestMember[]): Uint8Array {
  return hashValidatorSet(set.map(each => each.validator))
}

export function certify(
  header: Header,
  set: readonly TestMember[],
  options: { readonly signers?: readonly number[]; readonly view?: number } = {}
): Certificate {
  const { signers = Array.from({ length: quorum(set.length) }, (_, k) => k), view = 0 } = options
  const { network, recoveryEpoch, height } = header
  const hash = blockHash(header)
  const message = voteSignBytes(
    { network, recoveryEpoch, height, view },
    { type: 'commit', blockHash: hash }
  )
  return {
    phase: 'commit',
    height,
    view,
    blockHash: hash,
    signers,
    signatures: signers.map(signer => signEd25519(set[signer]!.consensusSecret, message))
  }
}
