// Real headers, certificates and statements over a history that was made up: what a verifier works on, at any size.
import {
  blockHash,
  CONTENT_FORMAT_SENML_CBOR,
  createSigner,
  deviceId,
  EMPTY_STATE_ROOT,
  encodeReadings,
  epochKey,
  generateSecretKey,
  genesisValidators,
  hashCertificate,
  hashValidatorSet,
  networkId,
  PROTOCOL_VERSION,
  quorum,
  sealPayload,
  signCose,
  signEd25519,
  statementFormat,
  statementTransaction,
  voteSignBytes,
  type Certificate,
  type Header,
  type TreeHead
} from '@vitalchain/core'
import { foundNetwork, type FoundedNetwork } from '../../packages/node/src/testing/found-network.ts'

/** 2026-01-01T00:00:00Z, ms since 1970. */
const BEGIN = 1_767_225_600_000

/** Readings of the statement: a minute of a monitor with two channels. */
const READINGS = 60

/** Four founders, and a statement by a device of one of them. */
export interface SampleLedger {
  readonly founded: FoundedNetwork
  readonly network: Uint8Array
  /** The bytes of the transaction with the statement. */
  readonly transaction: Uint8Array
  /** A header over a history of this size, certified by a quorum. */
  readonly certified: (history: TreeHead) => {
    readonly header: Header
    readonly certificate: Certificate
  }
}

export async function sampleLedger(): Promise<SampleLedger> {
  const founded = foundNetwork({
    names: ['Hospital 1', 'Hospital 2', 'Hospital 3', 'Hospital 4'],
    created: BEGIN
  })
  const network = networkId(founded.document)
  const validators = hashValidatorSet(genesisValidators(founded.genesis))
  return {
    founded,
    network,
    transaction: await statement(network),
    certified(history) {
      const header: Header = {
        protocol: PROTOCOL_VERSION,
        network,
        recoveryEpoch: 0,
        height: Math.ceil(history.size / 100),
        previous: networkId(history.root),
        time: BEGIN + history.size * 1_000,
        originView: 0,
        originProposer: 0,
        transactionCount: Math.min(history.size, 100),
        history,
        stateRoot: EMPTY_STATE_ROOT,
        validatorsHash: validators,
        nextValidatorsHash: validators,
        previousCertificateHash: hashCertificate(undefined)
      }
      return { header, certificate: certify(header, founded) }
    }
  }
}

function certify(header: Header, { members }: FoundedNetwork): Certificate {
  const { network, recoveryEpoch, height } = header
  const hash = blockHash(header)
  const place = { network, recoveryEpoch, height, view: 0 }
  const message = voteSignBytes(place, { type: 'commit', blockHash: hash })
  const signing = members.slice(0, quorum(members.length))
  return {
    phase: 'commit',
    height,
    view: 0,
    blockHash: hash,
    signers: [...signing.keys()],
    signatures: signing.map(({ consensus }) => signEd25519(consensus, message))
  }
}

async function statement(network: Uint8Array): Promise<Uint8Array> {
  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  const place = {
    network,
    device: deviceId(signer.publicKey),
    lane: 0,
    boot: 1,
    seq: 500,
    previous: generateSecretKey('ed25519')
  } as const
  const readings = Array.from({ length: READINGS }, (_, k) => ({
    name: k % 2 === 0 ? '8867-4' : '59408-5',
    unit: k % 2 === 0 ? '/min' : '%',
    time: BEGIN + k * 1_000,
    value: 70 + (k % 7)
  }))
  const key = epochKey(generateSecretKey('ed25519'), 7)
  const salt = generateSecretKey('ed25519').subarray(0, 16)
  const sealed = sealPayload(encodeReadings(readings), place, key, salt)
  const encoded = statementFormat.encode({
    type: 'readings',
    ...place,
    from: BEGIN,
    to: BEGIN + READINGS * 1_000,
    clock: { offset: -120, uncertainty: 40 },
    count: READINGS,
    stream: salt,
    generation: 1,
    epoch: 7,
    flags: 0,
    retention: 0,
    contentFormat: CONTENT_FORMAT_SENML_CBOR,
    payloadSize: sealed.payload.length,
    payloadDigest: sealed.payloadDigest,
    commitment: sealed.commitment
  })
  return statementTransaction(await signCose(signer, encoded))
}
