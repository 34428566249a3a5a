import { signEd25519 } from '../../src/crypto/ed25519.ts'
import type { Certificate } from '../../src/ledger/certificate.ts'
import { genesisFormat, networkId, type Genesis } from '../../src/ledger/genesis.ts'
import { blockHash, type Header } from '../../src/ledger/header.ts'
import type { Receipt } from '../../src/ledger/receipt.ts'
import { voteSignBytes } from '../../src/ledger/sign-bytes.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import { refused, type Case, type Damage } from './receipt-cases.ts'
import {
  certify,
  FOUNDERS,
  seed,
  SmallLedger,
  testGenesis,
  testMember,
  validatorsOf,
  type TestMember
} from './small-ledger.ts'

/** Members of no set. */
export const STRANGERS = ['M1', 'M2', 'M3', 'M4'].map(name => testMember(name))

/** The order of the group of Ed25519 signatures (RFC 8032, 5.1). */
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** A receipt whose header was changed and signed again. */
export function resigned(
  receipt: Receipt,
  changes: Partial<Header>,
  by: readonly TestMember[] = FOUNDERS,
  options?: Parameters<typeof certify>[2]
): Receipt {
  const header = { ...receipt.header, ...changes }
  return { ...receipt, header, certificate: certify(header, by, options) }
}

