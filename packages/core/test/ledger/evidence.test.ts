import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { evidenceFormat } from '../../src/ledger/evidence-format.ts'
import { contradiction, verifyEvidence } from '../../src/ledger/evidence.ts'
import { justificationFault } from '../../src/ledger/justification.ts'
import { TRANSACTION_BYTES_MAX, VALIDATORS_MAX } from '../../src/ledger/limits.ts'
import { decodeTransaction, evidenceTransaction } from '../../src/ledger/transaction.ts'
import { quorum } from '../../src/ledger/validators.ts'
import {
  commitBy,
  justify,
  newViewBy,
  pairOf,
  placeOf,
  preparedBy,
  signedBy,
  validEvidence,
  VALIDATORS,
  viewChangeBy,
  worthlessEvidence,
  X,
  Y
} from './evidence-vectors.ts'
import { refusesField, withField } from './fields.ts'

const { network, recoveryEpoch } = placeOf(0)
const height = { network, recoveryEpoch, validators: VALIDATORS }

for (const [what, evidence] of Object.entries(validEvidence())) {
  t.test(`${what} convict the member whose key signed`, async t => {
    const transaction = decodeTransaction(evidenceTransaction(evidence))
    if (transaction.type !== 'evidence') throw new Error('another kind of transaction')
    t.strictSame(transaction.evidence, evidence)
    t.equal(toHex(transaction.id), toHex(sha256(evidenceTransaction(evidence))))
    t.strictSame(verifyEvidence(transaction.evidence, height), {
      member: VALIDATORS[evidence.validator]!.member,
      height: 7,
      kind: evidence.kind
    })
  })

  t.test(`${what} prove nothing when a bit of a signature is another`, async t => {
    const encoded = evidenceFormat.encode(evidence)
    const own =
      evidence.kind === 'duplicate'
        ? [evidence.first, evidence.second]
        : evidence.kind === 'amnesia'
          ? [evidence.commit, evidence.viewChange]
          : [evidence.proposal]
    for (const { signature } of own) {
      const at = Buffer.from(encoded).indexOf(signature)
      for (const bit of [0, 255, 256, 511]) {
        const changed = Uint8Array.from(encoded)
        changed[at + (bit >> 3)]! ^= 1 << (bit & 7)
        t.throws(() => verifyEvidence(evidenceFormat.decode(changed), height), {
          code: 'ERR_NO_EVIDENCE'
        })
      }
    }
  })
}

for (const [what, evidence] of Object.entries(worthlessEvidence()))
  t.test(`${what} convicts nobody`, async t => {
    t.throws(() => verifyEvidence(evidence, height), { code: 'ERR_NO_EVIDENCE' })
  })

t.test(
  'what an honest validator signs in the course of a height never contradicts itself',
  async t => {
    // Views 1 to 3, each with a view change, a PREPARE and a COMMIT; in view 2 nothing was prepared.
    const votes = [
      signedBy(1, 0, { type: 'prepare', blockHash: X }),
      commitBy(1, 0, X),
      viewChangeBy(1, 1, 0, X),
      signedBy(1, 1, { type: 'prepare', blockHash: X }),
      viewChangeBy(1, 2, 0, X),
      viewChangeBy(1, 3, 0, X),
      signedBy(1, 3, { type: 'prepare', blockHash: X }),
      commitBy(1, 3, X),
      viewChangeBy(1, 4, 3, X)
    ]
    for (const a of votes)
      for (const b of votes) t.equal(contradiction(placeOf(1), a, b), undefined)
  }
)

t.test('one pair is one transaction, in whichever order it was found', async t => {
  const [a, b] = [commitBy(0, 2, X), commitBy(0, 2, Y)]
  t.strictSame(pairOf(0, a, b), pairOf(0, b, a))
  const [commit, change] = [commitBy(0, 2, X), viewChangeBy(0, 5)]
  t.strictSame(pairOf(0, commit, change), pairOf(0, change, commit))
})

t.test('a pair in the wrong order, or of one statement twice, is refused', async t => {
  const evidence = pairOf(0, commitBy(0, 2, X), commitBy(0, 2, Y))
  if (evidence.kind !== 'duplicate') throw new Error('another kind')
  const { first, second } = evidence
  for (const changed of [
    { ...evidence, first: second, second: first },
    { ...evidence, second: first }
  ]) {
    t.throws(() => evidenceFormat.decode(evidenceFormat.encode(changed)), { code: 'ERR_SCHEMA' })
  }
})

t.test('the limits of the fields hold', async t => {
  const encoded = evidenceFormat.encode(pairOf(0, commitBy(0, 2, X), commitBy(0, 2, Y)))
  refusesField(t, evidenceFormat, encoded, [0], ['vitalchain/call'])
  refusesField(t, evidenceFormat, encoded, [1], [new Uint8Array(31)])
  refusesField(t, evidenceFormat, encoded, [2], [2 ** 32])
  refusesField(t, evidenceFormat, encoded, [3], [0])
  refusesField(t, evidenceFormat, encoded, [4], [VALIDATORS_MAX])
  refusesField(t, evidenceFormat, encoded, [5], [[9, 1, 2]])
  refusesField(t, evidenceFormat, encoded, [5, 1, 0], [2 ** 32])
  // A status, and the READY of a newcomer, are no statements of a height.
  refusesField(
    t,
    evidenceFormat,
    encoded,
    [5, 1, 1],
    [
      [5, X, 0],
      [6, X]
    ]
  )
  refusesField(t, evidenceFormat, encoded, [5, 1, 2], [new Uint8Array(63)])
  const amnesia = evidenceFormat.encode(pairOf(0, commitBy(0, 2, X), viewChangeBy(0, 5)))
  refusesField(t, evidenceFormat, amnesia, [5, 2, 1], [-2, 2 ** 32], [-1])
  const other = withField(evidenceFormat, encoded, [4], 3)
  t.equal(evidenceFormat.decode(other).validator, 3)
})

t.test('the largest evidence fits a transaction', async t => {
  const claim = {
    sender: VALIDATORS_MAX - 1,
    preparedView: 0xffff_fffe,
    preparedHash: X,
    signature: new Uint8Array(64)
  }
  const signers = Array.from({ length: quorum(VALIDATORS_MAX) }, (_, k) => k + 16)
  const evidence = newViewBy(1, 0xffff_ffff, X, {
    claims: signers.map(() => claim),
    prepared: {
      ...preparedBy([], 0xffff_fffe, X),
      signers,
      signatures: signers.map(() => claim.signature)
    }
  })
  const { length } = evidenceTransaction(evidence)
  t.ok(length < 8 * 1024 && length < TRANSACTION_BYTES_MAX, `${length} bytes`)
})

t.test('a justification is checked by form before any signature', async t => {
  let checks = 0
  const count = (): boolean => {
    checks += 1
    return true
  }
  const place = { quorum: 3, view: 5, blockHash: X }
  const costly = { isSigned: count, isProven: count }
  const good = justify([0, 1, 2], 5, preparedBy([0, 1, 2], 3, X))
  t.equal(justificationFault(good, place, costly), undefined)
  t.equal(checks, 4)
  t.match(justificationFault({ ...good, prepared: undefined }, place, costly), 'no prepared')
  t.match(justificationFault(good, { ...place, blockHash: Y }, costly), 'another block')
  t.match(justificationFault(good, { ...place, view: 3 }, costly), 'contradicts itself')
  t.equal(checks, 4, 'which is all')
})
