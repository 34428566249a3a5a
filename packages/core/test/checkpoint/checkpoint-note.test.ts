import * as fc from 'fast-check'
import t from 'tap'
import { concatBytes, equalBytes, u64be, utf8 } from '../../src/bytes.ts'
import {
  checkpointNote,
  noteVerifierKeys,
  verifyCheckpointNote
} from '../../src/checkpoint/checkpoint-note.ts'
import { checkpointOrigin, cosignerName } from '../../src/checkpoint/checkpoint.ts'
import { formatNote, noteKeyId, parseNote } from '../../src/checkpoint/signed-note.ts'
import { errorCode } from '../../src/errors.ts'
import { refusalOf } from '../ledger/refusal.ts'
import { seed, testMember } from '../ledger/small-ledger.ts'
import {
  checkpointSigner,
  keysOf,
  leavesLedger,
  NAMES,
  sharesOf,
  SIGNED_AT,
  trustOf
} from './checkpoint-fixture.ts'

const { checkpoint } = leavesLedger(5)
const trust = trustOf(checkpoint.network)
const shares = await sharesOf(checkpoint)
const note = checkpointNote(shares, keysOf(trust))
const lines = note.split('\n')

/** The note with only these of its lines: 4 and on are the log's signatures, 8 and on the cosignatures. */
function withLines(...kept: readonly number[]): string {
  return `${[...lines.slice(0, 4), ...kept.map(at => lines[at]!)].join('\n')}\n`
}

function codeOf(text: string, trusted: typeof trust = trust): string | undefined {
  return refusalOf(() => verifyCheckpointNote(text, trusted))?.code
}

t.test('a note of all validators shows who cosigned it and when', async t => {
  t.equal(lines.length, 4 + 4 + 4 + 1)
  t.same(verifyCheckpointNote(note, trust), {
    size: 5,
    root: checkpoint.root,
    signers: trust.validators.map(each => each.member),
    times: [0, 1, 2, 3].map(seconds => SIGNED_AT + seconds)
  })
})

t.test('a quorum of cosignatures and one log signature suffice, less does not', async t => {
  const { signers, times } = verifyCheckpointNote(withLines(7, 11, 8, 9), trust)
  t.same(
    signers,
    [0, 1, 3].map(at => trust.validators[at]!.member),
    'in the order of the set'
  )
  t.same(
    times,
    [0, 1, 3].map(seconds => SIGNED_AT + seconds)
  )
  t.equal(codeOf(withLines(4, 5, 6, 7, 8, 9)), 'ERR_CHECKPOINT', 'two of four')
  t.equal(codeOf(withLines(8, 9, 10, 11)), 'ERR_CHECKPOINT', 'nobody as the log')
  t.equal(codeOf(withLines(4, 8, 8, 9)), 'ERR_CHECKPOINT', 'one of them twice')
  t.equal(codeOf(withLines(4, 4, 8, 9, 10)), 'ERR_CHECKPOINT', 'the log twice by one key')
  // Seven validators: f is 2, a quorum 5.
  const seven = trustOf(checkpoint.network, NAMES)
  const all = await sharesOf(checkpoint, NAMES)
  t.equal(codeOf(checkpointNote(all.slice(1, 6), keysOf(seven)), seven), undefined, 'five of seven')
  t.equal(codeOf(checkpointNote(all.slice(1, 5), keysOf(seven)), seven), 'ERR_CHECKPOINT', 'four')
})

t.test('signatures by unknown keys are ignored, as C2SP demands', async t => {
  const stranger = checkpointSigner('stranger').publicKey.bytes
  const origin = checkpointOrigin(checkpoint.network)
  const parsed = parseNote(note)
  const others = [
    { name: 'witness.example/w1', keyId: seed('w1').slice(0, 4), signature: new Uint8Array(2_500) },
    // The name of a known key with another id, and the id of a known key with another name.
    {
      name: origin,
      keyId: noteKeyId({ name: origin, type: 'ed25519', publicKey: stranger }),
      signature: new Uint8Array(64)
    },
    { ...parsed.signatures[0]!, name: 'example.com' }
  ]
  const text = formatNote({ text: parsed.text, signatures: [...others, ...parsed.signatures] })
  t.equal(verifyCheckpointNote(text, trust).signers.length, 4)
  t.equal(codeOf(formatNote({ text: parsed.text, signatures: others })), 'ERR_CHECKPOINT', 'alone')
  const five = await sharesOf(checkpoint, NAMES.slice(0, 5))
  const ofFive = checkpointNote(five, keysOf(trustOf(checkpoint.network, NAMES)))
  t.equal(verifyCheckpointNote(ofFive, trust).signers.length, 4, 'a fifth hospital is no validator')
})