/** Receipts with another certificate than a quorum of the validators gave. */
export function certificateCases(ledger: SmallLedger, five: SmallLedger): Case[] {
  const receipt = ledger.receipt(5)
  const { certificate, header } = receipt
  const [first, second, third] = certificate.signatures as [Uint8Array, Uint8Array, Uint8Array]
  const by = (signers: readonly number[]): Receipt => resigned(receipt, {}, FOUNDERS, { signers })
  const using = (changes: Partial<Certificate>): Receipt => ({
    ...receipt,
    certificate: { ...certificate, ...changes }
  })
  const cases = (kind: string, all: readonly (readonly [string, Receipt])[]): Case[] =>
    refused(
      kind,
      ledger.network,
      all.map(([why, each]): Damage => [why, each, 'ERR_CERTIFICATE'])
    )
  const ofFive = five.receipt(0, 3)
  const joined = [...FOUNDERS, testMember('Essen')]
  return [
    ...cases('sub-quorum', [
      ...[[0], [3], [0, 1], [1, 2], [0, 3], [2, 3]].map(
        signers => [`validators ${signers.join(', ')} of four`, by(signers)] as const
      ),
      [
        'a quorum of which one signed the prepare vote',
        using({
          signatures: [
            first,
            second,
            certify(header, FOUNDERS, { phase: 'prepare' }).signatures[2]!
          ]
        })
      ],
      ['prepare votes of a quorum', resigned(receipt, {}, FOUNDERS, { phase: 'prepare' })],
      ['commits of a quorum called prepare votes', using({ phase: 'prepare' })],
      ['all four, one more than a quorum', by([0, 1, 2, 3])]
    ]),
    ...refused(
      'sub-quorum',
      five.network,
      [
        [0, 1, 2],
        [2, 3, 4],
        [0, 1, 2, 3, 4]
      ].map((signers): Damage => [
        `validators ${signers.join(', ')} of five, of whom four are a quorum`,
        resigned(ofFive, {}, joined, { signers }),
        'ERR_CERTIFICATE'
      ])
    ),
    ...cases('duplicated-signer', [
      ['one signature under three bits', using({ signatures: [first, first, first] })],
      ['the first signature twice', using({ signatures: [first, first, third] })],
      ['the last signature twice', using({ signatures: [first, third, third] })],
      ['one validator in place of another', using({ signers: [0, 1, 3] })]
    ]),
    ...cases('signer-outside', [
      ...[4, 5, 7, 8, 49, 55].map(
        outside => [`validator ${outside} of four`, using({ signers: [0, 1, outside] })] as const
      ),
      [
        'a stranger in place of one validator',
        using({
          signatures: certify(header, [FOUNDERS[0]!, STRANGERS[1]!, FOUNDERS[2]!, FOUNDERS[3]!])
            .signatures
        })
      ],
      ['strangers only', resigned(receipt, {}, STRANGERS)]
    ]),
    ...refused('signer-outside', ledger.network, [
      [
        'strangers under the hash of their own set',
        resigned(receipt, { validatorsHash: hashValidatorSet(validatorsOf(STRANGERS)) }, STRANGERS),
        'ERR_HANDOVER'
      ]
    ]),
    ...cases('signature', [
      ['signatures in another order', using({ signatures: [second, first, third] })],
      [
        'signatures of another block',
        using({ signatures: ledger.receipt(5, 5).certificate.signatures })
      ],
      [
        'the certificate of another block',
        { ...receipt, certificate: ledger.receipt(5, 5).certificate }
      ],
      ['a signature of zeros', using({ signatures: [first, second, new Uint8Array(64)] })],
      ['a signature of ones', using({ signatures: [first, second, new Uint8Array(64).fill(255)] })],
      ...[1n, 2n, 8n].map(
        times =>
          [`S + ${times} L`, using({ signatures: [first, second, shifted(third, times)] })] as const
      ),
      ['R and S exchanged', using({ signatures: [first, second, exchanged(third)] })],
      [
        'signed as another message: the bare block hash',
        using({
          signatures: FOUNDERS.slice(0, 3).map(each =>
            signEd25519(each.consensusSecret, blockHash(header))
          )
        })
      ],
      ['signed for another network', signedAt(receipt, { network: seed('other') })],
      ['signed for another view', signedAt(receipt, { view: certificate.view + 1 })],
      ['another view than was signed', using({ view: certificate.view + 1 })],
      ['the last view there is', using({ view: 0xffff_ffff })]
    ]),
    ...cases('recovery-epoch', [
      ['signed for recovery epoch 1', signedAt(receipt, { recoveryEpoch: 1 })],
      ['signed for recovery epoch 2^32 - 1', signedAt(receipt, { recoveryEpoch: 0xffff_ffff })]
    ]),
    ...refused(
      'recovery-epoch',
      ledger.network,
      [1, 2, 0xffff_ffff].map((recoveryEpoch): Damage => [
        `a header of recovery epoch ${recoveryEpoch}, certified in it`,
        resigned(receipt, { recoveryEpoch }),
        'ERR_HANDOVER'
      ])
    ),
    ...cases('height', [
      ['signed for the height before', signedAt(receipt, { height: header.height - 1 })],
      ['signed for the height behind', signedAt(receipt, { height: header.height + 1 })],
      ['another height in the certificate', using({ height: header.height + 1 })],
      ['height 2^53 - 1 in the certificate', using({ height: Number.MAX_SAFE_INTEGER })],
      [
        'another height in the header',
        {
          ...receipt,
          header: { ...header, height: header.height + 1 }
        }
      ]
    ])
  ]
}

function shifted(signature: Uint8Array, times: bigint): Uint8Array {
  let rest = littleEndian(signature.subarray(32)) + times * ED25519_ORDER
  const changed = Uint8Array.from(signature)
  for (let at = 32; at < 64; at++, rest >>= 8n) changed[at] = Number(rest & 0xffn)
  return changed
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) + BigInt(byte), 0n)
}

function exchanged(signature: Uint8Array): Uint8Array {
  return Uint8Array.from([...signature.subarray(32), ...signature.subarray(0, 32)])
}

/** The certificate with signatures for another place. */
function signedAt(
  receipt: Receipt,
  changes: { network?: Uint8Array; recoveryEpoch?: number; height?: number; view?: number }
): Receipt {
  const { header, certificate } = receipt
  const { network, recoveryEpoch } = header
  const { height, view, blockHash } = certificate
  const message = voteSignBytes(
    { network, recoveryEpoch, height, view, ...changes },
    { type: 'commit', blockHash }
  )
  const signatures = certificate.signers.map(signer =>
    signEd25519(FOUNDERS[signer]!.consensusSecret, message)
  )
  return { ...receipt, certificate: { ...certificate, signatures } }
}

