import {
  bytes,
  checkPublicKey,
  format,
  list,
  NAME_CHARACTERS_MAX,
  publicKeyCodec,
  tagged,
  text,
  verifySignature,
  VitalchainError,
  type Format,
  type GenesisMember,
  type PublicKey,
  type Signer
} from '@vitalchain/core'
import { isMultiaddr } from '../config/check-value.ts'
import { peerNameOf } from '../network/index.ts'

/** Characters of an address: a DNS name has at most 253, and the peer id 60. */
const ADDRESS_CHARACTERS_MAX = 512

/** Addresses that one hospital names. */
const ADDRESSES_MAX = 16

/** What a hospital says of itself before it is a member: to those who found a network with it, and to those who vote on it. */
export interface MemberPart {
  readonly member: GenesisMember
  /** Where others reach its node: multiaddrs that end in `/p2p/` and its peer id. */
  readonly addresses: readonly string[]
}

/** The four keys of a member. */
export type MemberKeyName = 'operator' | 'consensus' | 'checkpoint' | 'transport'

/** A signature of each key of the member over the whole part: who made it holds all four, and meant these addresses. */
export type MemberProofs = Readonly<Record<MemberKeyName, Uint8Array>>

/** A {@link MemberPart} with its proofs. */
export interface SignedPart extends MemberPart {
  readonly proofs: MemberProofs
}

/** What is signed: it begins with a name that no other signed bytes of these keys begin with. spec F-32 */
const partFormat: Format<GenesisMember & Pick<MemberPart, 'addresses'>> = format(
  'member part',
  (ADDRESSES_MAX + 2) * ADDRESS_CHARACTERS_MAX * 4,
  tagged(['vitalchain/member-part', 1], {
    name: text(NAME_CHARACTERS_MAX),
    operatorKey: publicKeyCodec,
    consensusKey: bytes(32),
    checkpointKey: bytes(32),
    transportKey: bytes(32),
    addresses: list(text(ADDRESS_CHARACTERS_MAX), ADDRESSES_MAX)
  })
)

/** The keys of a member, by name. */
export function memberKeys(
  member: GenesisMember
): readonly (readonly [MemberKeyName, PublicKey])[] {
  return [
    ['operator', member.operatorKey],
    ['consensus', ed25519(member.consensusKey)],
    ['checkpoint', ed25519(member.checkpointKey)],
    ['transport', ed25519(member.transportKey)]
  ]
}

/** Signs a part with all keys of its member. */
export async function signPart(
  part: MemberPart,
  signers: Readonly<Record<MemberKeyName, Signer>>
): Promise<SignedPart> {
  const signed = partFormat.encode({ ...part.member, addresses: part.addresses })
  const [operator, consensus, checkpoint, transport] = await Promise.all(
    [signers.operator, signers.consensus, signers.checkpoint, signers.transport].map(each =>
      each.sign(signed)
    )
  )
  const none = new Uint8Array(0)
  return {
    ...part,
    proofs: {
      operator: operator ?? none,
      consensus: consensus ?? none,
      checkpoint: checkpoint ?? none,
      transport: transport ?? none
    }
  }
}

/**
 * Checks that who made a part holds its keys, and that nobody changed it.
 *
 * @param name - what errors call the part
 * @throws VitalchainError `ERR_MEMBER_PART` naming what is wrong
 */
export function checkPart({ proofs, member, addresses }: SignedPart, name: string): void {
  const fault = (what: string): VitalchainError =>
    new VitalchainError('ERR_MEMBER_PART', `${name}: ${what}`)
  if (member.name.trim() === '' || member.name.length > NAME_CHARACTERS_MAX)
    throw fault(`a name has 1 to ${NAME_CHARACTERS_MAX} characters`)
  const signed = partFormat.encode({ ...member, addresses })
  try {
    // Reading checks what writing does not: above all characters that would write lines of their own on a terminal.
    partFormat.decode(signed)
  } catch (cause) {
    throw new VitalchainError(
      'ERR_MEMBER_PART',
      `${name}: a name or an address is no plain text, or too long, or there are more than ${ADDRESSES_MAX} addresses`,
      { cause }
    )
  }
  for (const [key, publicKey] of memberKeys(member)) {
    try {
      checkPublicKey(publicKey)
    } catch (cause) {
      throw new VitalchainError('ERR_MEMBER_PART', `${name}: the ${key} key is no key`, { cause })
    }
    if (!verifySignature(publicKey, signed, proofs[key]))
      throw fault(
        `it is not signed by its ${key} key: it was changed, or put together from several`
      )
  }
  const end = `/p2p/${peerNameOf(member.transportKey)}`
  const wrong = addresses.find(each => !isMultiaddr(each) || !each.endsWith(end))
  if (wrong !== undefined)
    throw fault(`"${wrong}" is no multiaddr that ends in ${end}, the peer id of its transport key`)
}

function ed25519(bytes: Uint8Array): PublicKey {
  return { algorithm: 'ed25519', bytes }
}
