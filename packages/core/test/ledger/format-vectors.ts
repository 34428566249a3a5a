import { concatBytes, fromHex, toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor } from '../../src/encoding/cbor.ts'
import { itemsOf } from './fields.ts'
import {
  decodeCertificate,
  encodeCertificate,
  hashCertificate,
  verifyCertificate,
  type Certificate
} from '../../src/ledger/certificate.ts'
import {
  genesisFormat,
  genesisValidators,
  networkId,
  type Genesis
} from '../../src/ledger/genesis.ts'
import { blockHash, decodeHeader, encodeHeader } from '../../src/ledger/header.ts'
import { deviceId, memberId } from '../../src/ledger/identity.ts'
import { voteSignBytes, type VoteContent } from '../../src/ledger/sign-bytes.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import {
  certify,
  FOUNDERS,
  seed,
  SmallLedger,
  START_MS,
  testMember,
  testSigner,
  validatorsOf
} from './small-ledger.ts'
import { type Json, toJson, codeOf } from './vector-json.ts'

export function cborVectors(): Json {
  const valid = [
    '00',
    '17',
    '1818',
    '18ff',
    '1b001fffffffffffff',
    '3b001ffffffffffffe',
    '40',
    '60',
    '62c3bc',
    '64efbbbf61',
    '80',
    'a0',
    'a201020304',
    'a50a041864032002617a0162616105',
    'f4',
    'f5',
    'f6',
    'd28443a10127a04040',
    `${'81'.repeat(16)}00`
  ]
  const invalid = {
    'a long integer': '1817',
    'a long negative integer': '3800',
    'an integer above 2^53 - 1': '1b0020000000000000',
    'an integer below -(2^53 - 1)': '3b001fffffffffffff',
    'a long length': '580100',
    'an indefinite length': '9f00ff',
    'keys out of order': 'a203040102',
    'a key twice': 'a201020103',
    'a byte string key twice': 'a2410100410100',
    'a float': 'f93e00',
    'a whole float': 'f93c00',
    undefined: 'f7',
    'a simple value': 'e0',
    'another tag than 18': 'c100',
    'bytes behind the item': '0000',
    nothing: '',
    'a cut item': '8201',
    'more items than bytes': '9b001fffffffffffff',
    'text that is not UTF-8': '61ff',
    '17 levels': `${'81'.repeat(17)}00`
  }
  for (const hex of valid) decodeCbor(fromHex(hex), 100)
  return {
    purpose:
      'Which CBOR items are deterministic in the sense of F-1. A decoder takes the valid ones, encodes them to the same bytes, and refuses the invalid ones.',
    valid,
    invalid: Object.entries(invalid).map(([why, hex]) => ({
      why,
      hex,
      code: codeOf(() => decodeCbor(fromHex(hex), 100), why)
    }))
  }
}

export function signBytesVectors(): Json {
  const blockHash = seed('block')
  const contents: readonly VoteContent[] = [
    { type: 'proposal', blockHash, justificationHash: new Uint8Array(32) },
    { type: 'proposal', blockHash, justificationHash: seed('justification') },
    { type: 'prepare', blockHash },
    { type: 'commit', blockHash },
    { type: 'view-change', preparedView: -1, preparedHash: new Uint8Array(32) },
    { type: 'view-change', preparedView: 4, preparedHash: blockHash },
    { type: 'status', headHash: blockHash, clock: START_MS },
    { type: 'ready', changeId: seed('change') }
  ]
  const places = [
    { network: seed('network'), recoveryEpoch: 0, height: 1, view: 0 },
    {
      network: seed('network'),
      recoveryEpoch: 3,
      height: Number.MAX_SAFE_INTEGER,
      view: 0xffff_ffff
    }
  ]
  return {
    purpose: 'The bytes under every kind of consensus signature, F-10.',
    vectors: places.flatMap(place =>
      contents.map(content => toJson({ place, content, bytes: voteSignBytes(place, content) }))
    )
  }
}

export function identifierVectors(ledger: SmallLedger): Json {
  const keys = (['ed25519', 'es256'] as const).map(algorithm => {
    const { publicKey } = testSigner(algorithm, 'device vector')
    return {
      algorithm,
      secretKey: seed('device vector'),
      publicKey: publicKey.bytes,
      deviceId: deviceId(publicKey),
      memberId: memberId(publicKey)
    }
  })
  const sets = [FOUNDERS, [...FOUNDERS, testMember('Essen')], FOUNDERS.toReversed()].map(set => ({
    validators: validatorsOf(set),
    hash: hashValidatorSet(validatorsOf(set))
  }))
  return {
    purpose:
      'Identifiers of devices and members (F-4), the network id (F-5) and hashes of validator sets (F-7).',
    keys: toJson(keys),
    networks: [{ genesis: toHex(ledger.genesisBytes), network: toHex(ledger.network) }],
    validatorSets: toJson(sets)
  }
}