/** Certified by a quorum, but not what the rest of the receipt says. */
export function misfitCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(5)
  const { history } = receipt.header
  const last = ledger.receipt(history.size - 1)
  const sized = (size: number, of: Receipt = receipt): Receipt =>
    resigned(of, { history: { ...history, size } })
  const unsigned = (size: number): Receipt => ({
    ...receipt,
    header: { ...receipt.header, history: { ...history, size } }
  })
  return [
    ...refused('tree-size', ledger.network, [
      // Only where the path has another form: RFC 9162 proves a leaf under a root, and the size by the quorum's word.
      ['the last leaf, a history of one less', sized(history.size - 1, last), 'ERR_INCLUSION'],
      ['the last leaf, a history of one more', sized(history.size + 1, last), 'ERR_INCLUSION'],
      ['one leaf less than was certified', unsigned(history.size - 1), 'ERR_CERTIFICATE'],
      ['one leaf more than was certified', unsigned(history.size + 1), 'ERR_CERTIFICATE'],
      ['a history of half the leaves', sized(history.size / 2), 'ERR_INCLUSION'],
      ['a history of twice the leaves', sized(history.size * 2), 'ERR_INCLUSION'],
      ['a history that ends before the leaf', sized(5), 'ERR_INCLUSION'],
      ['a history of the leaf and those before', sized(6), 'ERR_INCLUSION'],
      ['an empty history', sized(0), 'ERR_INCLUSION'],
      ['a history of 2^53 - 1 leaves', sized(Number.MAX_SAFE_INTEGER), 'ERR_INCLUSION'],
      [
        'another root',
        resigned(receipt, { history: { ...history, root: seed('root') } }),
        'ERR_INCLUSION'
      ],
      [
        'the root of the history before',
        resigned(receipt, { history: { ...history, root: ledger.header(5).history.root } }),
        'ERR_INCLUSION'
      ]
    ]),
    ...refused('index', ledger.network, [
      ['the index before', { ...receipt, index: 4 }, 'ERR_INCLUSION'],
      ['the index behind', { ...receipt, index: 6 }, 'ERR_INCLUSION'],
      ['the first index', { ...receipt, index: 0 }, 'ERR_INCLUSION'],
      ['the last index', { ...receipt, index: history.size - 1 }, 'ERR_INCLUSION'],
      ['the index of the size', { ...receipt, index: history.size }, 'ERR_INCLUSION'],
      ['the index plus the size', { ...receipt, index: 5 + history.size }, 'ERR_INCLUSION'],
      ['the index plus 2^32', { ...receipt, index: 5 + 2 ** 32 }, 'ERR_INCLUSION'],
      ['index 2^53 - 1', { ...receipt, index: Number.MAX_SAFE_INTEGER }, 'ERR_INCLUSION']
    ])
  ]
}

