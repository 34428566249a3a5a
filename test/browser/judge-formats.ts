import {
  agreeOnTime,
  blockHash,
  callFormat,
  certificateFormat,
  conflictTransaction,
  createSigner,
  decodeCbor,
  decodeHeader,
  decodeTransaction,
  deviceAnswerFormat,
  deviceId,
  deviceRequestFormat,
  encodeCbor,
  encodeHeader,
  epochKey,
  fromHex,
  genesisFormat,
  genesisValidators,
  hashCertificate,
  hashValidatorSet,
  memberId,
  networkId,
  openCose,
  openPayload,
  sealPayload,
  sha256,
  signedBytes,
  statementFormat,
  statementId,
  statementTransaction,
  timeSignBytes,
  callTransaction,
  verifyCertificate,
  verifyEvidence,
  verifySigned,
  voteSignBytes,
  type Algorithm,
  type Format,
  type ReadingStatement,
  type StatementPlace,
  type VoteContent
} from '@vitalchain/core'
import {
  judgeAll,
  judgeFields,
  judgeRefusals,
  outcome,
  toJson,
  validatorsFrom,
  type Finding,
  type ValidatorJson
} from './finding.ts'

interface Refusal {
  readonly why: string
  readonly bytes: string
  readonly code: string
}

/** Largest CBOR item in the vectors of F-1, in bytes. */
const CBOR_BYTES_MAX = 100

export function judgeCbor(file: {
  readonly valid: readonly string[]
  readonly invalid: readonly { readonly hex: string; readonly code: string }[]
}): Finding[] {
  return [
    ...judgeAll('valid', file.valid, hex => ({
      expected: hex,
      found: outcome(() => encodeCbor(decodeCbor(fromHex(hex), CBOR_BYTES_MAX)))
    })),
    ...judgeRefusals('invalid', file.invalid, ({ hex }) => decodeCbor(fromHex(hex), CBOR_BYTES_MAX))
  ]
}

interface PlaceJson {
  readonly network: string
  readonly recoveryEpoch: number
  readonly height: number
  readonly view: number
}

export function judgeSignBytes(file: {
  readonly vectors: readonly {
    readonly place: PlaceJson
    readonly content: Readonly<Record<string, string | number>>
  }[]
}): Finding[] {
  return judgeFields('vectors', file.vectors, ({ place, content }) => ({
    bytes: voteSignBytes({ ...place, network: fromHex(place.network) }, contentFrom(content))
  }))
}

/** Every text of a vote's content but its type is bytes. */
function contentFrom(content: Readonly<Record<string, string | number>>): VoteContent {
  return Object.fromEntries(
    Object.entries(content).map(([name, value]) => [
      name,
      typeof value === 'string' && name !== 'type' ? fromHex(value) : value
    ])
  ) as unknown as VoteContent
}

export function judgeIdentifiers(file: {
  readonly keys: readonly { readonly algorithm: Algorithm; readonly secretKey: string }[]
  readonly networks: readonly { readonly genesis: string }[]
  readonly validatorSets: readonly { readonly validators: readonly ValidatorJson[] }[]
}): Finding[] {
  return [
    ...judgeFields('keys', file.keys, ({ algorithm, secretKey }) => {
      const { publicKey } = createSigner(algorithm, fromHex(secretKey))
      return {
        publicKey: publicKey.bytes,
        deviceId: deviceId(publicKey),
        memberId: memberId(publicKey)
      }
    }),
    ...judgeFields('networks', file.networks, ({ genesis }) => ({
      network: networkId(fromHex(genesis))
    })),
    ...judgeFields('validatorSets', file.validatorSets, ({ validators }) => ({
      hash: hashValidatorSet(validatorsFrom(validators))
    }))
  ]
}

export function judgeGenesis(file: {
  readonly valid: readonly { readonly bytes: string }[]
  readonly invalid: readonly Refusal[]
}): Finding[] {
  return [
    ...judgeFields('valid', file.valid, ({ bytes }) => {
      const genesis = genesisFormat.decode(fromHex(bytes))
      return {
        genesis,
        bytes: genesisFormat.encode(genesis),
        network: networkId(fromHex(bytes)),
        validators: genesisValidators(genesis)
      }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ bytes }) => genesisFormat.decode(fromHex(bytes)))
  ]
}

