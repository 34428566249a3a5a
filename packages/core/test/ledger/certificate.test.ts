import t, { type Test } from 'tap'
import { toHex } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  certificateFormat,
  decodeCertificate,
  encodeCertificate,
  hashCertificate,
  verifyCertificate,
  type Certificate
} from '../../src/ledger/certificate.ts'
import { CERTIFICATE_BYTES_MAX, VALIDATORS_MAX } from '../../src/ledger/limits.ts'
import { quorum } from '../../src/ledger/validators.ts'
import { refusesField, withField } from './fields.ts'
import { certify, FOUNDERS, SmallLedger, testMember, validatorsOf } from './small-ledger.ts'

const members = [...FOUNDERS, ...['Essen', 'Fulda', 'Gera'].map(name => testMember(name))]
const set = validatorsOf(members)
const header = new SmallLedger(members).addBlock([])
const place = { network: header.network, recoveryEpoch: 0 }
const valid = certify(header, members, { signers: [0, 2, 3, 5, 6], view: 3 })

const refuses = (t: Test, certificate: Certificate, why: RegExp): void => {
  t.throws(() => verifyCertificate(certificate, set, place), {
    code: 'ERR_CERTIFICATE',
    message: why
  })
}

t.test('a certificate comes back from its bytes, and its hash is that of the bytes', async t => {
  const encoded = encodeCertificate(valid)
  t.strictSame(decodeCertificate(encoded), valid)
  t.equal(toHex(hashCertificate(valid)), toHex(sha256(encoded)))
  t.equal(toHex(hashCertificate(undefined)), '00'.repeat(32))
  const prepare: Certificate = { ...valid, phase: 'prepare' }
  t.strictSame(decodeCertificate(encodeCertificate(prepare)), prepare)
})

t.test(
  'exactly a quorum of valid signatures is a certificate, whichever validators signed',
  async t => {
    t.doesNotThrow(() => verifyCertificate(valid, set, place))
    for (const signers of [
      [0, 1, 2, 3, 4],
      [2, 3, 4, 5, 6],
      [0, 1, 3, 4, 6]
    ])
      t.doesNotThrow(() => verifyCertificate(certify(header, members, { signers }), set, place))
    t.doesNotThrow(() =>
      verifyCertificate(certify(header, members, { phase: 'prepare' }), set, place)
    )
  }
)

t.test('one signature less or more than a quorum is refused', async t => {
  refuses(t, certify(header, members, { signers: [0, 2, 3, 5] }), /exactly 5/)
  refuses(t, certify(header, members, { signers: [0, 1, 2, 3, 5, 6] }), /exactly 5/)
  refuses(t, certify(header, members, { signers: [] }), /exactly 5/)
  refuses(t, { ...valid, signatures: valid.signatures.slice(1) }, /exactly 5/)
})

t.test('one validator cannot sign twice, and nobody from outside of the set can', async t => {
  refuses(t, certify(header, members, { signers: [0, 2, 2, 5, 6] }), /stands twice/)
  refuses(t, { ...valid, signers: [0, 2, 3, 5, 7] }, /signer 7 is not a validator/)
  refuses(t, { ...valid, signers: [0, 2, 3, 5, 55] }, /signer 55 is not a validator/)
})

t.test('the signers stand in ascending order', async t => {
  refuses(
    t,
    certify(header, members, { signers: [2, 0, 3, 5, 6] }),
    /not a validator, or stands twice/
  )
})

t.test(
  'a signature counts only for its validator, network, epoch, height, view, phase and block',
  async t => {
    const bad = /signature of validator 0 is not valid/
    refuses(t, { ...valid, signers: [1, 2, 3, 5, 6] }, /signature of validator 1 is not valid/)
    refuses(t, { ...valid, height: 2 }, bad)
    refuses(t, { ...valid, view: 4 }, bad)
    refuses(t, { ...valid, phase: 'prepare' }, bad)
    refuses(t, { ...valid, blockHash: new Uint8Array(32) }, bad)
    for (const other of [
      { ...place, network: new Uint8Array(32) },
      { ...place, recoveryEpoch: 1 }
    ])
      t.throws(() => verifyCertificate(valid, set, other), {
        code: 'ERR_CERTIFICATE',
        message: bad
      })
    refuses(
      t,
      { ...valid, signatures: valid.signatures.with(4, valid.signatures[3]!) },
      /validator 6/
    )
  }
)

t.test('a set of one and sets of every size to the limit have certificates', async t => {
  for (const size of [1, 2, 3, 4, 8, 9, 17, VALIDATORS_MAX]) {
    const many = Array.from({ length: size }, (_, k) => testMember(`member ${k}`))
    const signers = Array.from({ length: quorum(size) }, (_, k) => size - quorum(size) + k)
    const certificate = certify(header, many, { signers })
    const encoded = encodeCertificate(certificate)
    t.ok(encoded.length <= CERTIFICATE_BYTES_MAX)
    t.doesNotThrow(() => verifyCertificate(decodeCertificate(encoded), validatorsOf(many), place))
  }
})

t.test('a bitmap has one form: no zero byte at its end, one signature for each bit', async t => {
  const encoded = encodeCertificate(valid)
  // Fields: kind, phase, height, view, block hash, bitmap, signatures.
  refusesField(
    t,
    certificateFormat,
    encoded,
    [5],
    [
      Uint8Array.of(0x6d, 0),
      Uint8Array.of(0),
      Uint8Array.of(0xff),
      Uint8Array.of(0x6c),
      new Uint8Array(8).fill(1)
    ]
  )
  refusesField(
    t,
    certificateFormat,
    encoded,
    [6],
    [
      new Uint8Array(64 * 4),
      new Uint8Array(64 * 6),
      new Uint8Array(64 * 5 + 1),
      new Uint8Array(64 * (VALIDATORS_MAX + 1))
    ]
  )
  t.strictSame(
    decodeCertificate(withField(certificateFormat, encoded, [5], Uint8Array.of(0x6d))),
    valid
  )
})

t.test("the limits of a certificate's other fields hold", async t => {
  const encoded = encodeCertificate(valid)
  refusesField(t, certificateFormat, encoded, [0], ['vitalchain/header'])
  refusesField(t, certificateFormat, encoded, [1], [2, 'commit'])
  refusesField(t, certificateFormat, encoded, [2], [0])
  refusesField(t, certificateFormat, encoded, [3], [2 ** 32])
  refusesField(t, certificateFormat, encoded, [4], [new Uint8Array(31)])
})

t.test('a simulation can bring its own verdict on signatures', async t => {
  const unsigned = { ...valid, signatures: valid.signatures.map(() => new Uint8Array(64)) }
  t.doesNotThrow(() => verifyCertificate(unsigned, set, place, () => true))
  t.throws(() => verifyCertificate(valid, set, place, () => false), { code: 'ERR_CERTIFICATE' })
})