/** Parts of one valid receipt in another. */
export function splicedCases(ledger: SmallLedger): Case[] {
  const other = new SmallLedger(FOUNDERS, 'another network')
  for (const { block } of ledger.blocks) other.addBlock(block.transactions)
  const [receipt, next, older] = [ledger.receipt(5), ledger.receipt(6), ledger.receipt(5, 4)]
  const foreign = other.receipt(5)
  return [
    ...refused('other-network', ledger.network, [
      ['a receipt of another network', foreign, 'ERR_OTHER_NETWORK'],
      ['another genesis', { ...receipt, genesis: other.genesisBytes }, 'ERR_OTHER_NETWORK'],
      ['a header of another network', { ...receipt, header: foreign.header }, 'ERR_OTHER_NETWORK'],
      [
        'a header and a certificate of another network',
        { ...receipt, header: foreign.header, certificate: foreign.certificate },
        'ERR_OTHER_NETWORK'
      ],
      [
        'this network in the header that another one certified',
        resigned(receipt, { network: other.network }),
        'ERR_OTHER_NETWORK'
      ],
      [
        'the certificate of another network',
        { ...receipt, certificate: foreign.certificate },
        'ERR_CERTIFICATE'
      ]
    ]),
    ...refused('other-network', other.network, [
      ['the other way round', receipt, 'ERR_OTHER_NETWORK']
    ]),
    ...refused('other-network', new Uint8Array(32), [['no network', receipt, 'ERR_OTHER_NETWORK']]),
    ...refused('spliced', ledger.network, [
      ['the transaction behind', { ...receipt, transaction: next.transaction }, 'ERR_INCLUSION'],
      ['the path of the transaction behind', { ...receipt, path: next.path }, 'ERR_INCLUSION'],
      [
        'the index and path of the transaction behind',
        { ...receipt, index: 6, path: next.path },
        'ERR_INCLUSION'
      ],
      ['the path of an older header', { ...receipt, path: older.path }, 'ERR_INCLUSION'],
      ['an older header', { ...receipt, header: older.header }, 'ERR_CERTIFICATE'],
      [
        'an older header and its certificate',
        { ...receipt, header: older.header, certificate: older.certificate },
        'ERR_INCLUSION'
      ],
      [
        'the newer history in an older header',
        { ...older, header: { ...older.header, history: receipt.header.history } },
        'ERR_CERTIFICATE'
      ],
      [
        'consistency of another header',
        { ...receipt, consistency: ledger.receipt(5, 5, 4).consistency },
        'ERR_CONSISTENCY'
      ]
    ])
  ]
}

/** Genesis documents that must not found a network, each trusted as the network that it would be. spec F-6. */
export function genesisCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(5)
  const genesis = testGenesis()
  const [first, second] = genesis.members
  const withKey = (consensusKey: Uint8Array): Genesis => ({
    ...genesis,
    members: genesis.members.with(0, { ...first!, consensusKey })
  })
  const all: readonly (readonly [string, Genesis, string])[] = [
    ['a consensus key that is the neutral point', withKey(littleEndianKey(1n)), 'ERR_KEY_INVALID'],
    ['a consensus key of order two', withKey(littleEndianKey(2n ** 255n - 20n)), 'ERR_KEY_INVALID'],
    ['a consensus key of order four', withKey(new Uint8Array(32)), 'ERR_KEY_INVALID'],
    [
      'a consensus key beyond the field',
      withKey(littleEndianKey(2n ** 255n - 18n)),
      'ERR_KEY_INVALID'
    ],
    ['a consensus key off the curve', withKey(littleEndianKey(2n)), 'ERR_KEY_INVALID'],
    [
      'an operator key off the curve',
      {
        ...genesis,
        members: genesis.members.with(0, {
          ...first!,
          operatorKey: { algorithm: 'es256', bytes: new Uint8Array(33).with(0, 2).with(32, 1) }
        })
      },
      'ERR_KEY_INVALID'
    ],
    [
      'one key in two places',
      {
        ...genesis,
        members: genesis.members.with(1, { ...second!, consensusKey: first!.consensusKey })
      },
      'ERR_GENESIS'
    ],
    ['three members', { ...genesis, members: genesis.members.slice(0, 3) }, 'ERR_GENESIS'],
    [
      'a threshold above the recovery keys',
      { ...genesis, recovery: { ...genesis.recovery, threshold: 4 } },
      'ERR_GENESIS'
    ],
    [
      'one contract twice',
      { ...genesis, contracts: [...genesis.contracts, genesis.contracts[0]!] },
      'ERR_GENESIS'
    ],
    ['a name with a line break', { ...genesis, name: 'one\ntwo' }, 'ERR_SCHEMA']
  ]
  return all.flatMap(([why, each, code]) => {
    const bytes = genesisFormat.encode(each)
    return refused('genesis', networkId(bytes), [[why, { ...receipt, genesis: bytes }, code]])
  })
}

function littleEndianKey(value: bigint): Uint8Array {
  const key = new Uint8Array(32)
  for (let at = 0, rest = value; at < 32; at++, rest >>= 8n) key[at] = Number(rest & 0xffn)
  return key
}
