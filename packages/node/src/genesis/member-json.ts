import { toHex, VitalchainError } from '@vitalchain/core'
import { readJsonFile, type JsonReader } from '../cli/json-file.ts'
import { checkPart, type SignedPart } from './member-part.ts'

/** Names the form of the file, so that another one can follow. */
const FORMAT = 'vitalchain-member/1'

/** The file in a data directory that says who the hospital is: public keys, addresses, proofs. No secret. */
export const MEMBER_FILE: string = 'member.json'

/** The JSON of a part. */
export function partJson({ member, addresses, proofs }: SignedPart): object {
  const { algorithm, bytes } = member.operatorKey
  return {
    format: FORMAT,
    name: member.name,
    operatorKey: { algorithm, key: toHex(bytes) },
    consensusKey: toHex(member.consensusKey),
    checkpointKey: toHex(member.checkpointKey),
    transportKey: toHex(member.transportKey),
    addresses,
    proofs: {
      operator: toHex(proofs.operator),
      consensus: toHex(proofs.consensus),
      checkpoint: toHex(proofs.checkpoint),
      transport: toHex(proofs.transport)
    }
  }
}

/**
 * Reads a part and checks its proofs.
 *
 * @param name - what errors call it
 * @throws VitalchainError `ERR_FILE` for another form, `ERR_MEMBER_PART`
 */
export function readPart(json: JsonReader, name: string): SignedPart {
  const format = json.optional('format')?.text()
  if (format !== FORMAT)
    throw new VitalchainError('ERR_FILE', `${name} is not of the form ${FORMAT}: init writes it`)
  const operator = json.field('operatorKey')
  const algorithm = operator.field('algorithm').text()
  if (algorithm !== 'ed25519' && algorithm !== 'es256')
    throw new VitalchainError(
      'ERR_FILE',
      `${name}: operatorKey: algorithm: expected ed25519 or es256`
    )
  const proofs = json.field('proofs')
  const part: SignedPart = {
    member: {
      name: json.field('name').text(),
      operatorKey: { algorithm, bytes: operator.field('key').hex() },
      consensusKey: json.field('consensusKey').hex(32),
      checkpointKey: json.field('checkpointKey').hex(32),
      transportKey: json.field('transportKey').hex(32)
    },
    addresses: json
      .field('addresses')
      .list()
      .map(each => each.text()),
    proofs: {
      operator: proofs.field('operator').hex(64),
      consensus: proofs.field('consensus').hex(64),
      checkpoint: proofs.field('checkpoint').hex(64),
      transport: proofs.field('transport').hex(64)
    }
  }
  checkPart(part, name)
  return part
}

/** Reads the file of a part. @throws VitalchainError as {@link readPart} */
export async function readPartFile(file: string): Promise<SignedPart> {
  return readPart(await readJsonFile(file), file)
}
