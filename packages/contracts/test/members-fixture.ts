import {
  memberId,
  readySignBytes,
  type GenesisMember,
  type Signer,
  type Transaction
} from '@vitalchain/core'
import {
  approveArgs,
  devices,
  members,
  overrideArgs,
  proposeArgs,
  readyArgs,
  withdrawArgs,
  type MemberChange,
  type MemberKeys,
  type ReadyProofs
} from '@vitalchain/contracts'
import { signer, World } from './fixture.ts'

/** A hospital with all its keys. */
export interface Hospital {
  readonly id: Uint8Array
  readonly name: string
  readonly operator: Signer
  readonly consensus: Signer
  readonly checkpoint: Signer
  readonly transport: Signer
}

/** Keys that a test can name. The generation makes others of the same hospital; its operator's key stays unless told. */
export function hospital(name: string, generation = 0, operatorGeneration = 0): Hospital {
  const operator = signer(`${name} operator ${operatorGeneration}`)
  return {
    id: memberId(signer(`${name} operator 0`).publicKey),
    name,
    operator,
    consensus: signer(`${name} consensus ${generation}`),
    checkpoint: signer(`${name} checkpoint ${generation}`),
    transport: signer(`${name} transport ${generation}`)
  }
}

/** The public keys of a hospital. */
export function keysOf(of: Hospital): MemberKeys {
  return {
    operatorKey: of.operator.publicKey,
    consensusKey: of.consensus.publicKey.bytes,
    checkpointKey: of.checkpoint.publicKey.bytes,
    transportKey: of.transport.publicKey.bytes
  }
}

/** A hospital as others propose it. */
export function described(of: Hospital): GenesisMember {
  return { name: of.name, ...keysOf(of) }
}

/** A network that votes on its members. Members are named by their index in the genesis, or are hospitals that joined. */
export class Council extends World {
  constructor(size = 4, parameters: ConstructorParameters<typeof World>[1] = {}) {
    super([members, devices], parameters, size)
  }

  /** The identifier of a founder. */
  founder(index: number): Uint8Array {
    return memberId(this.operatorOf(index).publicKey)
  }

  /** The operator's key of a founder, or of another hospital. */
  operatorOf(by: number | Hospital): Signer {
    if (typeof by !== 'number') return by.operator
    const found = this.operators[by]
    if (found === undefined) throw new RangeError(`no founder ${by}`)
    return found
  }

  /** Makes a call of `members` and applies it. */
  async act(by: number | Hospital, name: string, args: Uint8Array): Promise<Transaction> {
    const author = typeof by === 'number' ? this.founder(by) : by.id
    return this.apply(
      await this.call(this.operatorOf(by), `members.${name}`, args, undefined, author)
    )
  }

  /** Proposes a change. @returns its identifier */
  async propose(by: number | Hospital, change: MemberChange, forced = false): Promise<Uint8Array> {
    return (await this.act(by, 'propose', proposeArgs({ change, forced }))).id
  }

  approve(by: number | Hospital, change: Uint8Array): Promise<Transaction> {
    return this.act(by, 'approve', approveArgs({ change }))
  }

  withdraw(by: number | Hospital, change: Uint8Array): Promise<Transaction> {
    return this.act(by, 'withdraw', withdrawArgs({ change }))
  }

  override(by: number | Hospital, consensusKey: Uint8Array, reason: string): Promise<Transaction> {
    return this.act(by, 'override', overrideArgs({ consensusKey, reason }))
  }

  /** Proposes by the first and approves by the others. */
  async vote(
    by: readonly (number | Hospital)[],
    change: MemberChange,
    forced = false
  ): Promise<Uint8Array> {
    const [first, ...others] = by
    if (first === undefined) throw new RangeError('nobody votes')
    const id = await this.propose(first, change, forced)
    for (const each of others) await this.approve(each, id)
    return id
  }

  /** The signatures of a hospital's keys over READY. */
  async proofs(of: Hospital, change: Uint8Array, height = this.height - 1): Promise<ReadyProofs> {
    const message = readySignBytes(this.network, change, height)
    return {
      consensus: await of.consensus.sign(message),
      checkpoint: await of.checkpoint.sign(message),
      operator: await of.operator.sign(message)
    }
  }

  /** The hospital says that it is ready, by its own call or another member's. */
  async ready(
    of: Hospital,
    change: Uint8Array,
    { by = of, height = this.height - 1, ...proofs }: ReadyOptions = {}
  ): Promise<Transaction> {
    const signed = { ...(await this.proofs(of, change, height)), ...proofs }
    return this.act(by, 'ready', readyArgs({ change, height, proofs: signed }))
  }

  /** Brings a hospital in by the votes of these members. */
  async join(of: Hospital, by: readonly (number | Hospital)[]): Promise<void> {
    await this.ready(of, await this.vote(by, { type: 'add', member: described(of) }))
    this.height += 1
  }
}

type ReadyOptions = Partial<ReadyProofs> & {
  readonly by?: number | Hospital
  readonly height?: number
}