export function judgeHeaders(file: {
  readonly valid: readonly { readonly bytes: string }[]
  readonly invalid: readonly Refusal[]
}): Finding[] {
  return [
    ...judgeFields('valid', file.valid, ({ bytes }) => {
      const header = decodeHeader(fromHex(bytes))
      return { header, bytes: encodeHeader(header), hash: blockHash(header) }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ bytes }) => decodeHeader(fromHex(bytes)))
  ]
}

export function judgeCertificates(file: {
  readonly network: string
  readonly recoveryEpoch: number
  readonly validators: readonly ValidatorJson[]
  readonly valid: readonly { readonly bytes: string }[]
  readonly invalid: readonly Refusal[]
}): Finding[] {
  const validators = validatorsFrom(file.validators)
  const place = { network: fromHex(file.network), recoveryEpoch: file.recoveryEpoch }
  const judge = ({ bytes }: { readonly bytes: string }): Readonly<Record<string, unknown>> => {
    const certificate = certificateFormat.decode(fromHex(bytes))
    verifyCertificate(certificate, validators, place)
    const { height, view, phase, blockHash } = certificate
    return {
      certificate,
      message: voteSignBytes({ ...place, height, view }, { type: phase, blockHash }),
      bytes: certificateFormat.encode(certificate),
      hash: hashCertificate(certificate)
    }
  }
  return [
    ...judgeFields('valid', file.valid, judge),
    ...judgeRefusals('invalid', file.invalid, judge)
  ]
}

export function judgeEvidence(file: {
  readonly network: string
  readonly recoveryEpoch: number
  readonly validators: readonly ValidatorJson[]
  readonly valid: readonly { readonly transaction: string }[]
  readonly invalid: readonly { readonly transaction: string; readonly code: string }[]
}): Finding[] {
  const by = {
    network: fromHex(file.network),
    recoveryEpoch: file.recoveryEpoch,
    validators: validatorsFrom(file.validators)
  }
  const judge = ({ transaction }: { readonly transaction: string }) => {
    const opened = decodeTransaction(fromHex(transaction))
    const evidence = opened.type === 'evidence' ? opened.evidence : undefined
    return {
      evidence,
      culprit: evidence && verifyEvidence(evidence, by),
      id: opened.id
    }
  }
  return [
    ...judgeFields('valid', file.valid, judge),
    ...judgeRefusals('invalid', file.invalid, judge)
  ]
}

export function judgeStatements(file: {
  readonly statements: readonly { readonly cose: string }[]
  readonly calls: readonly { readonly cose: string }[]
  readonly conflicts: readonly { readonly statements: readonly string[] }[]
  readonly invalid: readonly Refusal[]
}): Finding[] {
  return [
    ...judgeFields('statements', file.statements, ({ cose }) => {
      const signed = openCose(fromHex(cose))
      const transaction = statementTransaction(fromHex(cose))
      return {
        algorithm: signed.publicKey.algorithm,
        publicKey: signed.publicKey.bytes,
        statement: statementFormat.decode(signed.payload),
        bytes: signed.payload,
        id: statementId(signed.payload),
        signedBytes: verifySigned(signed) ? signedBytes(signed) : 'a signature that is not valid',
        transaction
      }
    }),
    ...judgeFields('calls', file.calls, ({ cose }) => {
      const signed = openCose(fromHex(cose))
      return {
        call: callFormat.decode(signed.payload),
        bytes: verifySigned(signed) ? signed.payload : 'a signature that is not valid',
        id: sha256(signed.payload),
        transaction: callTransaction(fromHex(cose))
      }
    }),
    ...judgeFields('conflicts', file.conflicts, ({ statements }) => {
      const [first = '', second = ''] = statements
      const transaction = conflictTransaction(fromHex(first), fromHex(second))
      return { transaction, id: decodeTransaction(transaction).id }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ bytes }) => statementFormat.decode(fromHex(bytes)))
  ]
}

