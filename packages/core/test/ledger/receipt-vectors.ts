import { fromHex, toHex } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import { isVitalchainError } from '../../src/errors.ts'
import type { Header } from '../../src/ledger/header.ts'
import { RECEIPT_BYTES_MAX } from '../../src/ledger/limits.ts'
import { receiptFormat, verifyReceipt, type Receipt } from '../../src/ledger/receipt.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import { itemsOf, replaced } from './fields.ts'
import {
  certify,
  FOUNDERS,
  movingLedger,
  SmallLedger,
  TestDevice,
  testMember,
  validatorsOf,
  type TestMember
} from './small-ledger.ts'
import { toJson, type Json } from './vector-json.ts'

interface Case {
  readonly why: string
  readonly receipt: Uint8Array
  readonly network: Uint8Array
  /** The code that a verifier must refuse it with; undefined for the valid ones. */
  readonly code: string | undefined
}

/** Valid receipts, and invalid ones with the code of their refusal. Each is checked before it becomes a vector. */
export async function receiptVectors(): Promise<Json> {
  const short = await twoBlocks()
  const moving = await movingLedger()
  const cases = [
    ...validCases(short, moving),
    ...forgedCases(short),
    ...(await unfitCases()),
    ...handOverCases(moving),
    ...structureCases(short),
    ...byteCases(short)
  ]
  for (const each of cases) check(each)
  return {
    purpose:
      'Receipts (F-15) and the verdict on each by the steps of F-16, with the network id as what is trusted. A verifier takes every valid one and refuses every invalid one with its code.',
    networks: [short, moving].map(({ network, genesisBytes }) => ({
      network: toHex(network),
      genesis: toHex(genesisBytes)
    })),
    valid: cases
      .filter(each => each.code === undefined)
      .map(each => ({ ...show(each), proves: proves(each) })),
    invalid: cases.filter(each => each.code !== undefined).map(show)
  }
}

function show({ why, receipt, network, code }: Case) {
  return {
    why,
    network: toHex(network),
    ...(code === undefined ? {} : { code }),
    receipt: toHex(receipt)
  }
}

/** What a verifier must find in a valid receipt. */
function proves({ receipt, network }: Case): Json {
  const { index, header, blockHash, transaction, validators, handOvers, certifiedBy } =
    verifyReceipt(receipt, { genesis: network })
  return toJson({
    index,
    height: header.height,
    time: header.time,
    blockHash,
    transactionType: transaction.type,
    transactionId: transaction.id,
    validators,
    handOvers,
    certifiedBy
  })
}

function check({ why, receipt, network, code }: Case): void {
  let found: string | undefined
  try {
    verifyReceipt(receipt, { genesis: network })
  } catch (error) {
    found = isVitalchainError(error) ? error.code : String(error)
  }
  if (found !== code)
    throw new Error(`${why}: expected ${code ?? 'valid'}, found ${found ?? 'valid'}`)
}

async function twoBlocks(): Promise<SmallLedger> {
  const ledger = new SmallLedger()
  const monitor = new TestDevice(ledger.network, 'ed25519', 'monitor')
  ledger.addBlock([await monitor.nextTransaction()])
  ledger.addBlock(
    [
      await new TestDevice(ledger.network, 'es256', 'pump').nextTransaction(),
      await monitor.nextTransaction()
    ],
    { signers: [0, 2, 3], view: 2 }
  )
  ledger.addBlock([await monitor.transaction(monitor.gap(2))], { signers: [1, 2, 3] })
  return ledger
}

function valid(why: string, { network }: SmallLedger, receipt: Uint8Array): Case {
  return {
    why,
    receipt,
    network,
    code: undefined
  }
}

function validCases(short: SmallLedger, moving: SmallLedger): Case[] {
  return [
    valid('the only transaction of the first block', short, short.encodedReceipt(0, 1)),
    valid('the first transaction against a newer header', short, short.encodedReceipt(0)),
    valid('a statement signed with ES256', short, short.encodedReceipt(1, 2)),
    valid('a gap statement', short, short.encodedReceipt(3)),
    valid(
      'a header that hands over, signed by the validators before',
      moving,
      moving.encodedReceipt(1, 2)
    ),
    valid('one hand-over: a fifth validator', moving, moving.encodedReceipt(0, 3)),
    valid('three hand-overs', moving, moving.encodedReceipt(0)),
    valid('a transaction after three hand-overs', moving, moving.encodedReceipt(7))
  ]
}