export function genesisVectors(ledger: SmallLedger): Json {
  const { genesis } = ledger
  const [first, second] = genesis.members
  const invalid: Readonly<Record<string, Genesis>> = {
    'one key twice': {
      ...genesis,
      members: [
        first!,
        { ...second!, consensusKey: first!.consensusKey },
        ...genesis.members.slice(2)
      ]
    },
    'a key of small order': {
      ...genesis,
      members: genesis.members.with(0, { ...first!, consensusKey: new Uint8Array(32).with(0, 1) })
    },
    'three members without the flag': { ...genesis, members: genesis.members.slice(0, 3) },
    'a threshold that cannot be met': {
      ...genesis,
      recovery: { ...genesis.recovery, threshold: 4 }
    },
    'a threshold of none': { ...genesis, recovery: { ...genesis.recovery, threshold: 0 } },
    'one contract twice': { ...genesis, contracts: [...genesis.contracts, genesis.contracts[0]!] },
    'no members': { ...genesis, members: [] },
    'a name with a line break': { ...genesis, name: 'one\ntwo' }
  }
  return {
    purpose: 'Genesis documents, F-5 and F-6.',
    valid: [
      {
        genesis: toJson(genesis),
        bytes: toHex(ledger.genesisBytes),
        network: toHex(networkId(ledger.genesisBytes)),
        validators: toJson(genesisValidators(genesis))
      }
    ],
    invalid: Object.entries(invalid).map(([why, value]) => {
      const bytes = genesisFormat.encode(value)
      return { why, bytes: toHex(bytes), code: codeOf(() => genesisFormat.decode(bytes), why) }
    })
  }
}

export function headerVectors(ledger: SmallLedger): Json {
  const { header } = ledger.blocks[1]!.block
  const bytes = encodeHeader(header)
  const fields = itemsOf(decodeCbor(bytes, 1_024))
  const invalid: Readonly<Record<string, Uint8Array>> = {
    'an unknown protocol version': encodeCbor(fields.with(1, 2)),
    'height 0': encodeCbor(fields.with(4, 0)),
    'proposer 50': encodeCbor(fields.with(8, 50)),
    '2 001 transactions': encodeCbor(fields.with(9, 2_001)),
    'a field more': encodeCbor([...fields, null]),
    'a field less': encodeCbor(fields.slice(0, -1)),
    'a long integer': concatBytes([bytes.subarray(0, 19), fromHex('1801'), bytes.subarray(20)])
  }
  return {
    purpose: 'Headers and their hashes, F-8.',
    valid: ledger.blocks.map(({ block }) =>
      toJson({
        header: block.header,
        bytes: encodeHeader(block.header),
        hash: blockHash(block.header)
      })
    ),
    invalid: Object.entries(invalid).map(([why, each]) => ({
      why,
      bytes: toHex(each),
      code: codeOf(() => decodeHeader(each), why)
    }))
  }
}

export function certificateVectors(): Json {
  const members = [
    ...FOUNDERS,
    ...['Essen', 'Fulda', 'Gera', 'Hagen', 'Ilmenau'].map(name => testMember(name))
  ]
  const header = new SmallLedger(members).addBlock([])
  const set = validatorsOf(members)
  const { network } = header
  const valid = certify(header, members, { signers: [0, 2, 3, 5, 6, 8], view: 3 })
  const encoded = encodeCertificate(valid)
  const fields = itemsOf(decodeCbor(encoded, 4_096))
  const invalid: Readonly<Record<string, Certificate | Uint8Array>> = {
    'one signature less than a quorum': certify(header, members, { signers: [0, 2, 3, 5, 6] }),
    'one signature more than a quorum': certify(header, members, {
      signers: [0, 2, 3, 5, 6, 7, 8]
    }),
    'a signer out of range': { ...valid, signers: [0, 2, 3, 5, 6, 9] },
    'signatures of the wrong validators': { ...valid, signers: [0, 1, 3, 5, 6, 8] },
    'another height': { ...valid, height: 2 },
    'another view': { ...valid, view: 4 },
    'another phase': { ...valid, phase: 'prepare' },
    'another block': { ...valid, blockHash: seed('block') },
    'a zero byte at the end of the bitmap': encodeCbor(fields.with(5, fromHex('6d0100'))),
    'a signature for no bit': encodeCbor(fields.with(6, new Uint8Array(64 * 7))),
    'an unknown phase': encodeCbor(fields.with(1, 2))
  }
  const check = (bytes: Uint8Array): void =>
    verifyCertificate(decodeCertificate(bytes), set, { network, recoveryEpoch: 0 })
  check(encoded)
  const prepare = certify(header, members, { phase: 'prepare' })
  return {
    purpose:
      'Certificates of nine validators, F-9. They are verified with the network, the recovery epoch and the validators given.',
    network: toHex(network),
    recoveryEpoch: 0,
    validators: toJson(set),
    valid: [valid, prepare].map(each =>
      toJson({
        certificate: each,
        message: voteSignBytes(
          { network, recoveryEpoch: 0, height: each.height, view: each.view },
          { type: each.phase, blockHash: each.blockHash }
        ),
        bytes: encodeCertificate(each),
        hash: hashCertificate(each)
      })
    ),
    invalid: Object.entries(invalid).map(([why, each]) => {
      const bytes = each instanceof Uint8Array ? each : encodeCertificate(each)
      return { why, bytes: toHex(bytes), code: codeOf(() => check(bytes), why) }
    })
  }
}