t.test('a signature that a known key did not make refuses the note', async t => {
  const parsed = parseNote(note)
  for (const at of parsed.signatures.keys()) {
    const signature = parsed.signatures[at]!
    for (const damaged of [
      signature.signature.with(3, signature.signature[3]! ^ 1),
      signature.signature.with(20, signature.signature[20]! ^ 1),
      signature.signature.slice(1),
      concatBytes([signature.signature, Uint8Array.of(0)]),
      concatBytes([u64be(2 ** 53), signature.signature.slice(-64)])
    ]) {
      const signatures = parsed.signatures.with(at, { ...signature, signature: damaged })
      t.equal(codeOf(formatNote({ text: parsed.text, signatures })), 'ERR_CHECKPOINT')
    }
  }
})

t.test('two keys with one id are told apart by the signature', async t => {
  // A member can search for a key whose id is that of another: four bytes are few. Here they are equal altogether.
  const [first, second] = trust.validators
  const twins = {
    ...trust,
    validators: [{ ...first!, checkpointKey: second!.checkpointKey }, ...trust.validators.slice(1)]
  }
  t.equal(codeOf(withLines(5, 6, 9, 10, 11), twins), undefined)
})

t.test('another network, other validators and another text are refused', async t => {
  t.equal(codeOf(note, { ...trust, network: seed('another network') }), 'ERR_OTHER_NETWORK')
  t.equal(codeOf(note, trustOf(checkpoint.network, NAMES.slice(3))), 'ERR_CHECKPOINT')
  t.equal(codeOf(note.replace('\n5\n', '\n6\n')), 'ERR_CHECKPOINT', 'another size')
  t.equal(codeOf(note.replace('\n5\n', '\n05\n')), 'ERR_SCHEMA')
  t.equal(codeOf(note.replace('=\n\n', '=\nextension\n\n')), 'ERR_SCHEMA')
  t.equal(codeOf(note.replace('vitalchain', 'example')), 'ERR_SCHEMA')
  t.equal(codeOf(''), 'ERR_SCHEMA')
})

t.test('a note is made of shares of one checkpoint by known members', async t => {
  const other = await sharesOf({ ...checkpoint, size: 6 })
  const codeOfShares = (all: typeof shares): string | undefined =>
    refusalOf(() => checkpointNote(all, keysOf(trust)))?.code
  t.equal(codeOfShares([]), 'ERR_CHECKPOINT')
  t.equal(codeOfShares([shares[0]!, other[1]!]), 'ERR_CHECKPOINT')
  t.equal(codeOfShares(await sharesOf(checkpoint, ['Essen'])), 'ERR_CHECKPOINT', 'unknown')
  t.equal(
    checkpointNote([...shares, ...(await sharesOf(checkpoint, ['Essen']))], keysOf(trust)),
    note
  )
  const many = Array.from({ length: 51 }, () => shares[0]!)
  t.equal(codeOfShares(many), 'ERR_CHECKPOINT', 'more than a network can have')
})

t.test('50 validators make a note of 100 signatures, which generic tools read', async t => {
  const names = Array.from({ length: 50 }, (_, at) => `hospital ${at}`)
  const fifty = trustOf(checkpoint.network, names)
  const text = checkpointNote(await sharesOf(checkpoint, names), keysOf(fifty))
  t.equal(parseNote(text).signatures.length, 100)
  t.ok(utf8(text).length < 30_000, `${utf8(text).length} bytes`)
  t.equal(verifyCheckpointNote(text, fifty).signers.length, 50)
})

t.test('the verifier keys name each validator as the log and as a cosigner', async t => {
  const keys = noteVerifierKeys(checkpoint.network, trust.validators)
  const origin = checkpointOrigin(checkpoint.network)
  t.equal(keys.length, 8)
  for (const [at, key] of keys.entries()) {
    const { member } = testMember(NAMES[at % 4]!).validator
    const [name, id, material] = key.split('+')
    t.equal(name, at < 4 ? origin : cosignerName(checkpoint.network, member))
    const signature = parseNote(note).signatures[at]!
    t.equal(id, Buffer.from(signature.keyId).toString('hex'))
    t.equal(Buffer.from(material!, 'base64')[0], at < 4 ? 1 : 4)
  }
})

t.test('a changed character leaves a note of the same checkpoint, or none', async () => {
  const characters = fc.constantFrom(
    'A',
    'z',
    '0',
    '+',
    '/',
    '=',
    ' ',
    '\n',
    '—',
    '.',
    '\t',
    '\u0000',
    '\ud800'
  )
  const damaged = fc
    .tuple(fc.nat(note.length), fc.nat(2), fc.array(characters, { maxLength: 2 }))
    .map(([at, cut, put]) => note.slice(0, at) + put.join('') + note.slice(at + cut))
  fc.assert(
    fc.property(damaged, text => {
      try {
        // A name or key id that changed makes an unknown key: what is left must still be a quorum of the same root.
        const { size, root, signers } = verifyCheckpointNote(text, trust)
        return size === 5 && equalBytes(root, checkpoint.root) && signers.length >= 3
      } catch (error) {
        return /^ERR_(SCHEMA|TOO_LARGE|OTHER_NETWORK|CHECKPOINT)$/.test(errorCode(error))
      }
    }),
    { numRuns: 500, seed: 3 }
  )
})