/** Receipts of attackers who hold keys that do not suffice. */
function forgedCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(0)
  const strangers = ['M1', 'M2', 'M3', 'M4'].map(name => testMember(name))
  const forged = (
    changes: Partial<Header>,
    by: readonly TestMember[] = FOUNDERS,
    options?: Parameters<typeof certify>[2]
  ): Receipt => {
    const header = { ...receipt.header, ...changes }
    return { ...receipt, header, certificate: certify(header, by, options) }
  }
  const other = new SmallLedger(FOUNDERS, 'another network')
  const cases: readonly (readonly [string, Receipt, string])[] = [
    ['another genesis', { ...receipt, genesis: other.genesisBytes }, 'ERR_OTHER_NETWORK'],
    ['a header of another network', forged({ network: other.network }), 'ERR_OTHER_NETWORK'],
    ['certified by strangers', forged({}, strangers), 'ERR_CERTIFICATE'],
    [
      'strangers under their own hash',
      forged({ validatorsHash: hashValidatorSet(validatorsOf(strangers)) }, strangers),
      'ERR_HANDOVER'
    ],
    ['two of four', forged({}, FOUNDERS, { signers: [0, 1] }), 'ERR_CERTIFICATE'],
    [
      'four of four, one too many',
      forged({}, FOUNDERS, { signers: [0, 1, 2, 3] }),
      'ERR_CERTIFICATE'
    ],
    ['prepare votes', forged({}, FOUNDERS, { phase: 'prepare' }), 'ERR_CERTIFICATE'],
    [
      'a signer outside of the set',
      { ...receipt, certificate: { ...receipt.certificate, signers: [1, 2, 4] } },
      'ERR_CERTIFICATE'
    ],
    [
      'the signatures of other validators',
      { ...receipt, certificate: { ...receipt.certificate, signers: [0, 1, 2] } },
      'ERR_CERTIFICATE'
    ],
    [
      'another view than was signed',
      { ...receipt, certificate: { ...receipt.certificate, view: 1 } },
      'ERR_CERTIFICATE'
    ],
    [
      'another height than was signed',
      { ...receipt, certificate: { ...receipt.certificate, height: 2 } },
      'ERR_CERTIFICATE'
    ],
    [
      'the certificate of another block',
      { ...receipt, certificate: ledger.receipt(0, 2).certificate },
      'ERR_CERTIFICATE'
    ],
    [
      'a header with another time under the old certificate',
      { ...receipt, header: { ...receipt.header, time: receipt.header.time + 1 } },
      'ERR_CERTIFICATE'
    ],
    ['a recovery epoch', forged({ recoveryEpoch: 1 }), 'ERR_HANDOVER'],
    [
      'another history root',
      forged({ history: { ...receipt.header.history, root: new Uint8Array(32) } }),
      'ERR_INCLUSION'
    ],
    [
      'a smaller history',
      forged({ history: { ...receipt.header.history, size: 2 } }),
      'ERR_INCLUSION'
    ],
    [
      'an empty history',
      forged({ history: { ...receipt.header.history, size: 0 } }),
      'ERR_INCLUSION'
    ],
    ['another index', { ...receipt, index: 1 }, 'ERR_INCLUSION'],
    ['an index outside of the history', { ...receipt, index: 4 }, 'ERR_INCLUSION'],
    ['another transaction', { ...receipt, transaction: ledger.transactions[1]! }, 'ERR_INCLUSION'],
    ['a path that is too short', { ...receipt, path: receipt.path.slice(1) }, 'ERR_INCLUSION'],
    [
      'a path that is too long',
      { ...receipt, path: [...receipt.path, new Uint8Array(32)] },
      'ERR_INCLUSION'
    ],
    ['a path in the wrong order', { ...receipt, path: receipt.path.toReversed() }, 'ERR_INCLUSION'],
    ['no path', { ...receipt, path: [] }, 'ERR_INCLUSION']
  ]
  return cases.map(([why, each, code]) => ({
    why,
    receipt: receiptFormat.encode(each),
    network: ledger.network,
    code
  }))
}

/** Transactions that a dishonest quorum certified although no honest validator would have. */
async function unfitCases(): Promise<Case[]> {
  const ledger = new SmallLedger()
  const { network } = ledger
  const good = await new TestDevice(network, 'ed25519', 'monitor').nextTransaction()
  const es256 = await new TestDevice(network, 'es256', 'pump').nextTransaction()
  const foreign = await new TestDevice(new Uint8Array(32), 'ed25519', 'monitor').nextTransaction()
  const last = good.length - 1
  const codes: readonly (readonly [string, Uint8Array, string])[] = [
    ['an Ed25519 signature that is not valid', good.with(last, good[last]! ^ 1), 'ERR_SIGNATURE'],
    [
      'an ES256 signature that is not valid',
      es256.with(es256.length - 1, es256.at(-1)! ^ 1),
      'ERR_SIGNATURE'
    ],
    ['an ES256 signature with high S', highS(es256), 'ERR_SIGNATURE'],
    ['a statement for another network', foreign, 'ERR_OTHER_NETWORK'],
    [
      'an unknown kind of transaction',
      encodeCbor(['vitalchain/tx', 3, Uint8Array.of(1)]),
      'ERR_SCHEMA'
    ],
    [
      'a statement without signature',
      encodeCbor(['vitalchain/tx', 0, Uint8Array.of(0x80)]),
      'ERR_SCHEMA'
    ],
    ['bytes that are no transaction', Uint8Array.of(0xff), 'ERR_ENCODING']
  ]
  ledger.addBlock(codes.map(([, transaction]) => transaction))
  return codes.map(([why, , code], index) => ({
    why: `certified, but ${why}`,
    receipt: ledger.encodedReceipt(index),
    network,
    code
  }))
}

