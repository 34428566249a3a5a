import { toHex } from '../../src/bytes.ts'
import type { Pin } from '../../src/ledger/anchor.ts'
import { EMPTY_ROOT } from '../../src/merkle/history.ts'
import { check, show, verifierOf, type Case } from './receipt-cases.ts'
import { fieldCases, formCases, pathCases } from './receipt-damaged.ts'
import { bitCases, encodingCases, lengthCases } from './receipt-encodings.ts'
import { certificateCases, genesisCases, misfitCases, splicedCases } from './receipt-forged.ts'
import { handOverCases, pinCases, retiredCases, weakValidatorCases } from './receipt-lineage.ts'
import { unfitCases } from './receipt-unfit.ts'
import { movingLedger, plainLedger, SmallLedger, TestDevice } from './small-ledger.ts'
import { toJson, type Json } from './vector-json.ts'

/** Valid receipts, and invalid ones with the code of their refusal. Each is checked before it becomes a vector. */
export async function receiptVectors(): Promise<Json> {
  const [short, plain, moving] = [await twoBlocks(), await plainLedger(), await movingLedger()]
  const cases = [
    ...validCases(short, plain, moving),
    ...certificateCases(plain, moving),
    ...misfitCases(plain),
    ...splicedCases(plain),
    ...genesisCases(plain),
    ...handOverCases(moving),
    ...(await retiredCases(moving)),
    ...pinCases(moving),
    ...(await weakValidatorCases()),
    ...(await unfitCases()),
    ...fieldCases(moving),
    ...pathCases(plain),
    ...formCases(plain),
    ...encodingCases(plain),
    ...lengthCases(plain),
    ...bitCases(plain)
  ]
  for (const each of cases) check(each)
  return {
    purpose:
      'Receipts (F-15) and the verdict on each by the steps of F-16. Trusted is the network id and, where one is given, the pin: size and root of a history, and perhaps the hash of the validators that certified it. A verifier takes every valid one and refuses every invalid one with its code. `kind` says what was done to it.',
    networks: [plain, moving].map(({ network, genesisBytes }) => ({
      network: toHex(network),
      genesis: toHex(genesisBytes)
    })),
    valid: cases
      .filter(each => each.code === undefined)
      .map(each => ({ ...show(each), proves: proves(each) })),
    invalid: cases.filter(each => each.code !== undefined).map(show)
  }
}

/** What a verifier must find in a valid receipt. */
function proves(each: Case): Json {
  const { index, header, blockHash, transaction, validators, handOvers, certifiedBy, trust } =
    verifierOf(each)(each.receipt)
  return toJson({
    index,
    height: header.height,
    time: header.time,
    blockHash,
    transactionType: transaction.type,
    transactionId: transaction.id,
    validators,
    handOvers,
    certifiedBy,
    trust
  })
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

function valid(why: string, ledger: SmallLedger, receipt: Uint8Array, pin?: Pin): Case {
  return { kind: 'valid', why, receipt, network: ledger.network, pin, code: undefined }
}

function validCases(short: SmallLedger, plain: SmallLedger, moving: SmallLedger): Case[] {
  const known = { validators: true }
  return [
    valid('the only transaction of the first block', short, short.encodedReceipt(0, 1)),
    valid('the first transaction against a newer header', short, short.encodedReceipt(0)),
    valid('a statement signed with ES256', short, short.encodedReceipt(1, 2)),
    valid('a gap statement', short, short.encodedReceipt(3)),
    valid('the last of 24 transactions', plain, plain.encodedReceipt(23)),
    valid('a path of five hashes', plain, plain.encodedReceipt(5)),
    valid('with consistency that nobody asked for', plain, plain.encodedReceipt(5, undefined, 7)),
    valid(
      'a header that hands over, signed by the validators before',
      moving,
      moving.encodedReceipt(1, 2)
    ),
    valid('one hand-over: a fifth validator', moving, moving.encodedReceipt(0, 3)),
    valid('three hand-overs', moving, moving.encodedReceipt(0)),
    valid('a transaction after three hand-overs', moving, moving.encodedReceipt(7)),
    valid('in the pinned history', plain, plain.encodedReceipt(5, undefined, 8), plain.pin(2)),
    valid('behind the pinned history', plain, plain.encodedReceipt(8, undefined, 8), plain.pin(2)),
    valid(
      'behind the pinned history, certified by the pinned validators',
      plain,
      plain.encodedReceipt(8, undefined, 8),
      plain.pin(2, known)
    ),
    valid('the pin is the history itself', plain, plain.encodedReceipt(5), plain.pin(6)),
    valid('the pin is the empty history', plain, plain.encodedReceipt(5), {
      size: 0,
      root: EMPTY_ROOT
    }),
    valid(
      'a pin from before two hand-overs',
      moving,
      moving.encodedReceipt(7, undefined, 3),
      moving.pin(3, known)
    ),
    valid(
      'a pin from behind all hand-overs',
      moving,
      moving.encodedReceipt(1, undefined, 8),
      moving.pin(8, known)
    )
  ]
}