interface SealedJson {
  readonly place: {
    readonly network: string
    readonly device: string
    readonly lane: 0 | 1
    readonly boot: number
    readonly seq: number
  }
  readonly epochKey: string
  readonly salt: string
  readonly clear: string
  readonly payload: string
  readonly payloadDigest: string
  readonly commitment: string
}

interface CompressedJson extends Omit<SealedJson, 'clear' | 'salt'> {
  readonly clear: string | { readonly zeros: number }
}

export function judgePayloads(file: {
  readonly epochKeys: readonly { readonly root: string; readonly epoch: number }[]
  readonly sealed: readonly SealedJson[]
  readonly compressed: readonly CompressedJson[]
}): Finding[] {
  return [
    ...judgeFields('epochKeys', file.epochKeys, ({ root, epoch }) => ({
      key: epochKey(fromHex(root), epoch)
    })),
    ...judgeFields('sealed', file.sealed, sealed => ({
      ...sealPayload(
        fromHex(sealed.clear),
        placeOf(sealed),
        fromHex(sealed.epochKey),
        fromHex(sealed.salt)
      ),
      clear: open(sealed)
    })),
    ...judgeFields('compressed', file.compressed, compressed => {
      const clear = open(compressed)
      return { clear: clear.every(byte => byte === 0) ? { zeros: clear.length } : clear }
    })
  ]
}

function placeOf({ place }: Pick<SealedJson, 'place'>): StatementPlace {
  const { network, device, ...rest } = place
  return {
    network: fromHex(network),
    device: fromHex(device),
    previous: new Uint8Array(32),
    ...rest
  }
}

function open(sealed: Omit<SealedJson, 'clear' | 'salt'>): Uint8Array {
  const payload = fromHex(sealed.payload)
  // What opening reads of a statement; the vectors have no whole ones.
  const statement = {
    ...placeOf(sealed),
    payloadSize: payload.length,
    payloadDigest: fromHex(sealed.payloadDigest),
    commitment: fromHex(sealed.commitment)
  } as ReadingStatement
  return openPayload(statement, payload, fromHex(sealed.epochKey))
}

interface AgreementJson {
  readonly validators: readonly { readonly member: string; readonly checkpointKey: string }[]
  readonly roundTripMs: number
  readonly precisionMs: number
  readonly answers: readonly {
    readonly member: string
    readonly clock: number
    readonly signature: string
  }[]
}

export function judgeTime(file: {
  readonly network: string
  readonly nonce: string
  readonly signed: readonly { readonly clock: number }[]
  readonly agreements: readonly AgreementJson[]
}): Finding[] {
  const [network, nonce] = [fromHex(file.network), fromHex(file.nonce)]
  return [
    ...judgeFields('signed', file.signed, ({ clock }) => ({
      bytes: timeSignBytes(network, nonce, clock)
    })),
    ...judgeFields('agreements', file.agreements, ({ roundTripMs, precisionMs, ...said }) => ({
      interval: agreeOnTime(
        said.answers.map(({ member, clock, signature }) => ({
          member: fromHex(member),
          clock,
          signature: fromHex(signature)
        })),
        {
          network,
          nonce,
          roundTripMs,
          precisionMs,
          validators: said.validators.map(({ member, checkpointKey }) => ({
            member: fromHex(member),
            consensusKey: fromHex(checkpointKey),
            checkpointKey: fromHex(checkpointKey)
          }))
        }
      )
    }))
  ]
}

interface MessageJson {
  readonly bytes: string
}

export function judgeMessages(file: {
  readonly requests: readonly MessageJson[]
  readonly answers: readonly MessageJson[]
}): Finding[] {
  return [
    ...judgeRoundTrips('requests', file.requests, deviceRequestFormat),
    ...judgeRoundTrips('answers', file.answers, deviceAnswerFormat)
  ]
}

function judgeRoundTrips<T>(
  section: string,
  vectors: readonly MessageJson[],
  format: Format<T>
): Finding[] {
  return judgeFields(section, vectors, ({ bytes }) => {
    const message = format.decode(fromHex(bytes))
    return { message: toJson(message), bytes: format.encode(message) }
  })
}