/** The other valid S of an ECDSA signature at the end of a transaction: the order of P-256 less S. */
function highS(transaction: Uint8Array): Uint8Array {
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const s = BigInt(`0x${toHex(transaction.subarray(-32))}`)
  const high = fromHex((order - s).toString(16).padStart(64, '0'))
  const changed = Uint8Array.from(transaction)
  changed.set(high, transaction.length - 32)
  return changed
}

function handOverCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(2)
  const [a, b, c] = [receipt.handOvers[0]!, receipt.handOvers[1]!, receipt.handOvers[2]!]
  const stranger = testMember('Mallory').validator
  const chains: readonly (readonly [string, Receipt['handOvers'], string])[] = [
    ['none', [], 'ERR_HANDOVER'],
    ['the first skipped', [b, c], 'ERR_HANDOVER'],
    ['the middle one skipped', [a, c], 'ERR_HANDOVER'],
    ['the last skipped', [a, b], 'ERR_HANDOVER'],
    ['the first twice', [a, a, b, c], 'ERR_HANDOVER'],
    ['the last twice', [a, b, c, c], 'ERR_HANDOVER'],
    ['swapped', [b, a, c], 'ERR_HANDOVER'],
    [
      'to validators in another order',
      [{ ...a, validators: a.validators.toReversed() }, b, c],
      'ERR_HANDOVER'
    ],
    ['to a stranger', [{ ...a, validators: a.validators.with(4, stranger) }, b, c], 'ERR_HANDOVER'],
    [
      'with the certificate of another',
      [{ ...a, certificate: b.certificate }, b, c],
      'ERR_CERTIFICATE'
    ],
    [
      'with one signature less',
      [
        {
          ...a,
          certificate: {
            ...a.certificate,
            signers: [0, 1],
            signatures: a.certificate.signatures.slice(0, 2)
          }
        },
        b,
        c
      ],
      'ERR_CERTIFICATE'
    ]
  ]
  return chains.map(([why, handOvers, code]) => ({
    why: `hand-overs: ${why}`,
    receipt: receiptFormat.encode({ ...receipt, handOvers }),
    network: ledger.network,
    code
  }))
}

/** Documents of another form. */
function structureCases(ledger: SmallLedger): Case[] {
  const document = decodeCbor(ledger.encodedReceipt(0), RECEIPT_BYTES_MAX)
  const items = itemsOf(document)
  const changes: readonly (readonly [string, CborValue])[] = [
    ['another kind', items.with(0, 'vitalchain/block')],
    ['another version', items.with(1, 2)],
    ['a field more', [...items, null]],
    ['a field less', items.slice(0, -1)],
    ['a map', new Map()],
    ['no genesis', items.with(2, new Uint8Array(0))],
    ['an unknown kind of hand-over', items.with(3, [[1, 0, 0, 0]])],
    ['a header as an array', items.with(4, [])],
    ['a bitmap that ends in zero', replaced(document, [5, 5], fromHex('0e00'))],
    ['an empty bitmap', replaced(document, [5, 5], new Uint8Array(0))],
    ['a negative index', items.with(6, -1)],
    ['a path with a hash of 31 bytes', items.with(7, [new Uint8Array(31)])],
    [
      'a path of 54 hashes',
      items.with(
        7,
        Array.from({ length: 54 }, () => new Uint8Array(32))
      )
    ],
    ['no transaction', items.with(8, new Uint8Array(0))]
  ]
  return changes.map(([why, value]) => ({
    why: `form: ${why}`,
    receipt: encodeCbor(value),
    network: ledger.network,
    code: 'ERR_SCHEMA'
  }))
}

/** Single bytes changed, cut off and added. Which code they get depends on where they are. */
function byteCases(ledger: SmallLedger): Case[] {
  const encoded = ledger.encodedReceipt(1)
  const { network } = ledger
  const changed: (readonly [string, Uint8Array])[] = []
  const flips = 16
  for (let k = 0; k < flips; k++) {
    const at = Math.floor(((k + 0.5) * encoded.length) / flips)
    changed.push([
      `bytes: bit ${k % 8} of byte ${at} flipped`,
      encoded.with(at, encoded[at]! ^ (1 << (k % 8)))
    ])
  }
  for (const length of [0, 1, encoded.length >> 1, encoded.length - 1])
    changed.push([`bytes: cut to ${length}`, encoded.subarray(0, length)])
  changed.push(['bytes: one more at the end', Uint8Array.from([...encoded, 0])])
  // The array head 0x89 in two bytes: the same value, another encoding.
  changed.push([
    'bytes: a length in its long form',
    Uint8Array.from([0x98, 0x09, ...encoded.subarray(1)])
  ])
  return changed.map(([why, receipt]) => ({
    why,
    receipt,
    network,
    code: refusalCode(receipt, network)
  }))
}

function refusalCode(receipt: Uint8Array, network: Uint8Array): string {
  try {
    verifyReceipt(receipt, { genesis: network })
  } catch (error) {
    if (isVitalchainError(error)) return error.code
  }
  throw new Error('a changed byte must be refused')
}
